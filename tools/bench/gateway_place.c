/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/bench/gateway.h"
#include "base/secret.h"
#include "rand/rand.h"
#include "tools/machine/pki.h"
#include "tools/report.h"

#include "config.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIN_LEN 16
#define WORD_MAX 4096
#define CERTIFICATE_SECONDS (24 * 3600)

const char *const gateway_key_names[GATEWAY_KEYS] = {"rsa-2048", "ecdsa-p256", "sm2", "ed25519"};
const char *const gateway_device_names[GATEWAY_DEVICES] = {"file", "soft", "soft-lane", "net", "slow", "kernel"};

bool gateway_has_slow(void)
{
#ifdef HUFU_FAULT_DRIVER
	return true;
#else
	return false;
#endif
}

/* A token of the configuration, and the provider's keys in it. */
static bool has_token(enum gateway_device device)
{
	return device != GATEWAY_FILE && device != GATEWAY_KERNEL && (device != GATEWAY_SLOW || gateway_has_slow());
}

static bool serves_tls(enum gateway_key key)
{
	return key == GATEWAY_RSA || key == GATEWAY_P256;
}

/* -- keys, made by libcrypto ------------------------------------------------------------ */

static EVP_PKEY *generate(OSSL_LIB_CTX *context, enum gateway_key key)
{
	switch (key) {
	case GATEWAY_RSA:
		return EVP_PKEY_Q_keygen(context, NULL, "RSA", (size_t)2048);
	case GATEWAY_P256:
		return EVP_PKEY_Q_keygen(context, NULL, "EC", "P-256");
	case GATEWAY_SM2:
		return EVP_PKEY_Q_keygen(context, NULL, "SM2");
	case GATEWAY_ED25519:
		return EVP_PKEY_Q_keygen(context, NULL, "ED25519");
	case GATEWAY_KEYS:
		break;
	}
	return NULL;
}

static enum status write_key(const struct gateway_place *place, enum gateway_key key)
{
	char name[32];
	char *pem;
	BIO *bio = BIO_new(BIO_s_secmem());

	snprintf(name, sizeof name, "%s.pem", gateway_key_names[key]);
	if (!bio || !PEM_write_bio_PKCS8PrivateKey(bio, place->keys[GATEWAY_FILE][key], NULL, NULL, 0, NULL, NULL)) {
		BIO_free(bio);
		return ossl_fail(ST_UNAVAILABLE, NULL, "encoding a key of type %s", gateway_key_names[key]);
	}
	const long len = BIO_get_mem_data(bio, &pem);
	enum status status = pki_write(place->dir, name, pem, (size_t)len);
	BIO_free(bio);
	return status;
}

/* Libraries are built without SM2, and without Ed25519. */
static enum status make_keys(struct gateway_place *place)
{
	enum status status = ST_OK;

	for (enum gateway_key key = 0; key < GATEWAY_KEYS && status == ST_OK; key++) {
		place->keys[GATEWAY_FILE][key] = generate(place->plain, key);
		if (place->keys[GATEWAY_FILE][key])
			status = write_key(place, key);
		else if (serves_tls(key))
			status = ossl_fail(ST_UNAVAILABLE, NULL, "making a key of type %s", gateway_key_names[key]);
		else
			note("libcrypto makes no key of type %s: it is left out", gateway_key_names[key]);
	}
	return status;
}

/* -- tokens ------------------------------------------------------------------------------- */

static enum status make_pin(const struct gateway_place *place)
{
	uint8_t bytes[PIN_LEN];
	enum hufu_err err = rand_bytes(bytes, sizeof bytes);

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)('a' + bytes[i] % 26);
	enum status status = err ? fail_err(err, "drawing a PIN") : pki_write(place->dir, "pin", bytes, sizeof bytes);
	secret_wipe(bytes, sizeof bytes);
	return status;
}

/* Slots stand in the order of the sections, so the tokens are made in it. */
static enum status configure(const struct gateway_place *place)
{
	const char *d = place->dir;
	char path[WORD_MAX], slow[WORD_MAX] = "";

	if (gateway_has_slow())
		snprintf(slow, sizeof slow,
		         "device slow { driver = fault-hang wraps = soft service = \"%dms\" sessions = %d }\n"
		         "token slow { store = \"sqlite:%s/slow.db\" devices = { slow } allow_short_pin = true }\n", GATEWAY_SLOW_MS,
		         GATEWAY_SLOW_SESSIONS, d);
	enum status status = bed_write(d, "gateway.conf",
	                               "log { to = \"file:%s/gateway.log\" level = warning }\n"
	                               "device soft { driver = soft }\ndevice lane { driver = soft isolation = thread }\n"
	                               "device m { driver = net address = \"127.0.0.1:%u\" tenant = remote ca = \"%s/ca.pem\" "
	                               "cert = \"%s/client.pem\" key = \"%s/client.key\" }\n"
	                               "token soft { store = \"sqlite:%s/soft.db\" devices = { soft } allow_short_pin = true }\n"
	                               "token soft-lane { store = \"sqlite:%s/lane.db\" devices = { lane } allow_short_pin = true }\n"
	                               "token net { store = net devices = { m } allow_short_pin = true }\n%s",
	                               d, place->machines[0].port, d, d, d, d, d, slow);
	snprintf(path, sizeof path, "%s/gateway.conf", d);
	if (status == ST_OK && (setenv("HUFU_CONF", path, 1) || unsetenv("HUFU_LOG")))
		status = fail_memory();
	return status;
}

static enum status import(const struct gateway_place *place, const char *module, const char *token, enum gateway_key key)
{
	char uri[64], file[WORD_MAX], pin[WORD_MAX];

	snprintf(uri, sizeof uri, "pkcs11:token=%s", token);
	snprintf(file, sizeof file, "%s/%s.pem", place->dir, gateway_key_names[key]);
	snprintf(pin, sizeof pin, "%s/pin", place->dir);
	return demo_run((const char *const[]){"key", "import", uri, file, "--label", gateway_key_names[key], "--pin-file", pin, "--module",
	                                      module, NULL});
}

static enum status make_token(const struct gateway_place *place, const char *module, const char *token)
{
	char pin[WORD_MAX];

	snprintf(pin, sizeof pin, "%s/pin", place->dir);
	enum status status = demo_run((const char *const[]){"token", "init", "--label", token, "--so-pin-file", pin, "--new-pin-file", pin,
	                                                    "--module", module, NULL});
	for (enum gateway_key key = 0; key < GATEWAY_KEYS && status == ST_OK; key++)
		if (place->keys[GATEWAY_FILE][key])
			status = import(place, module, token, key);
	return status;
}

static enum status make_tokens(const struct gateway_place *place, const char *module)
{
	enum status status = make_pin(place);

	if (status == ST_OK)
		status = configure(place);
	for (enum gateway_device device = 0; device < GATEWAY_DEVICES && status == ST_OK; device++)
		if (has_token(device))
			status = make_token(place, module, gateway_device_names[device]);
	return status;
}

static enum status find_keys(struct gateway_place *place)
{
	const struct pin none = {0};
	char uri[WORD_MAX];
	enum status status = ossl_open(&place->ossl);

	for (enum gateway_device device = 0; device < GATEWAY_DEVICES; device++)
		for (enum gateway_key key = 0; has_token(device) && key < GATEWAY_KEYS && status == ST_OK; key++) {
			if (!place->keys[GATEWAY_FILE][key])
				continue;
			snprintf(uri, sizeof uri, "pkcs11:token=%s;object=%s;type=private?pin-source=file:%s/pin", gateway_device_names[device],
			         gateway_key_names[key], place->dir);
			status = ossl_private_key(&place->ossl, uri, &none, &place->keys[device][key]);
		}
	return status;
}

/* -- servers ------------------------------------------------------------------------------- */

static X509 *self_signed(EVP_PKEY *key)
{
	X509 *x = X509_new();
	X509_NAME *name = x ? X509_get_subject_name(x) : NULL;

	if (name && X509_set_version(x, X509_VERSION_3) && ASN1_INTEGER_set(X509_get_serialNumber(x), 1) &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"bench", -1, -1, 0) && X509_set_issuer_name(x, name) &&
	    X509_gmtime_adj(X509_getm_notBefore(x), 0) && X509_gmtime_adj(X509_getm_notAfter(x), CERTIFICATE_SECONDS) &&
	    X509_set_pubkey(x, key) && X509_sign(x, key, EVP_sha256()))
		return x;
	X509_free(x);
	return NULL;
}

/* Handshakes are all full ones: nothing is kept, and no tickets are sent. */
static SSL_CTX *server_of(OSSL_LIB_CTX *context, X509 *certificate, EVP_PKEY *key)
{
	SSL_CTX *ctx = SSL_CTX_new_ex(context, NULL, TLS_server_method());

	if (ctx && SSL_CTX_use_certificate(ctx, certificate) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_set_num_tickets(ctx, 0)) {
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
		return ctx;
	}
	SSL_CTX_free(ctx);
	return NULL;
}

static enum status make_servers(struct gateway_place *place, enum gateway_key key)
{
	X509 *certificate = self_signed(place->keys[GATEWAY_FILE][key]);
	bool good = certificate;

	for (enum gateway_device device = 0; good && device < GATEWAY_DEVICES; device++) {
		OSSL_LIB_CTX *context = device == GATEWAY_FILE ? place->plain : place->ossl.context;
		if (place->keys[device][key])
			good = (place->servers[device][key] = server_of(context, certificate, place->keys[device][key]));
	}
	X509_free(certificate);
	return good ? ST_OK : ossl_fail(ST_UNAVAILABLE, NULL, "making a TLS server with a key of type %s", gateway_key_names[key]);
}

static enum status make_ends(struct gateway_place *place)
{
	enum status status = ST_OK;

	place->client = SSL_CTX_new_ex(place->plain, NULL, TLS_client_method());
	if (!place->client)
		return ossl_fail(ST_UNAVAILABLE, NULL, "making a TLS client");
	for (enum gateway_key key = 0; key < GATEWAY_KEYS && status == ST_OK; key++)
		if (serves_tls(key))
			status = make_servers(place, key);
	return status;
}

/* -- all of it ------------------------------------------------------------------------------- */

static enum status open_kernel(struct gateway_place *place)
{
	static const struct bench_cell cell = {.op = BENCH_SM2_SIGN, .name = "sm2-sign", .threads = 1};

	place->kernel_state = bench_kernel.open(NULL);
	if (place->kernel_state)
		place->kernel = bench_kernel.thread_open(place->kernel_state, &cell);
	return place->kernel ? ST_OK : fail(ST_UNAVAILABLE, NULL, "hufu's own SM2 cannot be measured");
}

enum status gateway_begin(struct gateway_place *place, const char *module)
{
	place->dir = place_make(place_fast());
	place->plain = OSSL_LIB_CTX_new();
	if (!place->dir || !place->plain)
		return place->dir ? fail_memory() : ST_UNAVAILABLE;
	enum status status = bed_start_machine(place->dir, place->machines);
	if (status == ST_OK)
		status = make_keys(place);
	if (status == ST_OK)
		status = make_tokens(place, module);
	if (status == ST_OK)
		status = find_keys(place);
	if (status == ST_OK)
		status = make_ends(place);
	return status ? status : open_kernel(place);
}

void gateway_end(struct gateway_place *place)
{
	for (enum gateway_device device = 0; device < GATEWAY_DEVICES; device++)
		for (enum gateway_key key = 0; key < GATEWAY_KEYS; key++) {
			SSL_CTX_free(place->servers[device][key]);
			EVP_PKEY_free(place->keys[device][key]);
		}
	SSL_CTX_free(place->client);
	if (place->ossl.context)
		ossl_close(&place->ossl);
	OSSL_LIB_CTX_free(place->plain);
	if (place->kernel)
		bench_kernel.thread_close(place->kernel);
	if (place->kernel_state)
		bench_kernel.close(place->kernel_state);
	machine_stop(&place->machines[0]);
	if (place->dir)
		place_remove(place->dir);
	free(place->dir);
}
