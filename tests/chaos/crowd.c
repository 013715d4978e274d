/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: two thousand clients that come at once, when their machine was started again, are all served again, whatever
 * its limit of handshakes makes them wait. How long that takes is said, and not judged.
 */
#include "chaos.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "cluster.h"
#include "link/link.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CLIENTS 200
#else
#define CLIENTS 2000
#endif
#define CALLERS 200
#define PATIENCE_S 200.0 /* only a failure takes as long */
#define HANDSHAKES_PER_S 500

static struct {
	struct link *clients[CLIENTS];
	atomic_size_t next, served;
} crowd;

static unsigned number, failures;

static void check(bool holds, const char *claim)
{
	number++;
	failures += !holds;
	printf("%s %u - %s\n", holds ? "ok" : "not ok", number, claim);
}

static void make_client(size_t i)
{
	struct tls_ca *ca = cluster_ca();
	const struct link_conf conf = {.device = "client", .address = cluster_address(0), .name = "machine", .ca = ca->path,
	                               .cert = tls_path(ca, "client", "pem"), .key = tls_path(ca, "client", "key"), .token = "chaos",
	                               .role = WIRE_DEVICES, .connections = 1, .server_uid = (uid_t)-1};

	if (link_new(&conf, &crowd.clients[i]) != HUFU_OK)
		life_need(CKR_HOST_MEMORY, "link_new");
}

/* Each takes the next client that nobody has, until it is served. */
static void *call(void *arg)
{
	const double begun_s = life_now_s();
	size_t i;

	while ((i = atomic_fetch_add(&crowd.next, 1)) < CLIENTS) {
		enum hufu_err err;
		while ((err = link_probe(crowd.clients[i], clock_now_ns() + 20 * NS_PER_S)) != HUFU_OK && life_now_s() - begun_s < PATIENCE_S)
			usleep(20000);
		if (err == HUFU_OK)
			atomic_fetch_add(&crowd.served, 1);
	}
	return arg;
}

static void call_all(const char *claim)
{
	pthread_t threads[CALLERS];
	const double begun_s = life_now_s();

	atomic_store(&crowd.next, 0);
	atomic_store(&crowd.served, 0);
	for (size_t i = 0; i < CALLERS; i++)
		if (pthread_create(&threads[i], NULL, call, NULL) != 0)
			life_need(CKR_HOST_MEMORY, "pthread_create");
	for (size_t i = 0; i < CALLERS; i++)
		pthread_join(threads[i], NULL);
	const double took_s = life_now_s() - begun_s;
	check(atomic_load(&crowd.served) == CLIENTS, claim);
	check(took_s >= (CLIENTS - 2.0 * HANDSHAKES_PER_S) / HANDSHAKES_PER_S, "no faster than the machine allows");
	printf("# %d clients: %.1f s\n", CLIENTS, took_s);
}

static bool may_open(rlim_t n)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max < n)
		return false;
	limit.rlim_cur = limit.rlim_cur < n ? n : limit.rlim_cur;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

int main(void)
{
	char more[80];

	life_begin();
	if (!may_open(CLIENTS + 200) || !cluster_begin(life_dir, 1)) {
		printf("1..0 # SKIP hufud is not built, or too few files may be open\n");
		return 0;
	}
	snprintf(more, sizeof(more), "handshakes_per_s = %d", HANDSHAKES_PER_S);
	cluster_conf(more, "token chaos { devices = { soft } }\n"
	                   "identity client { dns = client tokens = chaos roles = devices connections = 5000 }\n");
	cluster_start(0);
	for (size_t i = 0; i < CLIENTS; i++)
		make_client(i);
	call_all("all are served");
	cluster_signal(0, SIGKILL);
	(void)cluster_wait(0);
	cluster_start(0);
	call_all("the machine is killed, and started again: all are served again");
	for (size_t i = 0; i < CLIENTS; i++)
		link_free(crowd.clients[i]);
	check(cluster_stop_all(), "the machine ends well");
	printf("1..%u\n", number);
	return failures ? 1 : 0;
}
