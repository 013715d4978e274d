/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates, keys, revocation lists and tickets: what channels of one
 * configuration share. libssl runs in a context of ours (crypto/context.h) and
 * leaves the thread's queue of errors as the application had it.
 *
 * One thing of the process's it does touch: the first SSL_CTX has libssl read
 * the system's openssl.cnf into the default context, as any user of the library
 * does. To forbid that (OPENSSL_INIT_NO_LOAD_CONFIG) would forbid it to the
 * application too, for good. What the file says of SSL_CTXs is overruled below.
 */
#include "wire/channel_internal.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/conf.h"
#include "base/log.h"
#include "base/secret.h"
#include "crypto/context.h"

#define SESSION_S 3600          /* how long a ticket is good: a revoked client is out no later */
#define KEY_FILE_MAX (64 * 1024)
#define CHAIN_DEPTH 8           /* whoever sends a longer one wants our time */

/* -- messages ---------------------------------------------------------------------- */

static enum hufu_err refuse(const char *path, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	log_error("%s: %s%s%s", path, what, reason ? ": " : "", reason ? reason : "");
	return HUFU_ERR_CONFIG;
}

static enum hufu_err check_file(const char *path, const char *what)
{
	char err[512];

	if (!path) {
		log_error("TLS needs %s: name its file (PEM, an absolute path)", what);
		return HUFU_ERR_CONFIG;
	}
	if (conf_check_file(path, err, sizeof(err)) == HUFU_OK)
		return HUFU_OK;
	log_error("%s: %s", what, err);
	return HUFU_ERR_CONFIG;
}

/* Whoever reads the key is us. Of a file that belongs to root, root has decided which group may. */
static enum hufu_err check_key_file(const char *path)
{
	struct stat st;
	enum hufu_err err = check_file(path, "the private key");

	if (err)
		return err;
	if (stat(path, &st) != 0 || (st.st_mode & (st.st_uid == 0 ? S_IRWXO : S_IRWXO | S_IRWXG))) {
		log_error("%s can be read by others than its owner: a private key must not. Run chmod go= %s, "
		          "and have a new key and certificate made if somebody may have read it", path, path);
		return HUFU_ERR_CONFIG;
	}
	return HUFU_OK;
}

/* -- files --------------------------------------------------------------------------- */

static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

/* Read into secret memory, so that stdio's buffers hold nothing of it. */
static EVP_PKEY *read_key(const char *path)
{
	EVP_PKEY *key = NULL;
	uint8_t *pem = secret_alloc(KEY_FILE_MAX);
	FILE *file = pem ? fopen(path, "re") : NULL;

	if (file) {
		setvbuf(file, NULL, _IONBF, 0);
		BIO *bio = BIO_new_mem_buf(pem, (int)fread(pem, 1, KEY_FILE_MAX, file));
		if (bio)
			key = PEM_read_bio_PrivateKey_ex(bio, NULL, no_passphrase, NULL, libcrypto_context(), NULL);
		BIO_free(bio);
		fclose(file);
	}
	secret_free(pem);
	return key;
}

static enum hufu_err use_key(SSL_CTX *ctx, const char *path)
{
	enum hufu_err err = check_key_file(path);

	if (err)
		return err;
	EVP_PKEY *key = read_key(path);
	if (!key)
		return refuse(path, "there is no private key in it that can be read. It must be PEM, without a passphrase");
	if (SSL_CTX_use_PrivateKey(ctx, key) != 1)
		err = refuse(path, "this key does not go with the certificate. Name the pair that belongs together");
	EVP_PKEY_free(key);
	return err;
}

static int64_t seconds_of(const ASN1_TIME *time)
{
	struct tm tm;

	return time && ASN1_TIME_to_tm(time, &tm) ? (int64_t)timegm(&tm) : INT64_MAX;
}

static enum hufu_err use_cert(struct channel_context *c, const char *path)
{
	enum hufu_err err = check_file(path, "the own certificate");

	if (err)
		return err;
	if (SSL_CTX_use_certificate_chain_file(c->ctx, path) != 1)
		return refuse(path, "there is no certificate in it that can be used. It must hold ours first, then those between it "
		                    "and the authority, all PEM");
	c->not_after = seconds_of(X509_get0_notAfter(SSL_CTX_get0_certificate(c->ctx)));
	return HUFU_OK;
}

static enum hufu_err use_ca(struct channel_context *c, const char *path)
{
	enum hufu_err err = check_file(path, "the authority's certificate (ca)");

	if (err)
		return err;
	if (X509_STORE_load_file_ex(SSL_CTX_get_cert_store(c->ctx), path, libcrypto_context(), NULL) != 1)
		return refuse(path, "there is no certificate in it. It must hold the authorities whom we trust, PEM");
	return HUFU_OK;
}

/* All lists of the file; how many. */
static int read_crls(struct channel_context *c, BIO *bio)
{
	X509_STORE *store = SSL_CTX_get_cert_store(c->ctx);
	int n = 0;

	for (;; n++) {
		X509_CRL *empty = X509_CRL_new_ex(libcrypto_context(), NULL);
		X509_CRL *crl = empty ? PEM_read_bio_X509_CRL(bio, &empty, NULL, NULL) : NULL;
		if (!crl) {
			X509_CRL_free(empty);
			return n;
		}
		const int64_t until = seconds_of(X509_CRL_get0_nextUpdate(crl));
		if (until < c->crl_until)
			c->crl_until = until;
		const bool added = X509_STORE_add_crl(store, crl) == 1;
		X509_CRL_free(crl);
		if (!added)
			return 0;
	}
}

static enum hufu_err use_crl(struct channel_context *c, const char *path)
{
	if (!path)
		return HUFU_OK;
	enum hufu_err err = check_file(path, "the revocation list");
	if (err)
		return err;
	BIO *bio = BIO_new_file(path, "re");
	const int n = bio ? read_crls(c, bio) : 0;
	BIO_free(bio);
	if (n == 0)
		return refuse(path, "there is no revocation list in it. It must hold one of each authority, PEM");
	if (c->crl_until <= clock_wall_s())
		log_warning("%s: a revocation list in it has expired: every peer will be refused. Fetch a new one", path);
	X509_STORE_set_flags(SSL_CTX_get_cert_store(c->ctx), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	c->crl = strdup(path);
	return c->crl ? HUFU_OK : HUFU_ERR_NO_MEMORY;
}

static X509 *read_cert(const char *path)
{
	BIO *bio = BIO_new_file(path, "re");
	X509 *cert = X509_new_ex(libcrypto_context(), NULL);

	if (!bio || !PEM_read_bio_X509(bio, &cert, no_passphrase, NULL)) {
		X509_free(cert);
		cert = NULL;
	}
	BIO_free(bio);
	return cert;
}

/* TLCP's, for encryption. */
static enum hufu_err use_second_pair(const struct channel_context *c, const char *cert_path, const char *key_path)
{
	enum hufu_err err;

	if ((err = check_file(cert_path, "the certificate for encryption (enc_cert)")) || (err = check_key_file(key_path)))
		return err;
	X509 *cert = read_cert(cert_path);
	EVP_PKEY *key = read_key(key_path);
	if (!cert || !key || !c->profile->second_pair(c->ctx, cert, key))
		err = refuse(cert_path, "with enc_key this is no pair for encryption. Both must be of SM2, PEM, without a passphrase");
	X509_free(cert);
	EVP_PKEY_free(key);
	return err;
}

/* -- the client's sessions ------------------------------------------------------------ */

static struct channel_context *context_of(SSL *ssl)
{
	return ((struct channel *)SSL_get_app_data(ssl))->context;
}

/* The newest are the best: the oldest makes room. */
static int session_keep(SSL *ssl, SSL_SESSION *session)
{
	const struct channel *c = SSL_get_app_data(ssl);
	struct channel_context *context = c->context;

	if (!SSL_SESSION_is_resumable(session))
		return 0;
	pthread_mutex_lock(&context->lock);
	if (context->nkept == CHANNEL_SESSIONS) {
		SSL_SESSION_free(context->kept[0].session);
		memmove(context->kept, context->kept + 1, sizeof(context->kept) - sizeof(context->kept[0]));
		context->nkept--;
	}
	struct channel_kept *kept = &context->kept[context->nkept++];
	kept->session = session;
	memcpy(kept->name, c->name, sizeof(kept->name));
	pthread_mutex_unlock(&context->lock);
	return 1; /* the session is ours now */
}

SSL_SESSION *channel_session_take(struct channel_context *context, const char *name)
{
	SSL_SESSION *found = NULL;

	pthread_mutex_lock(&context->lock);
	for (size_t i = context->nkept; i-- > 0 && !found;) {
		struct channel_kept *kept = &context->kept[i];
		if (strcmp(kept->name, name) != 0)
			continue;
		found = kept->session;
		memmove(kept, kept + 1, (context->nkept - i - 1) * sizeof(*kept));
		context->nkept--;
	}
	pthread_mutex_unlock(&context->lock);
	return found;
}

/* -- the server's tickets ---------------------------------------------------------------- */

static bool ticket_key_make(struct channel_ticket_key *key)
{
	OSSL_LIB_CTX *lib = libcrypto_context();

	key->made_ns = clock_now_ns();
	return RAND_bytes_ex(lib, key->name, sizeof(key->name), 0) == 1 && RAND_priv_bytes_ex(lib, key->aes, sizeof(key->aes), 0) == 1 &&
	       RAND_priv_bytes_ex(lib, key->hmac, sizeof(key->hmac), 0) == 1;
}

/* A key seals for as long as its tickets are good, and opens as long again: who learns it learns of two hours, no more. */
static bool ticket_keys_turn_locked(struct channel_ticket_key keys[CHANNEL_TICKET_KEYS])
{
	if (keys[0].made_ns != 0 && clock_now_ns() - keys[0].made_ns < SESSION_S * NS_PER_S)
		return true;
	keys[1] = keys[0];
	return ticket_key_make(&keys[0]);
}

static int ticket_start(const struct channel_ticket_key *key, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                        bool seal)
{
	EVP_CIPHER *aes = EVP_CIPHER_fetch(libcrypto_context(), "AES-256-CBC", NULL);
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)key->hmac, sizeof(key->hmac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};
	const int good = aes && EVP_CipherInit_ex2(cipher, aes, key->aes, iv, seal, NULL) == 1 && EVP_MAC_CTX_set_params(mac, params) == 1;

	EVP_CIPHER_free(aes); /* the cipher's context holds it */
	return good;
}

/* For SSL_CTX_set_tlsext_ticket_key_evp_cb: 1 used, 2 used and another is to follow, 0 not ours (a full handshake), -1 failed. */
static int ticket_key_use(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seal)
{
	struct channel_context *context = context_of(ssl);
	int result = 0;

	pthread_mutex_lock(&context->lock);
	struct channel_ticket_key *keys = context->ticket_keys;
	if (!ticket_keys_turn_locked(keys)) {
		result = -1;
	} else if (seal) {
		memcpy(name, keys[0].name, sizeof(keys[0].name));
		result = RAND_bytes_ex(libcrypto_context(), iv, 16, 0) == 1 && ticket_start(&keys[0], iv, cipher, mac, true) ? 1 : -1;
	} else {
		for (int i = 0; i < CHANNEL_TICKET_KEYS && result == 0; i++)
			if (keys[i].made_ns != 0 && memcmp(name, keys[i].name, sizeof(keys[i].name)) == 0)
				result = ticket_start(&keys[i], iv, cipher, mac, false) ? 2 : -1; /* tickets of TLS 1.3 are used once */
	}
	pthread_mutex_unlock(&context->lock);
	return result;
}

/* -- making it -------------------------------------------------------------------------- */

/*
 * With no early data: it could be replayed. A ticket resumes with a fresh key exchange (psk_dhe_ke), which is libssl's only
 * way unless told otherwise, so that forward secrecy stays.
 */
static bool set_rules(struct channel_context *c)
{
	static const unsigned char id[] = "hufu";
	SSL_CTX *ctx = c->ctx;
	const struct channel_profile *p = c->profile;

	SSL_CTX_set_security_level(ctx, 2);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CLEANSE_PLAINTEXT |
	                         SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1); /* one recv for many records */
	/* Of thousands of idle connections none keeps a buffer. It is wiped whenever it is given back: no longer than it must be, then. */
	if (c->server)
		SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	else
		SSL_CTX_set_default_read_buffer_len(ctx, 64 * 1024);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, channel_verify_seen);
	SSL_CTX_set_verify_depth(ctx, CHAIN_DEPTH);
	SSL_CTX_set_timeout(ctx, SESSION_S);
	SSL_CTX_set_max_early_data(ctx, 0);
	/* TLCP's method has one version, which these do not know. */
	return (p->version != TLS1_3_VERSION ||
	        (SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 && SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1)) &&
	       SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1) == 1;
}

static bool set_resumption(struct channel_context *c)
{
	SSL_CTX *ctx = c->ctx;

	if (!c->server) {
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
		SSL_CTX_sess_set_new_cb(ctx, session_keep);
		return true;
	}
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets hold all that there is */
	c->ticket_keys = secret_alloc(CHANNEL_TICKET_KEYS * sizeof(*c->ticket_keys));
	return c->ticket_keys && SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, ticket_key_use) == 1;
}

static enum hufu_err profile_missing(const struct channel_profile *p, const char *name)
{
	if (p)
		log_error("the TLS profile \"%s\" needs another library: %s", name, p->missing);
	else
		log_error("there is no TLS profile \"%s\". Those there are: \"tls13\", \"tls13-sm\", \"tlcp\"", name);
	return HUFU_ERR_CONFIG;
}

static enum hufu_err context_fill(struct channel_context *c, const struct channel_conf *conf)
{
	enum hufu_err err;
	const char *name = conf->profile ? conf->profile : "tls13";

	if (!channel_profile_known(name))
		return profile_missing(channel_profile_find(name), name);
	c->profile = channel_profile_find(name);
	c->ctx = c->profile->new_ctx(libcrypto_context(), conf->server);
	c->sha256 = EVP_MD_fetch(libcrypto_context(), "SHA256", NULL);
	if (!c->ctx || !c->sha256)
		return HUFU_ERR_NO_MEMORY;
	if (!set_rules(c) || !c->profile->tune(c->ctx) || !set_resumption(c))
		return refuse(name, "this profile cannot be set up with this library");
	if ((err = use_ca(c, conf->ca)) || (err = use_crl(c, conf->crl)) || (err = use_cert(c, conf->cert)) ||
	    (err = use_key(c->ctx, conf->key)))
		return err;
	return c->profile->second_pair ? use_second_pair(c, conf->enc_cert, conf->enc_key) : HUFU_OK;
}

enum hufu_err channel_context_new(const struct channel_conf *conf, struct channel_context **out)
{
	enum hufu_err err = HUFU_ERR_NO_MEMORY;

	if (!libcrypto_context())
		return err;
	struct channel_context *c = calloc(1, sizeof(*c));
	if (!c)
		return err;
	atomic_init(&c->holders, 1);
	c->server = conf->server;
	c->epoch = libcrypto_epoch();
	c->crl_until = INT64_MAX;
	pthread_mutex_init(&c->lock, NULL);
	ERR_set_mark();
	err = context_fill(c, conf);
	ERR_pop_to_mark();
	if (err) {
		channel_context_free(c);
		return err;
	}
	*out = c;
	return HUFU_OK;
}

bool channel_context_alive(const struct channel_context *c)
{
	return c->epoch == libcrypto_epoch();
}

void channel_context_hold(struct channel_context *c)
{
	atomic_fetch_add(&c->holders, 1);
}

void channel_context_free(struct channel_context *c)
{
	if (!c || atomic_fetch_sub(&c->holders, 1) != 1)
		return;
	if (channel_context_alive(c)) {
		for (size_t i = 0; i < c->nkept; i++)
			SSL_SESSION_free(c->kept[i].session);
		SSL_CTX_free(c->ctx);
		EVP_MD_free(c->sha256);
	}
	secret_free(c->ticket_keys);
	pthread_mutex_destroy(&c->lock);
	free(c->crl);
	free(c);
}

int64_t channel_context_not_after(const struct channel_context *c)
{
	return c->not_after;
}
