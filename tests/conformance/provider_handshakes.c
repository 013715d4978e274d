/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: one thread has as many TLS handshakes in flight as there are connections, all of them waiting for a
 * card at once (SSL_MODE_ASYNC), whether it signs or decrypts; and a whole handshake leaves 8 KiB of a job's stack.
 */
#include "tests/conformance/provider_jobs.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_disable() ((void)0)
#define __lsan_enable() ((void)0)
#endif

#define PATIENCE_MS 60000               /* what only a failure waits for */

static const struct kind {
	const char *label, *what, *ciphers;
	int version;
} kinds[] = {
	{"p256", "TLS 1.3, ECDSA", NULL, TLS1_3_VERSION},
	{"rsa", "TLS 1.3, RSA-PSS", NULL, TLS1_3_VERSION},
	{"p256", "TLS 1.2, ECDHE-ECDSA", "ECDHE-ECDSA-AES128-GCM-SHA256", TLS1_2_VERSION},
	{"rsa", "TLS 1.2, ECDHE-RSA", "ECDHE-RSA-AES128-GCM-SHA256", TLS1_2_VERSION},
	{"rsa", "TLS 1.2, RSA key exchange", "AES128-GCM-SHA256", TLS1_2_VERSION}, /* the card decrypts */
};
#define KINDS (sizeof kinds / sizeof *kinds)

static SSL_CTX *servers, *clients;
static struct connection {
	SSL *server, *client;
	bool waits;                     /* the server, for the card */
} connections[JOBS];

/* -- two ends ------------------------------------------------------------------------------ */

static X509 *certificate_of(EVP_PKEY *key)
{
	X509 *x = X509_new_ex(with_hufu, NULL);
	X509_NAME *name = x ? X509_get_subject_name(x) : NULL;

	CU_ASSERT_PTR_NOT_NULL_FATAL(name);
	GOOD(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"server", -1, -1, 0));
	GOOD(X509_set_issuer_name(x, name));
	GOOD(X509_gmtime_adj(X509_getm_notBefore(x), 0) && X509_gmtime_adj(X509_getm_notAfter(x), 3600));
	GOOD(X509_set_pubkey(x, key));
	GOOD(X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

static SSL_CTX *context(OSSL_LIB_CTX *library, const SSL_METHOD *method, const struct kind *kind)
{
	SSL_CTX *ctx = SSL_CTX_new_ex(library, NULL, method);

	CU_ASSERT_PTR_NOT_NULL_FATAL(ctx);
	GOOD(SSL_CTX_set_min_proto_version(ctx, kind->version) && SSL_CTX_set_max_proto_version(ctx, kind->version));
	if (kind->ciphers)
		GOOD(SSL_CTX_set_cipher_list(ctx, kind->ciphers));
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return ctx;
}

static void begin(const struct kind *kind, bool async)
{
	EVP_PKEY *key = provider_private(kind->label);
	X509 *certificate = certificate_of(key);

	servers = context(with_hufu, TLS_server_method(), kind);
	clients = context(without_hufu, TLS_client_method(), kind);
	GOOD(SSL_CTX_use_certificate(servers, certificate));
	GOOD(SSL_CTX_use_PrivateKey(servers, key));
	if (async)
		SSL_CTX_set_mode(servers, SSL_MODE_ASYNC);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static void connect_ends(struct connection *c)
{
	BIO *left = NULL, *right = NULL;

	*c = (struct connection){.server = SSL_new(servers), .client = SSL_new(clients)};
	CU_ASSERT_FATAL(c->server && c->client && BIO_new_bio_pair(&left, 0, &right, 0) == 1);
	SSL_set_bio(c->server, left, left);
	SSL_set_bio(c->client, right, right);
	SSL_set_accept_state(c->server);
	SSL_set_connect_state(c->client);
}

static void end(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		SSL_free(connections[i].server);
		SSL_free(connections[i].client);
	}
	SSL_CTX_free(servers);
	SSL_CTX_free(clients);
}

/* -- handshakes ------------------------------------------------------------------------------ */

static bool goes_on(SSL *ssl)
{
	int got = SSL_do_handshake(ssl), why = SSL_get_error(ssl, got);

	return GOOD(got == 1 || why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_ASYNC);
}

/* A turn each, until the server waits for the card or both are through. */
static void run_on(struct connection *c)
{
	bool good = true;

	c->waits = false;
	while (good && !c->waits && !(SSL_is_init_finished(c->server) && SSL_is_init_finished(c->client))) {
		good = goes_on(c->client) && goes_on(c->server);
		c->waits = SSL_waiting_for_async(c->server);
	}
}

static bool is_through(const struct connection *c)
{
	return SSL_is_init_finished(c->server) && SSL_is_init_finished(c->client);
}

static bool await_card(const struct connection *c)
{
	OSSL_ASYNC_FD fd = -1;
	size_t n = 1;
	struct pollfd p = {.events = POLLIN};

	if (SSL_get_all_async_fds(c->server, NULL, &n) != 1 || n != 1 || SSL_get_all_async_fds(c->server, &fd, &n) != 1)
		return false;
	p.fd = fd;
	return poll(&p, 1, PATIENCE_MS) == 1;
}

static bool carries_data(const struct connection *c)
{
	static const char text[] = "what is said";
	char got[sizeof text];

	return SSL_write(c->server, text, sizeof text) == (int)sizeof text && SSL_read(c->client, got, sizeof got) == (int)sizeof text &&
	       memcmp(got, text, sizeof text) == 0;
}

static void shake_hands(const struct kind *kind)
{
	unsigned nwaiting = 0, nthrough = 0;

	begin(kind, true);
	gate_set(true);
	for (unsigned i = 0; i < JOBS; i++) {
		connect_ends(&connections[i]);
		run_on(&connections[i]);
		nwaiting += connections[i].waits;
	}
	CU_ASSERT(nwaiting == JOBS || face_machines());
	gate_set(false);
	for (unsigned i = 0; i < JOBS; i++) {
		while (connections[i].waits && await_card(&connections[i]))
			run_on(&connections[i]);
		nthrough += is_through(&connections[i]) && carries_data(&connections[i]);
	}
	CU_ASSERT_EQUAL(nthrough, JOBS);
	end(JOBS);
}

static void test_tls13_ecdsa(void)
{
	shake_hands(&kinds[0]);
}

static void test_tls13_rsa(void)
{
	shake_hands(&kinds[1]);
}

static void test_tls12_ecdsa(void)
{
	shake_hands(&kinds[2]);
}

static void test_tls12_rsa(void)
{
	shake_hands(&kinds[3]);
}

static void test_tls12_key_exchange(void)
{
	shake_hands(&kinds[4]);
}

/* -- a server that frees a connection that waits -------------------------------------------------- */

/* First of all, so that the job, which libcrypto never frees, is made here. */
static void test_given_up(void)
{
	begin(&kinds[0], true);
	gate_set(true);
	connect_ends(&connections[0]);
	__lsan_disable();
	run_on(&connections[0]);
	__lsan_enable();
	CU_ASSERT(connections[0].waits || face_machines());
	SSL_free(connections[0].server);
	connections[0].server = NULL;
	gate_set(false);
	connect_ends(&connections[1]);
	run_on(&connections[1]);
	while (connections[1].waits && await_card(&connections[1]))
		run_on(&connections[1]);
	CU_ASSERT(is_through(&connections[1]));
	end(2);
}

/* -- stack ---------------------------------------------------------------------------------------- */

static size_t used;

/* The server's part alone; it stops where it reads the client's next message. */
static int server_turn(void *arg)
{
	struct connection *c = arg;

	return goes_on(c->server);
}

static int server_turn_on_painted_stack(void *arg)
{
	used = jobs_stack_used(server_turn, arg);
	return 1;
}

static size_t stack_of(struct connection *c)
{
	size_t deepest = 0;

	for (int turn = 0; turn < 4 && !is_through(c); turn++) {
		struct task task = {.run = server_turn_on_painted_stack, .arg = c};

		goes_on(c->client);
		task_start(&task);
		CU_ASSERT_EQUAL(tasks_finish(&task, 1), 1);
		task_clear(&task);
		deepest = used > deepest ? used : deepest;
	}
	goes_on(c->client);
	CU_ASSERT(is_through(c));
	return deepest;
}

static void test_stack(void)
{
	JOBS_NEED_PLAIN_STACK();
	for (size_t k = 0; k < KINDS; k++) {
		begin(&kinds[k], false);
		connect_ends(&connections[0]);
		size_t deepest = stack_of(&connections[0]);
		printf("# %s: %zu of %u bytes of a job's stack\n", kinds[k].what, deepest, JOBS_STACK);
		CU_ASSERT(deepest <= JOBS_STACK - 8192);
		end(1);
	}
}

static const struct unit_case cases[] = {
	{"a token on a card whose operations wait, or on machines, and the provider over it", jobs_up},
	{"a server frees a connection that waits, and serves the next one", test_given_up},
	{"16 handshakes of one thread wait for the card at once: TLS 1.3, ECDSA", test_tls13_ecdsa},
	{"... RSA-PSS", test_tls13_rsa},
	{"... TLS 1.2, ECDSA", test_tls12_ecdsa},
	{"... RSA", test_tls12_rsa},
	{"... and RSA key exchange, for which the card decrypts", test_tls12_key_exchange},
	{"8 KiB of a job's stack remain free in a whole handshake", test_stack},
	{"the provider goes", provider_down},
	{0},
};
JOBS_MAIN("provider_handshakes", cases)
