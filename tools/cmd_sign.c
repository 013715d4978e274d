/* SPDX-License-Identifier: Apache-2.0 */
/* hufu sign, hufu verify */
#include "tools/mechanism.h"
#include "tools/pubkey.h"
#include "tools/report.h"
#include "tools/stream.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const struct opt sign_opts[] = {
	OPTS_SIGNATURE,
	{0},
};
const struct opt verify_opts[] = {
	{"signature", 's', "FILE", "the signature"},
	OPTS_SIGNATURE,
	{0},
};

/* The input gives way to its SHA-256, where the token signs digests alone. */
static enum status hash_here(struct input *in)
{
	unsigned char buf[16384], digest[32];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t got = 0;
	enum status status = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 ? ST_OK : fail_memory();

	do {
		if (status == ST_OK)
			status = input_read(in, buf, sizeof buf, &got);
		if (status == ST_OK)
			EVP_DigestUpdate(ctx, buf, got);
	} while (status == ST_OK && got == sizeof buf);
	int fd = memfd_create("digest", MFD_CLOEXEC);
	if (status == ST_OK && (EVP_DigestFinal_ex(ctx, digest, NULL) != 1 || fd < 0 ||
	                        write(fd, digest, sizeof digest) != sizeof digest || lseek(fd, 0, SEEK_SET) != 0))
		status = fail_errno(NULL, "keeping the digest");
	EVP_MD_CTX_free(ctx);
	if (status == ST_OK) {
		if (in->fd > STDIN_FILENO)
			close(in->fd);
		in->fd = fd;
	} else if (fd >= 0) {
		close(fd);
	}
	return status;
}

static enum status to_der(struct signature *sig)
{
	size_t len;
	unsigned char *der = signature_to_der(sig->bytes, sig->len, &len);

	if (!der || len > sizeof sig->bytes)
		return fail(ST_UNAVAILABLE, NULL, "the token's signature has an odd length");
	memcpy(sig->bytes, der, len);
	sig->len = len;
	OPENSSL_free(der);
	return ST_OK;
}

static enum status emit(const struct args *args, const struct mechanism *m, const struct signature *sig)
{
	char name[NAME_LEN];
	enum status status = args->json && !arg_has(args, "out") ? ST_OK : output_all(args, true, sig->bytes, sig->len);

	if (status || !args->json)
		return status;
	char *hex = hex_string(sig->bytes, sig->len);
	status = out_json(json_pack("{s:s,s:s,s:s}", "schema", "hufu-sign/1", "mechanism", mech_name(m->ck.mechanism, name),
	                            "signature", hex ? hex : ""));
	free(hex);
	return status;
}

enum status cmd_sign(const struct args *args)
{
	static struct mechanism m;
	struct session s;
	struct object key;
	struct input in = {.fd = -1};
	struct signature sig;
	enum status status = key_open(args, WANT_PRIVATE, &s, &key);

	if (status == ST_OK)
		status = mechanism_for_signature(args, &s, &key, &m);
	if (status == ST_OK)
		status = input_open(args, arg_target(args, 1), "signing", &in);
	if (status == ST_OK && m.host_sha256)
		status = hash_here(&in);
	if (status == ST_OK)
		status = stream_sign(&s, &m.ck, key.handle, &in, &sig);
	if (status == ST_OK && m.raw_ecdsa)
		status = to_der(&sig);
	if (status == ST_OK)
		status = emit(args, &m, &sig);
	input_close(&in);
	object_clear(&key);
	session_close(&s);
	return status;
}

/* DER becomes r || s of as many bytes as the key's order. */
static enum status from_der(const struct session *s, const struct object *key, struct signature *sig)
{
	EVP_PKEY *pkey;
	size_t len;
	enum status status = pubkey_of_object(s, key, &pkey);

	if (status)
		return status;
	unsigned char *raw = signature_to_raw(sig->bytes, sig->len, ((size_t)EVP_PKEY_get_bits(pkey) + 7) / 8, &len);
	EVP_PKEY_free(pkey);
	if (!raw)
		return fail(ST_INTEGRITY, "Choose --raw if it is r || s.", "the signature is no DER SEQUENCE of two numbers");
	memcpy(sig->bytes, raw, len);
	sig->len = len;
	free(raw);
	return ST_OK;
}

static enum status read_signature(const struct args *args, struct signature *sig)
{
	const char *path = arg_get(args, "signature");
	struct input in;
	size_t len = 0;

	if (!path)
		return fail(ST_USAGE, "hufu verify KEY FILE --signature SIGFILE", "the signature's file is missing");
	enum status status = input_open(args, path, NULL, &in);
	if (status == ST_OK)
		status = input_read(&in, sig->bytes, sizeof sig->bytes, &len);
	input_close(&in);
	sig->len = len;
	if (status == ST_OK && (len == 0 || len == sizeof sig->bytes))
		return fail(ST_INTEGRITY, NULL, "%s holds no signature", path);
	return status;
}

static enum status verified(const struct args *args, const struct mechanism *m, enum status status)
{
	char name[NAME_LEN];

	if (status)
		return status;
	if (args->json)
		return out_json(json_pack("{s:s,s:b,s:s}", "schema", "hufu-verify/1", "valid", 1, "mechanism",
		                          mech_name(m->ck.mechanism, name)));
	puts("The signature is good.");
	return ST_OK;
}

enum status cmd_verify(const struct args *args)
{
	static struct mechanism m;
	struct session s = {0};
	struct object key = {0};
	struct input in = {.fd = -1};
	struct signature sig;
	enum status status = read_signature(args, &sig);

	if (status == ST_OK)
		status = key_open(args, WANT_PUBLIC, &s, &key);
	if (status == ST_OK)
		status = mechanism_for_signature(args, &s, &key, &m);
	if (status == ST_OK && m.raw_ecdsa)
		status = from_der(&s, &key, &sig);
	if (status == ST_OK)
		status = input_open(args, arg_target(args, 1), "verifying", &in);
	if (status == ST_OK && m.host_sha256)
		status = hash_here(&in);
	if (status == ST_OK)
		status = stream_verify(&s, &m.ck, key.handle, &in, &sig);
	status = verified(args, &m, status);
	input_close(&in);
	object_clear(&key);
	session_close(&s);
	return status;
}
