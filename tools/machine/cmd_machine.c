/* SPDX-License-Identifier: Apache-2.0 */
/* hufu machine init, hufu machine client: what a cipher machine and its clients need to begin with. */
#include "base/conf_edit.h"
#include "base/secret.h"
#include "rand/rand.h"
#include "tools/machine/pki.h"
#include "tools/report.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MASTER_LEN 32
#define DAYS_MAX 3650

const struct opt machine_init_opts[] = {
	{"name", 'n', "NAME", "of the machine, default machine1"},
	{"host", 0, "NAME", "a DNS name or address that clients reach it by, as often as needed; default 127.0.0.1"},
	{"port", 0, "PORT", "where it listens, default 5696"},
	{"token", 't', "NAME", "of its virtual machine, default main"},
	{"store", 0, "STORE", "of that, default sqlite:DIR/NAME.db; one of several machines: postgres:..."},
	{"days", 0, "DAYS", "that the certificate is valid, default 825"},
	{0},
};
const struct opt machine_client_opts[] = {
	{"machine", 'm', "NAME=HOST:PORT", "a machine that it is to use, as often as needed; default machine1=127.0.0.1:5696"},
	{"token", 't', "NAME", "of the virtual machine, default main"},
	{"grant", 0, "CONF", "a machine's configuration that is to know the client, as often as needed"},
	{"days", 0, "DAYS", "that the certificate is valid, default 825"},
	{0},
};

/* What both commands were asked for. */
struct wish {
	const struct args *args;
	char dir[PATH_MAX];        /* absolute */
	const char *token;
	struct pki_subject subject;
	char *text, *file;         /* the configuration, and the file that it goes to */
	char *identity;            /* client: the section that machines have to have */
};

static bool is_name(const char *name)
{
	const size_t len = strlen(name);

	return len > 0 && len <= 64 && name[0] != '.' && name[0] != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

static enum status check_name(const char *what, const char *name)
{
	return is_name(name) ? ST_OK : fail(ST_USAGE, "Use up to 64 letters, digits, '.', '_' and '-'.", "%s \"%s\" is no name", what, name);
}

static const char *or_default(const struct args *args, const char *option, const char *otherwise)
{
	const char *value = arg_get(args, option);

	return value ? value : otherwise;
}

static enum status wish_begin(const struct args *args, bool make_dir, struct wish *wish)
{
	const char *dir = arg_target(args, 0);

	wish->args = args;
	wish->token = or_default(args, "token", "main");
	if (make_dir && mkdir(dir, 0700) && errno != EEXIST)
		return fail_errno("Name a directory whose parent is there.", "making %s", dir);
	if (!realpath(dir, wish->dir))
		return fail_errno("Make it with: hufu machine init DIR", "%s", dir);
	enum status status = arg_number(args, "days", 1, DAYS_MAX, 825, &wish->subject.days);
	if (status == ST_OK)
		status = check_name("the token", wish->token);
	if (status == ST_OK)
		status = check_name("the name", wish->subject.name);
	if (status == ST_OK && (!strcmp(wish->subject.name, "ca") || !strcmp(wish->subject.name, "master")))
		status = fail(ST_USAGE, "Choose another.", "\"%s\" is the name of something else in that directory", wish->subject.name);
	if (status == ST_OK && asprintf(&wish->file, "%s.conf", wish->subject.name) < 0)
		status = fail_memory();
	return status;
}

static void wish_end(struct wish *wish)
{
	free(wish->text);
	free(wish->file);
	free(wish->identity);
}

static void setting(FILE *out, const char *key, const char *dir, const char *name, const char *suffix)
{
	fprintf(out, "\t%s = \"%s/%s%s\"\n", key, dir, name, suffix);
}

/* -- init -------------------------------------------------------------------------- */

static enum status make_master(const char *dir, bool *made)
{
	*made = !pki_has(dir, "master.key");
	if (!*made)
		return ST_OK;
	uint8_t *master = secret_alloc(MASTER_LEN);
	enum hufu_err err = master ? rand_bytes(master, MASTER_LEN) : HUFU_ERR_NO_MEMORY;
	enum status status = err ? fail_err(err, "drawing a master key") : pki_write(dir, "master.key", master, MASTER_LEN);

	secret_free(master);
	return status;
}

/* The addresses among the names, else all of this host: a name may stand for another host's address, or for one address twice. */
static void listen_setting(FILE *out, const struct pki_subject *subject, unsigned long port)
{
	int n = 0;

	fputs("\tlisten = {", out);
	for (int i = 0; i < subject->nhosts; i++)
		if (pki_is_address(subject->hosts[i]))
			fprintf(out, strchr(subject->hosts[i], ':') ? "%s \"[%s]:%lu\"" : "%s \"%s:%lu\"", n++ ? "," : "", subject->hosts[i], port);
	if (!n)
		fprintf(out, " \"0.0.0.0:%lu\"", port);
	fputs(" }\n", out);
}

static enum status machine_text(struct wish *wish, unsigned long port)
{
	const char *dir = wish->dir, *name = wish->subject.name, *store = arg_get(wish->args, "store");
	size_t len;
	FILE *out = open_memstream(&wish->text, &len);

	if (!out)
		return fail_memory();
	fprintf(out, "# A cipher machine: hufud.conf(5). Start it with: hufud --config %s/%s\n", dir, wish->file);
	fprintf(out, "machine {\n\tname = \"%s\"\n", name);
	listen_setting(out, &wish->subject, port);
	setting(out, "ca", dir, "ca", ".pem");
	setting(out, "cert", dir, name, ".pem");
	setting(out, "key", dir, name, ".key");
	fprintf(out, "\tmaster = \"file:%s/master.key\"\n\thost_dir = \"%s/%s.devices\"\n\tstate_dir = \"%s/%s.state\"\n}\n", dir, dir, name,
	        dir, name);
	fprintf(out, "\n# The virtual machine, and what its keys live in.\ntoken \"%s\" {\n\tstore = ", wish->token);
	if (store)
		conf_print_string(out, store);
	else
		fprintf(out, "\"sqlite:%s/%s.db\"", dir, name);
	fprintf(out, "\n\thost_secret = \"file:%s/host.secret\"\n\tdevices = { \"soft\" }\n}\ndevice \"soft\" { driver = \"soft\" }\n", dir);
	fputs("\n# Who may use it: a section each; hufu machine client writes them.\n", out);
	return fclose(out) ? fail_memory() : ST_OK;
}

static enum status add_hosts(struct wish *wish)
{
	const char *host;

	for (int i = 0; (host = arg_nth(wish->args, "host", i)); i++) {
		if (i == PKI_HOSTS_MAX || strpbrk(host, ",;\"\\ \t\n") || !host[0])
			return fail(ST_USAGE, "Give up to 16 names or addresses, one a --host.", "--host %s", host);
		wish->subject.hosts[wish->subject.nhosts++] = host;
	}
	if (!wish->subject.nhosts)
		wish->subject.hosts[wish->subject.nhosts++] = "127.0.0.1";
	return ST_OK;
}

static enum status tell_init(const struct wish *wish, bool made)
{
	const char *dir = wish->dir;

	if (wish->args->json)
		return out_json(json_pack("{s:s,s:s,s:s++,s:b}", "schema", "hufu-machine/1", "directory", dir, "configuration", dir, "/",
		                          wish->file, "new_domain", made));
	printf("%s/%s is the configuration of %s.\n", dir, wish->file, wish->subject.name);
	if (made)
		printf("%s/master.key is the domain's key and %s/ca.key its authority's: keep copies safe, elsewhere.\n", dir, dir);
	printf("Next: hufu machine client %s NAME, then hufud --config %s/%s\n", dir, dir, wish->file);
	return ST_OK;
}

enum status cmd_machine_init(const struct args *args)
{
	struct wish wish = {.subject = {.name = or_default(args, "name", "machine1"), .server = true}};
	bool made_ca = false, made_master = false;
	unsigned long port = 0;
	enum status status = wish_begin(args, true, &wish);

	if (status == ST_OK)
		status = arg_number(args, "port", 1, 65535, 5696, &port);
	if (status == ST_OK)
		status = add_hosts(&wish);
	if (status == ST_OK)
		status = pki_make_ca(wish.dir, &made_ca);
	if (status == ST_OK)
		status = make_master(wish.dir, &made_master);
	if (status == ST_OK)
		status = pki_issue(wish.dir, &wish.subject);
	if (status == ST_OK)
		status = machine_text(&wish, port);
	if (status == ST_OK)
		status = pki_write(wish.dir, wish.file, wish.text, strlen(wish.text));
	if (status == ST_OK)
		status = tell_init(&wish, made_master);
	wish_end(&wish);
	return status;
}

/* -- client ------------------------------------------------------------------------- */

/* "NAME=HOST:PORT" */
static enum status device_text(FILE *out, const struct wish *wish, const char *machine, bool names_only)
{
	const char *address = strchr(machine, '=');
	char name[65];

	if (!address || (size_t)(address - machine) >= sizeof(name) || !strchr(address, ':'))
		return fail(ST_USAGE, "Write it as machine1=10.0.0.7:5696.", "--machine %s", machine);
	snprintf(name, sizeof(name), "%.*s", (int)(address - machine), machine);
	enum status status = check_name("the machine", name);
	if (status != ST_OK)
		return status;
	if (names_only) {
		fprintf(out, " \"%s\"", name);
		return ST_OK;
	}
	fprintf(out, "device \"%s\" {\n\tdriver = \"net\"\n\taddress = ", name);
	conf_print_string(out, address + 1);
	fprintf(out, "\n\tdomain = \"machines\"\n\ttenant = \"%s\"\n", wish->token);
	setting(out, "ca", wish->dir, "ca", ".pem");
	setting(out, "cert", wish->dir, wish->subject.name, ".pem");
	setting(out, "key", wish->dir, wish->subject.name, ".key");
	fputs("}\n", out);
	return ST_OK;
}

static enum status each_machine(FILE *out, const struct wish *wish, bool names_only)
{
	enum status status = ST_OK;
	const char *machine;
	int n = 0;

	for (; status == ST_OK && (machine = arg_nth(wish->args, "machine", n)); n++) {
		if (names_only && n)
			fputc(',', out);
		status = device_text(out, wish, machine, names_only);
	}
	return n ? status : device_text(out, wish, "machine1=127.0.0.1:5696", names_only);
}

static enum status client_text(struct wish *wish)
{
	size_t len;
	FILE *out = open_memstream(&wish->text, &len);

	if (!out)
		return fail_memory();
	fprintf(out, "# A client of cipher machines: hufu.conf(5). Use it with: HUFU_CONF=%s/%s\n", wish->dir, wish->file);
	fprintf(out, "token \"%s\" {\n\tstore = \"net\"\n\tdevices = {", wish->token);
	enum status status = each_machine(out, wish, true);
	fputs(" }\n}\n", out);
	if (status == ST_OK)
		status = each_machine(out, wish, false);
	return fclose(out) && status == ST_OK ? fail_memory() : status;
}

static enum status identity_text(struct wish *wish)
{
	const char *name = wish->subject.name;

	return asprintf(&wish->identity,
	                "identity \"%s\" {\n\tsubject = \"CN=%s\"\n\ttokens = { \"%s\" }\n\troles = { \"devices\", \"user\", \"so\" }\n}\n", name,
	                name, wish->token) < 0
	               ? fail_memory()
	               : ST_OK;
}

static void problem(void *arg, const char *message)
{
	(void)arg;
	note("%s", message);
}

static enum status grant(const struct wish *wish, const char *path)
{
	struct conf *conf = NULL;
	char why[512] = "", resolved[PATH_MAX];

	if (!realpath(path, resolved))
		return fail_errno("Name the configuration of a machine.", "%s", path);
	enum hufu_err err = conf_load_file(resolved, problem, NULL, &conf);
	if (err)
		return fail_err(err, "reading %s", path);
	err = conf_append(conf, wish->identity, problem, NULL, why, sizeof(why));
	conf_free(conf);
	return err ? fail(ST_UNAVAILABLE, why[0] ? why : NULL, "the identity of %s cannot be added to %s", wish->subject.name, path) : ST_OK;
}

static enum status grant_all(const struct wish *wish)
{
	enum status status = ST_OK;
	const char *path;

	for (int i = 0; status == ST_OK && (path = arg_nth(wish->args, "grant", i)); i++)
		status = grant(wish, path);
	return status;
}

static enum status tell_client(const struct wish *wish)
{
	const char *name = wish->subject.name;

	if (wish->args->json)
		return out_json(json_pack("{s:s,s:s,s:s++,s:s}", "schema", "hufu-machine-client/1", "directory", wish->dir, "configuration",
		                          wish->dir, "/", wish->file, "identity", wish->identity));
	printf("%s/%s is the configuration of %s.\n", wish->dir, wish->file, name);
	if (arg_has(wish->args, "grant"))
		printf("A machine that runs takes its identity up on SIGHUP.\n");
	else
		printf("Each of its machines has to know it (--grant FILE writes it there):\n\n%s", wish->identity);
	return ST_OK;
}

enum status cmd_machine_client(const struct args *args)
{
	struct wish wish = {.subject = {.name = arg_target(args, 1)}};
	enum status status = wish_begin(args, false, &wish);

	if (status == ST_OK)
		status = client_text(&wish);
	if (status == ST_OK)
		status = identity_text(&wish);
	if (status == ST_OK)
		status = pki_issue(wish.dir, &wish.subject);
	if (status == ST_OK)
		status = pki_write(wish.dir, wish.file, wish.text, strlen(wish.text));
	if (status == ST_OK)
		status = grant_all(&wish);
	if (status == ST_OK)
		status = tell_client(&wish);
	wish_end(&wish);
	return status;
}
