/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a real machine lets nobody in whose certificate is not good, one that is revoked while it is connected included,
 * and both ends say what is to be done; while that happens a client with a good one meets no error.
 */
#include "chaos.h"

#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cluster.h"
#include "link/link.h"

#define PATIENCE_NS (30 * NS_PER_S) /* only a failure takes as long */

static struct {
	struct link *link;
	atomic_uint probes, errors;
	atomic_bool stop;
} good;

static char client_log[128];
static unsigned number, failures;

static void check(bool holds, const char *who, const char *claim)
{
	number++;
	failures += !holds;
	printf("%s %u - %s: %s\n", holds ? "ok" : "not ok", number, who, claim);
}

/* -- clients ------------------------------------------------------------------------------- */

static struct link *link_of(const char *certificate, const char *ca, const char *name)
{
	const struct link_conf conf = {.device = certificate, .address = cluster_address(0), .name = name, .ca = ca,
	                               .cert = tls_path(cluster_ca(), certificate, "pem"),
	                               .key = tls_path(cluster_ca(), certificate, "key"), .token = "chaos", .role = WIRE_DEVICES,
	                               .server_uid = (uid_t)-1, .connects_per_s = 1000};
	struct link *link;

	if (link_new(&conf, &link) != HUFU_OK)
		life_need(CKR_FUNCTION_FAILED, certificate);
	return link;
}

static enum hufu_err probe(struct link *link)
{
	return link_probe(link, clock_now_ns() + PATIENCE_NS);
}

static void *go_on(void *arg)
{
	while (!atomic_load(&good.stop)) {
		enum hufu_err err = probe(good.link);
		if (err == HUFU_ERR_GONE) /* its connection was replaced under it, and nothing was done: callers have a pool that does this */
			err = probe(good.link);
		if (err) {
			printf("# the good one: %s\n", err_name(err));
			atomic_fetch_add(&good.errors, 1);
		}
		atomic_fetch_add(&good.probes, 1);
		usleep(1000);
	}
	return arg;
}

static bool client_logged(const char *text)
{
	char line[1024];
	bool found = false;
	FILE *f = fopen(client_log, "re");

	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, text) != NULL;
	if (f)
		fclose(f);
	return found;
}

/* -- who is not let in ------------------------------------------------------------------------- */

static struct tls_ca *stranger;

static void make_certificates(void)
{
	static const struct tls_ask asks[] = {
		{.file = "late", .subject = "late", .names = "DNS:client", .usage = "clientAuth", .from_s = -7200, .until_s = -3600},
		{.file = "leaver", .subject = "leaver", .names = "DNS:client", .usage = "clientAuth"},
		{.file = "server", .subject = "server", .names = "DNS:client", .usage = "serverAuth"},
		{.file = "nobody", .subject = "nobody", .names = "DNS:nobody", .usage = "clientAuth"},
	};

	for (size_t i = 0; i < COUNT(asks); i++)
		tls_make(cluster_ca(), &asks[i]);
	stranger = tls_ca_new("strangers");
}

static void refused(const char *who, struct link *link, const char *client_says, const char *machine_says)
{
	check(probe(link) == HUFU_ERR_DENIED, who, "it is refused");
	check(client_logged(client_says), who, "the client's log says what it can do");
	if (machine_says)
		check(cluster_logged(0, machine_says), who, "the machine's log says why");
	link_free(link);
}

static void test_refusals(void)
{
	struct tls_ca *own = cluster_ca();
	const struct tls_ask ask = {.file = "alien", .subject = "alien", .names = "DNS:client", .usage = "clientAuth"};

	refused("an expired certificate", link_of("late", own->path, "machine"), "Its log says why", "Have it renewed");
	refused("one for another purpose", link_of("server", own->path, "machine"), "Its log says why",
	        "It was issued for another purpose");
	refused("one that stands for no identity", link_of("nobody", own->path, "machine"), "nobody: no connection", "nobody");
	refused("a machine of another name", link_of("client", own->path, "elsewhere"),
	        "Set name to what stands in it", NULL);
	refused("a machine of another authority", link_of("client", stranger->path, "machine"),
	        "Its authority is not among those", NULL);
	tls_make(stranger, &ask);
	const struct link_conf conf = {.device = "alien", .address = cluster_address(0), .name = "machine", .ca = own->path,
	                               .cert = tls_path(stranger, "alien", "pem"), .key = tls_path(stranger, "alien", "key"),
	                               .token = "chaos", .server_uid = (uid_t)-1};
	struct link *link;
	if (link_new(&conf, &link) != HUFU_OK)
		life_need(CKR_FUNCTION_FAILED, "alien");
	refused("one of another authority", link, "alien: no connection", "Its authority is not among those");
}

/* The fourth that the authority has signed: machine, client, late, leaver. */
#define LEAVER_SERIAL 5

static void test_revocation(void)
{
	const long serials[] = {LEAVER_SERIAL};
	const uint64_t until = clock_now_ns() + PATIENCE_NS;
	struct link *link = link_of("leaver", cluster_ca()->path, "machine");
	enum hufu_err err = probe(link);

	check(err == HUFU_OK, "one that is good", "it is served");
	tls_revoke(cluster_ca(), "revoked", serials, COUNT(serials), 3600);
	cluster_signal(0, SIGHUP);
	while ((err = probe(link)) != HUFU_ERR_DENIED && clock_now_ns() < until)
		usleep(10000);
	check(err == HUFU_ERR_DENIED, "one that is revoked while it is connected", "it is ended, and refused");
	check(cluster_logged(0, "Have a new one issued"), "one that is revoked while it is connected", "the machine's log says why");
	link_free(link);
}

int main(void)
{
	char more[160], to[160];
	pthread_t thread;

	life_begin();
	if (!cluster_begin(life_dir, 1)) {
		printf("1..0 # SKIP hufud is not built\n");
		return 0;
	}
	make_certificates();
	tls_revoke(cluster_ca(), "revoked", NULL, 0, 3600);
	snprintf(more, sizeof(more), "crl = \"%s\"", tls_path(cluster_ca(), "revoked", "crl"));
	cluster_conf(more, "token chaos { devices = { soft } }\nidentity client { dns = client tokens = chaos roles = devices }\n");
	cluster_start(0);
	snprintf(client_log, sizeof(client_log), "%s/client.log", life_dir);
	snprintf(to, sizeof(to), "file:%s", client_log);
	if (log_configure(to, HUFU_LOG_NOTICE, more, sizeof(more)) != HUFU_OK)
		life_need(CKR_FUNCTION_FAILED, more);
	good.link = link_of("client", cluster_ca()->path, "machine");
	check(probe(good.link) == HUFU_OK, "a good certificate", "it is served");
	if (pthread_create(&thread, NULL, go_on, NULL) != 0)
		life_need(CKR_HOST_MEMORY, "pthread_create");
	test_refusals();
	test_revocation();
	const unsigned seen = atomic_load(&good.probes);
	while (atomic_load(&good.probes) < seen + 10)
		usleep(10000);
	atomic_store(&good.stop, true);
	pthread_join(thread, NULL);
	check(atomic_load(&good.errors) == 0, "a good certificate", "it is served all along, without an error");
	link_free(good.link);
	tls_ca_free(stranger);
	check(cluster_stop_all(), "the machine", "it ends well");
	printf("1..%u\n", number);
	return failures ? 1 : 0;
}
