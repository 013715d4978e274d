/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a channel lets bytes through between two ends that both have shown a
 * certificate which the other has reason to trust, and between no others; it
 * says why, and whatever arrives, it ends in an error at worst.
 */
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "tls_util.h"
#include "unit.h"
#include "wire/channel.h"

static struct tls_ca *ca, *other_ca;

static void setup(void)
{
	if (ca)
		return;
	ca = tls_ca_new("the authority");
	other_ca = tls_ca_new("another authority");
	tls_make(ca, &(struct tls_ask){.file = "server", .subject = "machine", .names = "DNS:machine.example,IP:127.0.0.1"});
	tls_make(ca, &(struct tls_ask){.file = "client", .subject = "client", .names = "DNS:client.example"});
}

static struct channel_conf conf_of(const struct tls_ca *from, const char *file, bool server)
{
	return (struct channel_conf){
		.server = server, .ca = ca->path, .cert = tls_path(from, file, "pem"), .key = tls_path(from, file, "key"),
	};
}

static struct channel_context *context_of(const struct channel_conf *conf)
{
	struct channel_context *context = NULL;

	CU_ASSERT_EQUAL_FATAL(channel_context_new(conf, &context), HUFU_OK);
	return context;
}

struct pair {
	struct channel *client, *server;
	enum hufu_err client_err, server_err;
};

/* Both ends take turns until both are done or one has failed. */
static struct pair shake(struct channel_context *client, struct channel_context *server, const char *name, const uint8_t *pin)
{
	struct pair p = {0};
	enum channel_want cw = CHANNEL_READ, sw = CHANNEL_READ;
	int fds[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	CU_ASSERT_EQUAL_FATAL(channel_new(client, fds[0], name, pin, &p.client), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(channel_new(server, fds[1], NULL, NULL, &p.server), HUFU_OK);
	for (int i = 0; i < 100 && !p.client_err && !p.server_err && (cw || sw); i++) {
		p.client_err = channel_handshake(p.client, &cw);
		p.server_err = channel_handshake(p.server, &sw);
	}
	return p;
}

/* What the other end makes of what was written: HUFU_OK and the bytes, or how it ended. */
static enum hufu_err pass(struct channel *from, struct channel *to, const void *data, size_t len, void *got)
{
	enum channel_want want;
	size_t sent = 0, there = 0, n;

	for (int i = 0; i < 100000 && there < len; i++) {
		enum hufu_err err = sent < len ? channel_write(from, (const uint8_t *)data + sent, len - sent, &n, &want) : HUFU_OK;
		if (err)
			return err;
		sent += sent < len ? n : 0;
		err = channel_read(to, (uint8_t *)got + there, len - there, &n, &want);
		if (err)
			return err;
		there += n;
	}
	return there == len ? HUFU_OK : HUFU_ERR_LOST;
}

static enum hufu_err read_once(struct channel *c)
{
	enum channel_want want;
	uint8_t byte;
	size_t n;

	return channel_read(c, &byte, 1, &n, &want);
}

static void end(struct pair *p)
{
	channel_free(p->client);
	channel_free(p->server);
}

struct both {
	struct channel_context *client, *server;
};

static struct both usual(void)
{
	setup();
	const struct channel_conf client = conf_of(ca, "client", false), server = conf_of(ca, "server", true);
	return (struct both){context_of(&client), context_of(&server)};
}

static void drop(struct both *b)
{
	channel_context_free(b->client);
	channel_context_free(b->server);
}

static bool says(const struct channel *c, const char *word)
{
	if (strstr(channel_why(c), word))
		return true;
	printf("# \"%s\" does not say \"%s\"\n", channel_why(c), word);
	return false;
}

/* -- what works --------------------------------------------------------------------------- */

static void test_good(void)
{
	static uint8_t data[300000], got[sizeof(data)];
	struct both b = usual();
	struct pair p = shake(b.client, b.server, "machine.example", NULL);

	CU_ASSERT_EQUAL_FATAL(p.client_err, HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(p.server_err, HUFU_OK);
	RAND_bytes(data, sizeof(data));
	CU_ASSERT_EQUAL(pass(p.client, p.server, data, sizeof(data), got), HUFU_OK);
	CU_ASSERT_EQUAL(memcmp(data, got, sizeof(data)), 0);
	memset(got, 0, sizeof(got));
	CU_ASSERT_EQUAL(pass(p.server, p.client, data, sizeof(data), got), HUFU_OK);
	CU_ASSERT_EQUAL(memcmp(data, got, sizeof(data)), 0);

	const struct channel_peer *server = channel_peer(p.client), *client = channel_peer(p.server);
	CU_ASSERT_STRING_EQUAL(server->subject, "CN=machine");
	CU_ASSERT_STRING_EQUAL(client->subject, "CN=client");
	CU_ASSERT_EQUAL(server->nnames, 2);
	CU_ASSERT_STRING_EQUAL(server->names[0], "machine.example");
	CU_ASSERT_STRING_EQUAL(server->names[1], "127.0.0.1");
	CU_ASSERT_STRING_EQUAL(server->profile, "TLSv1.3 TLS_AES_256_GCM_SHA384 X25519 ECDSA-P256");
	CU_ASSERT(!server->local && !server->resumed);
	CU_ASSERT(server->not_after > clock_wall_s() && server->not_after <= clock_wall_s() + 3601);
	CU_ASSERT_EQUAL(memcmp(server->binding, client->binding, 32), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(server->binding, (uint8_t[32]){0}, 32), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(server->key_id, client->key_id, 32), 0);
	end(&p);
	drop(&b);
}

static void test_good_end(void)
{
	struct both b = usual();
	struct pair p = shake(b.client, b.server, "machine.example", NULL);
	enum channel_want want;
	uint8_t byte;
	size_t n = 1;

	CU_ASSERT_EQUAL(read_once(p.client), HUFU_OK); /* the tickets */
	channel_free(p.client);
	p.client = NULL;
	CU_ASSERT_EQUAL(channel_read(p.server, &byte, 1, &n, &want), HUFU_OK);
	CU_ASSERT_EQUAL(n, 0);
	CU_ASSERT_EQUAL(want, CHANNEL_READY);
	end(&p);
	drop(&b);
}

/* A connection that is cut is not one that ended: what was to come is missing. */
static void test_cut(void)
{
	struct both b = usual();
	struct pair p = shake(b.client, b.server, "machine.example", NULL);

	shutdown(channel_fd(p.client), SHUT_RDWR);
	CU_ASSERT_EQUAL(read_once(p.server), HUFU_ERR_GONE);
	CU_ASSERT(says(p.server, "ended the connection"));
	end(&p);
	drop(&b);
}

static void test_address_name(void)
{
	struct both b = usual();
	struct pair p = shake(b.client, b.server, "127.0.0.1", NULL);

	CU_ASSERT_EQUAL(p.client_err, HUFU_OK);
	end(&p);
	p = shake(b.client, b.server, "127.0.0.2", NULL);
	CU_ASSERT_EQUAL(p.client_err, HUFU_ERR_DENIED);
	CU_ASSERT(says(p.client, "Set name"));
	end(&p);
	drop(&b);
}

static void test_pin(void)
{
	struct both b = usual();
	struct pair p = shake(b.client, b.server, "machine.example", NULL);
	uint8_t pin[32];

	memcpy(pin, channel_peer(p.client)->fingerprint, 32);
	end(&p);
	p = shake(b.client, b.server, NULL, pin);
	CU_ASSERT_EQUAL(p.client_err, HUFU_OK);
	end(&p);
	pin[31] ^= 1;
	p = shake(b.client, b.server, NULL, pin);
	CU_ASSERT_EQUAL(p.client_err, HUFU_ERR_DENIED);
	CU_ASSERT(says(p.client, "SHA-256"));
	CU_ASSERT_PTR_NULL(channel_peer(p.client));
	CU_ASSERT_EQUAL(read_once(p.client), HUFU_ERR_GONE);
	end(&p);
	drop(&b);
}

static void test_other_keys(void)
{
	static const char *const keys[] = {"RSA-2048", "ED25519"};
	struct both b = usual();

	for (int i = 0; i < 2; i++) {
		tls_make(ca, &(struct tls_ask){.file = keys[i], .subject = keys[i], .key = keys[i]});
		const struct channel_conf conf = conf_of(ca, keys[i], false);
		struct channel_context *client = context_of(&conf);
		struct pair p = shake(client, b.server, "machine.example", NULL);
		CU_ASSERT_EQUAL_FATAL(p.server_err, HUFU_OK);
		CU_ASSERT_PTR_NOT_NULL(strstr(channel_peer(p.server)->profile, keys[i]));
		end(&p);
		channel_context_free(client);
	}
	drop(&b);
}

static void test_resumption(void)
{
	struct both b = usual();
	uint8_t byte = 7;

	for (int i = 0; i < 4; i++) {
		struct pair p = shake(b.client, b.server, "machine.example", NULL);
		CU_ASSERT_EQUAL_FATAL(p.client_err, HUFU_OK);
		CU_ASSERT_EQUAL(channel_peer(p.client)->resumed, i > 0);
		CU_ASSERT_EQUAL(channel_peer(p.server)->resumed, i > 0);
		CU_ASSERT_STRING_EQUAL(channel_peer(p.server)->subject, "CN=client");
		CU_ASSERT_STRING_EQUAL(channel_peer(p.client)->names[0], "machine.example");
		CU_ASSERT_EQUAL(pass(p.server, p.client, &byte, 1, &byte), HUFU_OK); /* tickets come with it */
		end(&p);
	}
	/* Another name is another session: this one's certificate would not do for it. */
	struct pair p = shake(b.client, b.server, "else.example", NULL);
	CU_ASSERT_EQUAL(p.client_err, HUFU_ERR_DENIED);
	end(&p);
	/* A new context, as after a reload, knows none of the former's tickets. */
	channel_context_free(b.server);
	const struct channel_conf conf = conf_of(ca, "server", true);
	b.server = context_of(&conf);
	p = shake(b.client, b.server, "machine.example", NULL);
	CU_ASSERT_EQUAL_FATAL(p.server_err, HUFU_OK);
	CU_ASSERT(!channel_peer(p.server)->resumed);
	end(&p);
	drop(&b);
}

static uint64_t shifted_ns;
static uint64_t shifted_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec + shifted_ns;
}

/* Was it resumed? Tickets come with the byte. */
static bool resumes(struct channel_context *client, struct channel_context *server)
{
	uint8_t byte = 7;
	struct pair p = shake(client, server, "machine.example", NULL);

	CU_ASSERT_EQUAL_FATAL(p.server_err, HUFU_OK);
	const bool resumed = channel_peer(p.server)->resumed;
	CU_ASSERT_EQUAL(pass(p.server, p.client, &byte, 1, &byte), HUFU_OK);
	end(&p);
	return resumed;
}

static void test_ticket_keys_turn(void)
{
	struct both b = usual();
	const struct channel_conf conf = conf_of(ca, "client", false);
	struct channel_context *another = context_of(&conf);

	clock_inject(shifted_clock);
	CU_ASSERT(!resumes(b.client, b.server));
	CU_ASSERT(!resumes(another, b.server));
	shifted_ns += 3601 * NS_PER_S;
	CU_ASSERT(resumes(another, b.server)); /* by the key before */
	shifted_ns += 3601 * NS_PER_S;
	CU_ASSERT(resumes(another, b.server));
	CU_ASSERT(!resumes(b.client, b.server)); /* its key is gone */
	CU_ASSERT(resumes(b.client, b.server));
	clock_inject(NULL);
	channel_context_free(another);
	drop(&b);
}

/* -- who is refused ---------------------------------------------------------------------- */

/* The server's certificate is refused by the client, with this reason. */
static void refused_server(const struct tls_ca *from, const char *file, const char *word)
{
	const struct channel_conf client = conf_of(ca, "client", false), server = conf_of(from, file, true);
	struct both b = {context_of(&client), context_of(&server)};
	struct pair p = shake(b.client, b.server, "machine.example", NULL);

	CU_ASSERT_EQUAL(p.client_err, HUFU_ERR_DENIED);
	CU_ASSERT(says(p.client, word));
	CU_ASSERT_PTR_NULL(channel_peer(p.client));
	CU_ASSERT_EQUAL(p.server_err, HUFU_ERR_DENIED); /* the alert */
	CU_ASSERT(says(p.server, "refused our certificate"));
	end(&p);
	drop(&b);
}

/* The client's certificate is refused by the server; the client learns it when it reads. */
static void refused_client(const struct tls_ca *from, const char *file, const char *word)
{
	const struct channel_conf client = conf_of(from, file, false), server = conf_of(ca, "server", true);
	struct both b = {context_of(&client), context_of(&server)};
	struct pair p = shake(b.client, b.server, "machine.example", NULL);

	CU_ASSERT_EQUAL(p.server_err, HUFU_ERR_DENIED);
	CU_ASSERT(says(p.server, word));
	CU_ASSERT_EQUAL(p.client_err, HUFU_OK);
	CU_ASSERT_EQUAL(read_once(p.client), HUFU_ERR_DENIED);
	CU_ASSERT(says(p.client, "refused our certificate"));
	end(&p);
	drop(&b);
}

static void test_wrong_ca(void)
{
	setup();
	tls_make(other_ca, &(struct tls_ask){.file = "server", .subject = "machine", .names = "DNS:machine.example"});
	tls_make(other_ca, &(struct tls_ask){.file = "client", .subject = "client"});
	refused_server(other_ca, "server", "authority is not among those");
	refused_client(other_ca, "client", "authority is not among those");
}

static void test_expired(void)
{
	setup();
	tls_make(ca, &(struct tls_ask){.file = "old", .subject = "old", .names = "DNS:machine.example", .from_s = -7200, .until_s = -60});
	refused_server(ca, "old", "renewed");
	refused_client(ca, "old", "renewed");
}

static void test_not_yet_valid(void)
{
	setup();
	tls_make(ca, &(struct tls_ask){.file = "early", .subject = "early", .names = "DNS:machine.example", .from_s = 600,
	                              .until_s = 7200});
	refused_server(ca, "early", "clocks");
	refused_client(ca, "early", "clocks");
}

static void test_wrong_name(void)
{
	setup();
	tls_make(ca, &(struct tls_ask){.file = "named", .subject = "machine.example", .names = "DNS:another.example"});
	refused_server(ca, "named", "Set name");
	/* The common name is no host name. */
	tls_make(ca, &(struct tls_ask){.file = "common", .subject = "machine.example"});
	refused_server(ca, "common", "Set name");
}

static void test_wrong_purpose(void)
{
	setup();
	tls_make(ca, &(struct tls_ask){.file = "purpose", .subject = "p", .names = "DNS:machine.example", .usage = "clientAuth"});
	refused_server(ca, "purpose", "purpose");
	tls_make(ca, &(struct tls_ask){.file = "purpose2", .subject = "p", .usage = "serverAuth"});
	refused_client(ca, "purpose2", "purpose");
}

static void test_revoked(void)
{
	setup();
	const long serial = tls_make(ca, &(struct tls_ask){.file = "lost", .subject = "lost", .names = "DNS:machine.example"});
	tls_revoke(ca, "some", &serial, 1, 3600);
	tls_revoke(ca, "none", NULL, 0, 3600);
	tls_revoke(ca, "due", NULL, 0, -60);
	struct {
		const char *file, *crl, *word;
	} cases[] = {{"lost", "some", "new key"}, {"client", "some", NULL}, {"lost", "none", NULL}, {"client", "due", "revocation list"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct channel_conf client = conf_of(ca, cases[i].file, false), server = conf_of(ca, "server", true);
		server.crl = tls_path(ca, cases[i].crl, "crl");
		struct both b = {context_of(&client), context_of(&server)};
		struct pair p = shake(b.client, b.server, "machine.example", NULL);
		CU_ASSERT_EQUAL(p.server_err, cases[i].word ? HUFU_ERR_DENIED : HUFU_OK);
		if (cases[i].word)
			CU_ASSERT(says(p.server, cases[i].word));
		end(&p);
		drop(&b);
	}
	/* The same at the client: of the machine. */
	struct channel_conf client = conf_of(ca, "client", false), server = conf_of(ca, "lost", true);
	client.crl = tls_path(ca, "some", "crl");
	struct both b = {context_of(&client), context_of(&server)};
	struct pair p = shake(b.client, b.server, "machine.example", NULL);
	CU_ASSERT_EQUAL(p.client_err, HUFU_ERR_DENIED);
	end(&p);
	drop(&b);
}

/* A list of one authority says nothing of another's: what is not vouched for is refused. */
static void test_crl_of_another(void)
{
	setup();
	tls_revoke(other_ca, "strange", NULL, 0, 3600);
	struct channel_conf client = conf_of(ca, "client", false), server = conf_of(ca, "server", true);
	server.crl = tls_path(other_ca, "strange", "crl");
	struct both b = {context_of(&client), context_of(&server)};
	struct pair p = shake(b.client, b.server, "machine.example", NULL);

	CU_ASSERT_EQUAL(p.server_err, HUFU_ERR_DENIED);
	CU_ASSERT(says(p.server, "Add its issuer's revocation list"));
	end(&p);
	drop(&b);
}

/* -- peers that are not ours ------------------------------------------------------------------ */

/* A client by plain libssl, against our server; the server's verdict. */
static enum hufu_err stranger_shakes(struct channel_context *server, int version, const char *cert, const char *key, char *why,
                                     size_t len)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	enum hufu_err err = HUFU_OK;
	enum channel_want want = CHANNEL_READ;
	struct channel *c;
	int fds[2];

	SSL_CTX_set_max_proto_version(ctx, version);
	if (cert)
		CU_ASSERT_FATAL(SSL_CTX_use_certificate_file(ctx, cert, SSL_FILETYPE_PEM) == 1 &&
		                SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) == 1);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	CU_ASSERT_EQUAL_FATAL(channel_new(server, fds[1], NULL, NULL, &c), HUFU_OK);
	SSL *ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fds[0]);
	for (int i = 0; i < 20 && !err && want; i++) {
		(void)SSL_connect(ssl);
		err = channel_handshake(c, &want);
	}
	ERR_clear_error();
	snprintf(why, len, "%s", channel_why(c));
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	channel_free(c);
	close(fds[0]);
	return err ? err : want ? HUFU_ERR_BUSY : HUFU_OK;
}

static void test_strangers(void)
{
	struct both b = usual();
	char why[512];
	const char *cert = tls_path(ca, "client", "pem"), *key = tls_path(ca, "client", "key");

	CU_ASSERT_EQUAL(stranger_shakes(b.server, TLS1_3_VERSION, cert, key, why, sizeof(why)), HUFU_OK);
	CU_ASSERT_EQUAL(stranger_shakes(b.server, TLS1_2_VERSION, cert, key, why, sizeof(why)), HUFU_ERR_GONE);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "unsupported protocol"));
	CU_ASSERT_EQUAL(stranger_shakes(b.server, TLS1_3_VERSION, NULL, NULL, why, sizeof(why)), HUFU_ERR_DENIED);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "no certificate"));
	drop(&b);
}

static void test_hostile_bytes(void)
{
	struct both b = usual();
	uint8_t junk[600];

	for (int i = 0; i < 300; i++) {
		enum hufu_err err = HUFU_OK;
		enum channel_want want = CHANNEL_READ;
		struct channel *c;
		int fds[2];
		CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
		CU_ASSERT_EQUAL_FATAL(channel_new(b.server, fds[1], NULL, NULL, &c), HUFU_OK);
		RAND_bytes(junk, sizeof(junk));
		if (i % 3 == 0)
			memcpy(junk, (uint8_t[]){22, 3, 1, 1, 0, 1, 0, 0, 252, 3, 3}, 11); /* looks like a ClientHello */
		CU_ASSERT_EQUAL(write(fds[0], junk, sizeof(junk)), sizeof(junk));
		shutdown(fds[0], SHUT_WR);
		for (int n = 0; n < 10 && !err && want; n++)
			err = channel_handshake(c, &want);
		CU_ASSERT_EQUAL(err, HUFU_ERR_GONE);
		CU_ASSERT(channel_why(c)[0] != '\0');
		CU_ASSERT_EQUAL(channel_handshake(c, &want), HUFU_ERR_GONE);
		channel_free(c);
		close(fds[0]);
	}
	drop(&b);
}

/* One byte at a time from either end to the other; true while something moved. */
static bool trickle(int from, int to)
{
	uint8_t byte;

	return read(from, &byte, 1) == 1 && write(to, &byte, 1) == 1;
}

static void test_trickle(void)
{
	struct both b = usual();
	struct channel *client, *server;
	enum channel_want cw = CHANNEL_READ, sw = CHANNEL_READ;
	enum hufu_err err = HUFU_OK;
	int a[2], z[2];

	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, a), 0);
	CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, z), 0);
	CU_ASSERT_EQUAL_FATAL(channel_new(b.client, a[0], "machine.example", NULL, &client), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(channel_new(b.server, z[0], NULL, NULL, &server), HUFU_OK);
	for (int i = 0; i < 20000 && (cw || sw) && !err; i++) {
		err = cw ? channel_handshake(client, &cw) : HUFU_OK;
		err = err ? err : sw ? channel_handshake(server, &sw) : HUFU_OK;
		(void)trickle(a[1], z[1]);
		(void)trickle(z[1], a[1]);
	}
	CU_ASSERT_EQUAL_FATAL(err, HUFU_OK);
	CU_ASSERT_FATAL(!cw && !sw);
	size_t n = 0;
	uint8_t got[5];
	enum channel_want want;
	CU_ASSERT_EQUAL(channel_write(client, "hello", 5, &n, &want), HUFU_OK);
	n = 0;
	for (int i = 0; i < 1000 && n == 0; i++) {
		(void)trickle(a[1], z[1]);
		CU_ASSERT_EQUAL_FATAL(channel_read(server, got, 5, &n, &want), HUFU_OK);
		CU_ASSERT(!channel_pending(server)); /* half a record wakes nobody by itself: else callers would spin */
	}
	CU_ASSERT_EQUAL(n, 5);
	channel_free(client);
	channel_free(server);
	close(a[1]);
	close(z[1]);
	drop(&b);
}

/* A flipped bit is found by the record's tag, wherever it is; nothing of it reaches the reader. */
static void test_flips(void)
{
	struct both b = usual();

	for (int at = 0; at < 27; at++) {
		struct pair p = shake(b.client, b.server, "machine.example", NULL);
		enum channel_want want;
		uint8_t record[64], got[8];
		size_t n;
		CU_ASSERT_EQUAL_FATAL(p.server_err, HUFU_OK);
		CU_ASSERT_EQUAL(channel_write(p.client, "hello", 5, &n, &want), HUFU_OK);
		const ssize_t len = recv(channel_fd(p.server), record, sizeof(record), 0);
		CU_ASSERT_EQUAL_FATAL(len, 27);
		record[at] ^= 1;
		CU_ASSERT_EQUAL_FATAL(send(channel_fd(p.client), record, (size_t)len, 0), len);
		shutdown(channel_fd(p.client), SHUT_WR);
		CU_ASSERT_EQUAL(channel_read(p.server, got, sizeof(got), &n, &want), HUFU_ERR_GONE);
		CU_ASSERT_EQUAL(n, 0);
		end(&p);
	}
	drop(&b);
}

/* -- the guest in somebody else's process ------------------------------------------------------ */

static void test_no_sigpipe(void)
{
	struct both b = usual();
	struct pair p = shake(b.client, b.server, "machine.example", NULL);
	enum channel_want want;
	size_t n;

	signal(SIGPIPE, SIG_DFL); /* would end this program */
	channel_free(p.server);
	p.server = NULL;
	enum hufu_err err = HUFU_OK;
	for (int i = 0; i < 3 && !err; i++)
		err = channel_write(p.client, "hello", 5, &n, &want);
	CU_ASSERT_EQUAL(err, HUFU_ERR_GONE);
	end(&p);
	drop(&b);
}

static void test_errors_stay(void)
{
	struct both b = usual();
	char junk[] = "junk";

	ERR_clear_error();
	ERR_raise(ERR_LIB_USER, 77);
	struct pair p = shake(b.client, b.server, "machine.example", NULL);
	CU_ASSERT_EQUAL_FATAL(p.client_err, HUFU_OK); /* what the application left there is not taken for ours */
	CU_ASSERT_EQUAL(read_once(p.client), HUFU_OK); /* the tickets */
	ERR_clear_error();
	ERR_raise(ERR_LIB_USER, 78);
	const unsigned long mine = ERR_peek_last_error();
	CU_ASSERT_EQUAL(pass(p.client, p.server, "abc", 3, junk), HUFU_OK);
	CU_ASSERT_EQUAL(read_once(p.client), HUFU_OK);
	CU_ASSERT_EQUAL(ERR_get_error(), mine);
	CU_ASSERT_EQUAL(ERR_get_error(), 0);
	end(&p);
	p = shake(b.client, b.server, "else.example", NULL);
	CU_ASSERT_EQUAL(p.client_err, HUFU_ERR_DENIED);
	CU_ASSERT_EQUAL(ERR_get_error(), 0);
	end(&p);
	drop(&b);
}

/* A child's libcrypto context is a new one: what the parent made is left alone, and its connection goes on. */
static void test_fork(void)
{
	UNIT_FORKS();
	struct both b = usual();
	struct pair p = shake(b.client, b.server, "machine.example", NULL);
	uint8_t got[5];
	int status = 0;

	CU_ASSERT_EQUAL_FATAL(p.server_err, HUFU_OK);
	const pid_t child = fork();
	if (child == 0) {
		struct channel *c = NULL;
		int fds[2];
		const bool refused = socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0 &&
		                     channel_new(b.client, fds[0], "machine.example", NULL, &c) == HUFU_ERR_GONE && !c;
		end(&p);
		drop(&b);
		struct both mine = usual();
		p = shake(mine.client, mine.server, "machine.example", NULL);
		_exit(refused && p.server_err == HUFU_OK && pass(p.client, p.server, "child", 5, got) == HUFU_OK ? 0 : 1);
	}
	CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CU_ASSERT_EQUAL(pass(p.client, p.server, "hello", 5, got), HUFU_OK);
	end(&p);
	drop(&b);
}

/* -- configuration -------------------------------------------------------------------------------- */

static void refused_conf(const struct channel_conf *conf)
{
	struct channel_context *context = NULL;

	CU_ASSERT_EQUAL(channel_context_new(conf, &context), HUFU_ERR_CONFIG);
	CU_ASSERT_PTR_NULL(context);
}

static void test_conf(void)
{
	setup();
	struct channel_conf c = conf_of(ca, "client", false);

	c.key = tls_path(ca, "server", "key");
	refused_conf(&c);
	c = conf_of(ca, "client", false);
	c.ca = NULL;
	refused_conf(&c);
	c.ca = tls_path(ca, "client", "key");
	refused_conf(&c);
	c = conf_of(ca, "client", false);
	c.crl = ca->path;
	refused_conf(&c);
	c = conf_of(ca, "client", false);
	c.cert = tls_path(ca, "nothing", "pem");
	refused_conf(&c);
	c = conf_of(ca, "client", false);
	c.profile = "ssl3";
	refused_conf(&c);
	tls_make(ca, &(struct tls_ask){.file = "open", .subject = "open"});
	c = conf_of(ca, "open", false);
	chmod(c.key, 0644);
	refused_conf(&c);
	chmod(c.key, 0602);
	refused_conf(&c);
	chmod(c.key, 0600);
	struct channel_context *context = context_of(&c);
	CU_ASSERT(channel_context_not_after(context) > clock_wall_s());
	channel_context_free(context);
}

static void test_profiles(void)
{
	setup();
	CU_ASSERT(channel_profile_known("tls13"));
	CU_ASSERT(!channel_profile_known("ssl3"));
	static const char *const sm[] = {"tls13-sm", "tlcp"};
	for (int i = 0; i < 2; i++) {
		if (channel_profile_known(sm[i]))
			continue;
		struct channel_conf c = conf_of(ca, "client", false);
		c.profile = sm[i];
		refused_conf(&c);
	}
}

/* Pairs of SM2 that sign, and that decrypt, by one authority of SM2. */
static struct channel_conf sm_conf(struct tls_ca *from, const char *profile, const char *file, bool server)
{
	struct channel_conf c = {.server = server, .profile = profile, .ca = from->path};
	char enc[32];

	snprintf(enc, sizeof(enc), "%s-enc", file);
	tls_make(from, &(struct tls_ask){.file = file, .subject = file, .names = "DNS:machine.example", .key_usage = "digitalSignature"});
	tls_make(from, &(struct tls_ask){.file = enc, .subject = file, .names = "DNS:machine.example",
	                                 .key_usage = "keyEncipherment,dataEncipherment,keyAgreement"});
	c.cert = tls_path(from, file, "pem");
	c.key = tls_path(from, file, "key");
	c.enc_cert = tls_path(from, enc, "pem");
	c.enc_key = tls_path(from, enc, "key");
	return c;
}

static void exchange_sm(const char *profile, const char *word)
{
	struct tls_ca *sm2 = tls_ca_new_sm2("the authority of SM2");
	const struct channel_conf client = sm_conf(sm2, profile, "sm-client", false), server = sm_conf(sm2, profile, "sm-server", true);
	struct both b = {context_of(&client), context_of(&server)};
	struct pair p = shake(b.client, b.server, "machine.example", NULL);
	uint8_t got[5];

	if (p.client_err || p.server_err)
		printf("# %s: client \"%s\", server \"%s\"\n", profile, channel_why(p.client), channel_why(p.server));
	CU_ASSERT_EQUAL_FATAL(p.client_err, HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(p.server_err, HUFU_OK);
	CU_ASSERT_EQUAL(pass(p.client, p.server, "hello", 5, got), HUFU_OK);
	CU_ASSERT_EQUAL(pass(p.server, p.client, "hello", 5, got), HUFU_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(channel_peer(p.client)->profile, word));
	CU_ASSERT_EQUAL(memcmp(channel_peer(p.client)->binding, channel_peer(p.server)->binding, 32), 0);
	end(&p);
	/* A plain one does not get in. */
	channel_context_free(b.client);
	const struct channel_conf plain = conf_of(ca, "client", false);
	b.client = context_of(&plain);
	p = shake(b.client, b.server, "machine.example", NULL);
	CU_ASSERT(p.server_err != HUFU_OK || p.client_err != HUFU_OK);
	end(&p);
	drop(&b);
	tls_ca_free(sm2);
}

static void test_tls13_sm(void)
{
	if (!channel_profile_known("tls13-sm"))
		UNIT_SKIP("this libssl has no TLS_SM4_GCM_SM3");
	setup();
	exchange_sm("tls13-sm", "TLS_SM4_GCM_SM3");
}

static void test_tlcp(void)
{
	if (!channel_profile_known("tlcp"))
		UNIT_SKIP("this libssl has no TLCP");
	setup();
	exchange_sm("tlcp", "SM4-GCM-SM3");
}

/* -- Unix sockets, addresses ---------------------------------------------------------------------- */

static void test_unix(void)
{
	char address[200], why[200];
	uint8_t got[5];
	enum channel_want want;
	struct pair p = {0};
	int listener = -1, fd = -1;

	setup();
	snprintf(address, sizeof(address), "unix:%s/socket", ca->dir);
	CU_ASSERT_EQUAL(channel_dial(address, clock_now_ns() + NS_PER_S, &fd, why, sizeof(why)), HUFU_ERR_GONE);
	CU_ASSERT_EQUAL_FATAL(channel_listen(address, &listener, why, sizeof(why)), HUFU_OK);
	CU_ASSERT_EQUAL(channel_listen(address, &fd, why, sizeof(why)), HUFU_ERR_CONFIG); /* somebody answers there */
	const int probe = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	CU_ASSERT(probe >= 0);
	close(probe);
	CU_ASSERT_EQUAL_FATAL(channel_dial(address, clock_now_ns() + NS_PER_S, &fd, why, sizeof(why)), HUFU_OK);
	const int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	channel_tune(accepted);
	CU_ASSERT_EQUAL_FATAL(channel_new(NULL, fd, NULL, NULL, &p.client), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(channel_new(NULL, accepted, NULL, NULL, &p.server), HUFU_OK);
	CU_ASSERT_PTR_NULL(channel_peer(p.server));
	CU_ASSERT_EQUAL(read_once(p.server), HUFU_ERR_GONE); /* not before we know who it is */
	CU_ASSERT_EQUAL(channel_handshake(p.client, &want), HUFU_OK);
	CU_ASSERT_EQUAL(channel_handshake(p.server, &want), HUFU_OK);
	CU_ASSERT(channel_peer(p.server)->local);
	CU_ASSERT_EQUAL(channel_peer(p.server)->uid, geteuid());
	CU_ASSERT_EQUAL(channel_peer(p.server)->pid, getpid());
	CU_ASSERT_STRING_EQUAL(channel_peer(p.client)->profile, "unix");
	CU_ASSERT_EQUAL(pass(p.client, p.server, "hello", 5, got), HUFU_OK);
	CU_ASSERT_EQUAL(memcmp(got, "hello", 5), 0);
	channel_free(p.client);
	p.client = NULL;
	size_t n = 1;
	CU_ASSERT_EQUAL(channel_read(p.server, got, 5, &n, &want), HUFU_OK);
	CU_ASSERT(n == 0 && want == CHANNEL_READY);
	end(&p);
	/* Left behind by a process that was killed. */
	close(listener);
	CU_ASSERT_EQUAL(channel_listen(address, &listener, why, sizeof(why)), HUFU_OK);
	close(listener);
}

static void test_unix_is_no_tcp(void)
{
	char why[200], address[64];
	struct sockaddr_storage bound;
	socklen_t len = sizeof(bound);
	enum channel_want want;
	struct channel *c;
	int listener = -1, fd = -1;

	CU_ASSERT_EQUAL_FATAL(channel_listen("127.0.0.1:0", &listener, why, sizeof(why)), HUFU_OK);
	getsockname(listener, (struct sockaddr *)&bound, &len);
	snprintf(address, sizeof(address), "127.0.0.1:%u", ntohs(((struct sockaddr_in *)&bound)->sin_port));
	CU_ASSERT_EQUAL_FATAL(channel_dial(address, clock_now_ns() + 5 * NS_PER_S, &fd, why, sizeof(why)), HUFU_OK);
	CU_ASSERT(channel_peer_address(fd, why, sizeof(why)));
	CU_ASSERT_STRING_EQUAL(why, address);
	CU_ASSERT(!channel_peer_address(fd, why, strlen(address)));
	CU_ASSERT_EQUAL_FATAL(channel_new(NULL, fd, NULL, NULL, &c), HUFU_OK);
	CU_ASSERT_EQUAL(channel_handshake(c, &want), HUFU_ERR_DENIED);
	channel_free(c);
	close(listener);
	CU_ASSERT_EQUAL(channel_dial(address, clock_now_ns() + 5 * NS_PER_S, &fd, why, sizeof(why)), HUFU_ERR_GONE);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "refused"));
}

static void test_addresses(void)
{
	static const char *const good[] = {"10.0.0.7:5696", "machine.example:1", "[::1]:65535", "unix:/run/hufu/socket"};
	static const char *const bad[] = {"", ":", "host", "host:", ":5696", "host:0", "host:65536", "host:12a", "host:123456", "::1:5696",
	                                  "[::1]", "[]:1", "[::1:1", "[host]:1", "ho st:1", "unix:",
	                                  "unix:relative", "/run/socket", "a/b:1"};
	char host[64], path[200] = "unix:/";
	const char *unix_path;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CU_ASSERT(channel_address_valid(good[i], &unix_path));
	CU_ASSERT_STRING_EQUAL(unix_path, "/run/hufu/socket");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT(!channel_address_valid(bad[i], NULL));
	memset(path + 6, 'a', 107); /* sun_path has 108 bytes with its NUL */
	CU_ASSERT(!channel_address_valid(path, NULL));
	path[112] = '\0';
	CU_ASSERT(channel_address_valid(path, NULL));
	CU_ASSERT(channel_address_host("[::1]:5", host, sizeof(host)));
	CU_ASSERT_STRING_EQUAL(host, "::1");
	CU_ASSERT(!channel_address_host("unix:/a", host, sizeof(host)));
	CU_ASSERT(!channel_address_host("machine.example:1", host, 15));
	CU_ASSERT(channel_address_host("machine.example:1", host, 16));
}

static const struct unit_case cases[] = {
	{"two ends with certificates of the authority exchange bytes, and know each other", test_good},
	{"a good end is told from a cut", test_good_end},
	{"a cut connection is GONE", test_cut},
	{"a machine is known by its address too", test_address_name},
	{"a pin lets one certificate in, and no other", test_pin},
	{"RSA and Ed25519 certificates serve", test_other_keys},
	{"sessions are resumed, by name, within one context", test_resumption},
	{"the keys of tickets turn: one back is good, older are not", test_ticket_keys_turn},
	{"another authority's certificates are refused at both ends", test_wrong_ca},
	{"expired certificates are refused at both ends", test_expired},
	{"certificates of tomorrow are refused at both ends", test_not_yet_valid},
	{"a machine of another name is refused, and its common name does not count", test_wrong_name},
	{"certificates for another purpose are refused at both ends", test_wrong_purpose},
	{"revoked certificates are refused, and all when the list has expired", test_revoked},
	{"without a list of its issuer a certificate is refused", test_crl_of_another},
	{"TLS 1.2, and clients without a certificate, are refused", test_strangers},
	{"hostile bytes end the channel", test_hostile_bytes},
	{"a byte at a time does as well", test_trickle},
	{"a flipped bit anywhere in a record ends the channel", test_flips},
	{"writing to a peer that has gone raises no signal", test_no_sigpipe},
	{"libcrypto's queue of errors, which is the application's, holds none of ours, and does not confuse us", test_errors_stay},
	{"a forked child leaves its parent's channels alone and has its own", test_fork},
	{"keys that others can read, and files that do not fit, are refused", test_conf},
	{"a profile that the library lacks is refused", test_profiles},
	{"tls13-sm: RFC 8998 with certificates of SM2", test_tls13_sm},
	{"tlcp: two pairs of SM2", test_tlcp},
	{"the peer of a Unix socket is whom the kernel names", test_unix},
	{"a TCP socket does not pass for a Unix socket", test_unix_is_no_tcp},
	{"addresses are host:port, [v6]:port and unix:/path", test_addresses},
	{0},
};

int main(void)
{
	char err[200];

	if (!getenv("HUFU_LOG"))
		(void)!log_configure("none", HUFU_LOG_ERROR, err, sizeof(err));
	const int result = unit_main("channel", cases);
	if (ca) {
		tls_ca_free(ca);
		tls_ca_free(other_ca);
	}
	return result;
}
