/* SPDX-License-Identifier: Apache-2.0 */
/* The program: start, signals, reload, watchdog, end. */
#include "config.h"

#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "hufud/host.h"
#include "hufud/http.h"
#include "hufud/notify.h"
#include "hufud/record.h"
#include "rand/rand.h"
#include "stats/stats.h"
#include "store/postgres/register.h"

#define DEFAULT_CONF HUFU_SYSCONFDIR "/hufu/hufud.conf"
#define SELF_TEST_S 10             /* where no watchdog wants it more often */
#define EXIT_CONFIG 78             /* EX_CONFIG of sysexits(3) */

#define TLS_FILES 6

struct file_stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec modified;
};

struct tls_stamp {
	struct file_stamp files[TLS_FILES];
};

struct daemon {
	const char *path;
	struct event_base *base;
	struct machine *machine;
	struct server *server;
	struct http *http;
	struct supervisor *supervisor;
	struct event *term, *interrupt, *hup, *tick, *look;
	/* the machine's own operation */
	size_t asked;
	struct wire_header header;
	struct writer frame;
	atomic_bool failed;            /* the last one did */
	struct tls_stamp stamp;
	struct file_stamp states;      /* as they were when they were last read */
	bool draining;
};

/* -- the configuration ---------------------------------------------------------------------- */

static void tell_person(void *arg, const char *message)
{
	(void)arg;
	fprintf(stderr, "hufud: %s\n", message);
}

static void tell_log(void *arg, const char *message)
{
	(void)arg;
	log_error("%s", message);
}

/* machine: it must have one. A plain hufu.conf has none, but may have devices that want a process of their own. */
static struct conf *load_conf(const char *path, conf_report_fn tell, bool machine)
{
	char why[512];
	struct conf *conf = NULL;
	if (conf_load_file(path, tell, NULL, &conf) != HUFU_OK)
		return NULL;
	if (machine && !conf->machine.given && !supervisor_is_wanted(conf))
		snprintf(why, sizeof(why), "%s: there is no machine. Add machine { listen = { \"0.0.0.0:5696\" } ... }, hufud.conf(5)", path);
	else if (log_configure(conf->log_to, conf->log_level, why, sizeof(why)) == HUFU_OK)
		return conf;
	tell(NULL, why);
	conf_free(conf);
	return NULL;
}

/* *tls stays NULL where there are no certificates. */
static enum hufu_err load_tls(const struct conf_machine *conf, struct channel_context **tls)
{
	const struct channel_conf channel = {.server = true, .profile = conf->profile, .ca = conf->ca, .cert = conf->cert,
	                                     .key = conf->key, .crl = conf->crl, .enc_cert = conf->enc_cert, .enc_key = conf->enc_key};
	return conf->cert ? channel_context_new(&channel, tls) : HUFU_OK;
}

static int check_config(const char *path)
{
	struct conf *conf = load_conf(path, tell_person, true);
	struct channel_context *tls = NULL;
	if (!conf)
		return EXIT_CONFIG;
	bool good = !conf->machine.given || (machine_check(conf) == HUFU_OK && load_tls(&conf->machine, &tls) == HUFU_OK);
	channel_context_free(tls);
	if (good)
		printf("%s is good: %zu tokens, %zu devices, %zu identities\n", path, conf->ntokens, conf->ndevices, conf->nidentities);
	else
		fprintf(stderr, "hufud: what %s names cannot be used; the log has said why\n", path);
	conf_free(conf);
	return good ? EXIT_SUCCESS : EXIT_CONFIG;
}

/* -- reload ----------------------------------------------------------------------------------- */

/* All zero: there is none. */
static void stamp_file(const char *path, struct file_stamp *stamp)
{
	struct stat st;
	*stamp = (struct file_stamp){0};
	if (path && stat(path, &st) == 0)
		*stamp = (struct file_stamp){st.st_dev, st.st_ino, st.st_size, st.st_mtim};
}

/* Of the files that TLS is made of: what changes when one of them does. */
static void stamp_tls(const struct conf_machine *conf, struct tls_stamp *stamp)
{
	const char *const paths[TLS_FILES] = {conf->ca, conf->cert, conf->key, conf->crl, conf->enc_cert, conf->enc_key};
	for (size_t i = 0; i < TLS_FILES; i++)
		stamp_file(paths[i], &stamp->files[i]);
}

/* Whom the new certificates and lists would not let in is not to stay either: all come anew, and the others notice nothing. */
static void renew_tls(struct daemon *daemon, const struct conf_machine *conf, struct channel_context *tls)
{
	struct tls_stamp stamp;
	stamp_tls(conf, &stamp);
	server_set_tls(daemon->server, tls);
	if (memcmp(&stamp, &daemon->stamp, sizeof(stamp)) != 0)
		server_renew(daemon->server);
	daemon->stamp = stamp;
}

static bool take_over(struct daemon *daemon, struct conf *conf)
{
	struct channel_context *tls = NULL;
	if (!conf->machine.given || load_tls(&conf->machine, &tls) != HUFU_OK)
		return false;
	if (machine_reload(daemon->machine, conf) != HUFU_OK) {
		channel_context_free(tls);
		return false;
	}
	renew_tls(daemon, &conf->machine, tls);
	server_reconfigure(daemon->server, &conf->machine);
	supervisor_reconfigure(daemon->supervisor, conf);
	stamp_file(conf->states, &daemon->states);
	return true;
}

static void on_hup(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;
	(void)fd;
	(void)what;
	notify_reloading();
	struct conf *conf = load_conf(daemon->path, tell_log, true);
	bool good = conf && take_over(daemon, conf);
	if (good)
		log_notice("%s was read again", daemon->path);
	else {
		record_note(machine_audit(daemon->machine), "reload", HUFU_ERR_CONFIG, NULL);
		log_error("%s was not taken over: what was in force stays", daemon->path);
		conf_free(conf);
	}
	notify_ready(good ? "serving" : "serving; the last reload was refused");
}

/* hufu device drain and its kin write it, and expect that it holds without a signal. */
static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;
	struct file_stamp now;
	(void)fd;
	(void)what;
	stamp_file(machine_conf(daemon->machine)->states, &now);
	if (memcmp(&now, &daemon->states, sizeof(now)) == 0)
		return;
	daemon->states = now;
	log_notice("%s was changed and is in force", machine_conf(daemon->machine)->states);
	machine_reload_wishes(daemon->machine);
}

static enum hufu_err look_at_wishes(struct daemon *daemon)
{
	const struct timeval every = {.tv_sec = 1};
	stamp_file(machine_conf(daemon->machine)->states, &daemon->states);
	daemon->look = event_new(daemon->base, -1, EV_PERSIST, on_look, daemon);
	return daemon->look && event_add(daemon->look, &every) == 0 ? HUFU_OK : HUFU_ERR_NO_MEMORY;
}

/* -- the end ------------------------------------------------------------------------------------- */

/* What a call that hangs may still use is not freed: the process ends as it is. Whatever was acknowledged is in the store. */
static _Noreturn void end_as_it_is(const char *why)
{
	log_warning("%s: the process ends as it is", why);
	_exit(EXIT_FAILURE);
}

static void on_drained(void *arg, bool all)
{
	struct daemon *daemon = arg;
	if (!all)
		end_as_it_is("a request does not end");
	event_base_loopbreak(daemon->base);
}

static void on_term(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;
	(void)what;
	if (daemon->draining)
		end_as_it_is("a second signal");
	daemon->draining = true;
	record_note(machine_audit(daemon->machine), "drain", HUFU_OK, NULL);
	log_notice("signal %d: no connection is accepted any more; what is under way has %u ms to end", (int)fd,
	           machine_conf(daemon->machine)->machine.drain_ms);
	notify_stopping();
	server_drain(daemon->server, machine_conf(daemon->machine)->machine.drain_ms, on_drained, daemon);
}

/* -- the machine's own operation --------------------------------------------------------------------- */

/*
 * On a worker's thread. An answer is an answer: without a device the machine still works, and a restart would bring none
 * back. It is the loop that hangs, or a call that outlives its deadline, that the watchdog is for.
 */
static void on_self_test(void *arg, enum hufu_err err)
{
	struct daemon *daemon = arg;
	bool failed = err != HUFU_OK;
	if (failed != atomic_exchange(&daemon->failed, failed)) {
		if (failed)
			log_warning("the machine's own operation fails: %s", err_text(err));
		else
			log_notice("the machine's own operation works again");
	}
	notify_watchdog();
	if (!failed && daemon->http)
		http_note_self_test(daemon->http, clock_wall_s());
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *daemon = arg;
	const struct service *service;
	(void)fd;
	(void)what;
	machine_tend(daemon->machine);
	if (!machine_ntenants(daemon->machine)) {
		notify_watchdog();
		return;
	}
	size_t tenant = daemon->asked++ % machine_ntenants(daemon->machine);
	struct session *session = machine_session(daemon->machine, tenant, &service);
	if (!server_ask(daemon->server, session, service, &daemon->header, daemon->frame.data + WIRE_HEADER_LEN, on_self_test, daemon))
		log_warning("the machine's own operation has not ended yet");
}

/* 16 random bytes of a device, as a client would ask for them. */
static enum hufu_err start_self_test(struct daemon *daemon)
{
	const struct hufu_op op = {.size = sizeof(op), .verb = HUFU_VERB_RANDOM, .out_cap = 16, .repeatable = true};
	const struct wire_extra extra = {0};
	uint64_t every_us = SELF_TEST_S * 1000000ull;
	if (notify_watchdog_wanted(&every_us))
		every_us /= 3;
	const struct timeval tv = {.tv_sec = (time_t)(every_us / 1000000), .tv_usec = (suseconds_t)(every_us % 1000000)};
	writer_init(&daemon->frame, true);
	enum hufu_err err = wire_op_put(&daemon->frame, 0, (uint32_t)(every_us / 1000), WIRE_BODY_DEFAULT, &op, &extra);
	if (err == HUFU_OK)
		err = wire_header_get(daemon->frame.data, WIRE_BODY_DEFAULT, &daemon->header);
	if (err != HUFU_OK)
		return err;
	daemon->tick = event_new(daemon->base, -1, EV_PERSIST, on_tick, daemon);
	if (!daemon->tick || event_add(daemon->tick, &tv) != 0)
		return HUFU_ERR_NO_MEMORY;
	event_active(daemon->tick, EV_TIMEOUT, 1);
	return HUFU_OK;
}

/* -- the beginning -------------------------------------------------------------------------------------- */

/* Who is at the other end of a Unix socket is the kernel's word, and identities say who may: the file is open to all. */
static enum hufu_err listen_on(struct server *server, const char *address)
{
	char why[512];
	int fd;
	enum hufu_err err = channel_listen(address, &fd, why, sizeof(why));
	if (err != HUFU_OK) {
		log_error("%s", why);
		return err;
	}
	if (strncmp(address, "unix:", 5) == 0)
		(void)chmod(address + 5, 0666);
	err = server_listen(server, fd);
	if (err != HUFU_OK)
		close(fd);
	return err;
}

static enum hufu_err listen_on_all(struct server *server, char *const *addresses)
{
	int first;
	size_t n = notify_sockets(&first);
	enum hufu_err err = HUFU_OK;
	for (size_t i = 0; i < n && err == HUFU_OK; i++)
		err = server_listen(server, first + (int)i);
	for (; !n && *addresses && err == HUFU_OK; addresses++)
		err = listen_on(server, *addresses);
	return err;
}

static enum hufu_err start_server(struct daemon *daemon)
{
	const struct conf_machine *conf = &machine_conf(daemon->machine)->machine;
	const struct server_rules rules = machine_rules(daemon->machine);
	struct channel_context *tls = NULL;
	enum hufu_err err = load_tls(conf, &tls);
	if (err == HUFU_OK)
		err = server_new(daemon->base, conf, &rules, &daemon->server);
	if (err != HUFU_OK) {
		channel_context_free(tls);
		return err;
	}
	server_set_tls(daemon->server, tls);
	stamp_tls(conf, &daemon->stamp);
	err = listen_on_all(daemon->server, conf->listen);
	if (err == HUFU_OK && conf->http)
		err = http_new(daemon->base, conf->http, daemon->machine, daemon->server, &daemon->http);
	machine_warm_up(daemon->machine);
	return err == HUFU_OK ? server_start(daemon->server) : err;
}

static enum hufu_err watch_signals(struct daemon *daemon)
{
	daemon->term = evsignal_new(daemon->base, SIGTERM, on_term, daemon);
	daemon->interrupt = evsignal_new(daemon->base, SIGINT, on_term, daemon);
	daemon->hup = evsignal_new(daemon->base, SIGHUP, on_hup, daemon);
	return daemon->term && daemon->interrupt && daemon->hup && event_add(daemon->term, NULL) == 0 &&
	       event_add(daemon->interrupt, NULL) == 0 && event_add(daemon->hup, NULL) == 0 ? HUFU_OK : HUFU_ERR_NO_MEMORY;
}

static void clear(struct daemon *daemon)
{
	struct event *events[] = {daemon->term, daemon->interrupt, daemon->hup, daemon->tick, daemon->look};
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i])
			event_free(events[i]);
	if (daemon->server && !server_stop(daemon->server))
		end_as_it_is("a request does not end");
	http_free(daemon->http); /* the machine's own operation tells it of its end, on a worker's thread */
	server_free(daemon->server);
	machine_free(daemon->machine);
	supervisor_free(daemon->supervisor);
	writer_clear(&daemon->frame);
	if (daemon->base)
		event_base_free(daemon->base);
}

static int serve(const char *path)
{
	struct daemon daemon = {.path = path};
	struct conf *conf = load_conf(path, tell_person, true);
	if (!conf)
		return EXIT_CONFIG;
	if (!conf->machine.given)
		return supervisor_main(conf, path);
	enum hufu_err err = rand_start();
	stats_configure(conf);
	if (err == HUFU_OK)
		err = machine_new(conf, &daemon.machine);
	else
		conf_free(conf);
	daemon.base = event_base_new();
	if (err == HUFU_OK)
		err = daemon.base ? watch_signals(&daemon) : HUFU_ERR_NO_MEMORY;
	/* Before anything opens a device: its socket is there from then on. */
	if (err == HUFU_OK)
		err = supervisor_new(daemon.base, machine_conf(daemon.machine), path, &daemon.supervisor);
	if (err == HUFU_OK)
		err = record_event(machine_audit(daemon.machine), "start", HUFU_OK, PACKAGE_VERSION);
	if (err == HUFU_OK)
		err = start_server(&daemon);
	if (err == HUFU_OK)
		err = start_self_test(&daemon);
	if (err == HUFU_OK)
		err = look_at_wishes(&daemon);
	if (err == HUFU_OK) {
		log_notice("hufud %s serves as %s", PACKAGE_VERSION, machine_conf(daemon.machine)->machine.name);
		notify_ready("serving");
		event_base_dispatch(daemon.base);
		log_notice("hufud ends");
		record_note(machine_audit(daemon.machine), "stop", HUFU_OK, NULL);
	} else
		fprintf(stderr, "hufud: not started: %s. The log says more\n", err_text(err));
	clear(&daemon);
	rand_stop();
	return err == HUFU_OK ? EXIT_SUCCESS : err == HUFU_ERR_CONFIG ? EXIT_CONFIG : EXIT_FAILURE;
}

static void raise_limit(int resource)
{
	struct rlimit limit;
	if (getrlimit(resource, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(resource, &limit);
	}
}

static int host(const char *path, const char *device)
{
	struct conf *conf = load_conf(path, tell_log, false);
	return conf ? host_main(conf, device) : EXIT_CONFIG;
}

/* Keys are in this process's memory: nobody traces it, and no core of it is written. */
static void harden(void)
{
	const struct rlimit none = {0, 0};
	prctl(PR_SET_DUMPABLE, 0);
	setrlimit(RLIMIT_CORE, &none);
	raise_limit(RLIMIT_NOFILE); /* a connection takes one */
	raise_limit(RLIMIT_MEMLOCK);
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is that write's error */
}

static void usage(FILE *out)
{
	fprintf(out, "usage: hufud [--config FILE] [--check-config]\n"
	        "\n"
	        "The network cipher machine: serves the devices and tokens of its configuration, hufud(8).\n"
	        "\n"
	        "  -c, --config FILE   instead of %s\n"
	        "      --check-config  read it, and what it names, say what is wrong, and end\n"
	        "      --host DEVICE   be the process of one device (hufud starts them itself)\n"
	        "  -h, --help\n"
	        "  -V, --version\n", DEFAULT_CONF);
}

int main(int argc, char **argv)
{
	enum { OPTION_CHECK = 256, OPTION_HOST };
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
	                                        {"check-config", no_argument, NULL, OPTION_CHECK},
	                                        {"host", required_argument, NULL, OPTION_HOST},
	                                        {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
	const char *path = DEFAULT_CONF, *device = NULL;
	bool check = false;
	int option;
	while ((option = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case OPTION_CHECK:
			check = true;
			break;
		case OPTION_HOST:
			device = optarg;
			break;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		case 'V':
			printf("hufud %s\n", PACKAGE_VERSION);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return EXIT_FAILURE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "hufud: \"%s\" is no option\n", argv[optind]);
		usage(stderr);
		return EXIT_FAILURE;
	}
	harden();
	store_postgres_register();
	char *absolute = realpath(path, NULL); /* where nothing is there, the configuration's own words are better */
	if (absolute && path[0] != '/')
		path = absolute;
	int status = device ? host(path, device) : check ? check_config(path) : serve(path);
	free(absolute);
	return status;
}
