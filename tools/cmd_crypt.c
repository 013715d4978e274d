/* SPDX-License-Identifier: Apache-2.0 */
/* hufu encrypt, hufu decrypt */
#include "tools/chunkfile.h"
#include "tools/mechanism.h"
#include "tools/report.h"
#include "tools/stream.h"

#include <openssl/rand.h>
#include <string.h>

const struct opt crypt_opts[] = {
	OPTS_CIPHER,
	{0},
};

/* -- hufu-file/1 through the token ----------------------------------------- */

struct aead {
	const struct session *s;
	CK_OBJECT_HANDLE key;
	CK_MECHANISM_TYPE type;
};

static CK_GCM_PARAMS gcm_params(const unsigned char *iv, const unsigned char *aad)
{
	return (CK_GCM_PARAMS){
		.pIv = (CK_BYTE *)(size_t)iv, .ulIvLen = CHUNKFILE_IV_LEN, .ulIvBits = 8 * CHUNKFILE_IV_LEN,
		.pAAD = (CK_BYTE *)(size_t)aad, .ulAADLen = CHUNKFILE_AAD_LEN, .ulTagBits = 8 * CHUNKFILE_TAG_LEN,
	};
}

static CK_RV seal(void *arg, const unsigned char *iv, const unsigned char *aad, const unsigned char *in, size_t len,
                  unsigned char *out)
{
	const struct aead *a = arg;
	CK_GCM_PARAMS params = gcm_params(iv, aad);
	CK_MECHANISM mech = {a->type, &params, sizeof params};
	CK_ULONG out_len = len + CHUNKFILE_TAG_LEN;
	CK_RV rv = a->s->f->C_EncryptInit(a->s->handle, &mech, a->key);

	if (rv == CKR_OK)
		rv = a->s->f->C_Encrypt(a->s->handle, (CK_BYTE *)(size_t)in, len, out, &out_len);
	return rv == CKR_OK && out_len != len + CHUNKFILE_TAG_LEN ? CKR_GENERAL_ERROR : rv;
}

static CK_RV open_chunk(void *arg, const unsigned char *iv, const unsigned char *aad, const unsigned char *in, size_t len,
                        unsigned char *out)
{
	const struct aead *a = arg;
	CK_GCM_PARAMS params = gcm_params(iv, aad);
	CK_MECHANISM mech = {a->type, &params, sizeof params};
	CK_ULONG out_len = len;
	CK_RV rv = a->s->f->C_DecryptInit(a->s->handle, &mech, a->key);

	if (rv != CKR_OK)
		return rv;
	rv = a->s->f->C_Decrypt(a->s->handle, (CK_BYTE *)(size_t)in, len, out, &out_len);
	if (rv == CKR_OK)
		return out_len == len - CHUNKFILE_TAG_LEN ? CKR_OK : CKR_GENERAL_ERROR;
	/* The codes that modules give for a wrong tag; SoftHSM's is CKR_GENERAL_ERROR. */
	return rv == CKR_AEAD_DECRYPT_FAILED || rv == CKR_ENCRYPTED_DATA_LEN_RANGE || rv == CKR_GENERAL_ERROR
	               ? CKR_ENCRYPTED_DATA_INVALID
	               : rv;
}

/* IVs and salts need to be unique, not secret: the token's generator, or else libcrypto's. */
static CK_RV draw(void *arg, unsigned char *out, size_t len)
{
	const struct aead *a = arg;

	if (a->s->f->C_GenerateRandom(a->s->handle, out, len) == CKR_OK || RAND_bytes(out, (int)len) == 1)
		return CKR_OK;
	return CKR_RANDOM_NO_RNG;
}

static enum status chunks(bool encrypt, const struct session *s, const struct object *key, struct input *in, struct output *out)
{
	CK_MECHANISM_TYPE type = mechanism_gcm(key);
	struct aead a = {s, key->handle, type};
	struct chunkfile_aead aead = {type == CKM_AES_GCM ? CHUNKFILE_AES : CHUNKFILE_SM4, &a, seal, open_chunk, draw};

	return encrypt ? chunkfile_encrypt(&aead, in, out) : chunkfile_decrypt(&aead, in, out);
}

/* -- the commands ---------------------------------------------------------- */

static bool wants_chunks(const struct args *args, const struct object *key)
{
	const char *mode = arg_get(args, "mode");

	return mechanism_gcm(key) != CK_UNAVAILABLE_INFORMATION && !arg_has(args, "mechanism") && (!mode || !strcmp(mode, "file"));
}

/* What these options would change is the file format's own to choose. */
static enum status check_chunks(const struct args *args)
{
	static const char *const others[] = {"iv", "aad", "format", "hash", "count"};

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (arg_has(args, others[i]))
			return fail(ST_USAGE, "It may belong to a --mode such as gcm or cbc; hufu help encrypt says to which.",
			            "hufu's own file format takes no --%s", others[i]);
	return ST_OK;
}

static enum status crypt(const struct args *args, bool encrypt, const struct session *s, const struct object *key)
{
	static struct mechanism m;
	bool as_chunks = wants_chunks(args, key);
	struct input in = {.fd = -1};
	struct output out = {.fd = -1};
	enum status status = as_chunks ? check_chunks(args) : mechanism_for_cipher(args, key, &m);

	if (status == ST_OK)
		status = input_open(args, arg_target(args, 1), encrypt ? "encrypting" : "decrypting", &in);
	if (status == ST_OK)
		status = output_open(args, encrypt, &out);
	if (status == ST_OK)
		status = as_chunks ? chunks(encrypt, s, key, &in, &out) : stream_crypt(s, encrypt, &m.ck, key->handle, &in, &out);
	if (status == ST_OK)
		status = output_commit(&out);
	output_close(&out);
	input_close(&in);
	return status;
}

static enum status encrypt_or_decrypt(const struct args *args, bool encrypt)
{
	struct session s;
	struct object key;
	enum status status = key_open(args, WANT_SECRET | (encrypt ? WANT_PUBLIC : WANT_PRIVATE), &s, &key);

	if (status == ST_OK)
		status = crypt(args, encrypt, &s, &key);
	object_clear(&key);
	session_close(&s);
	return status;
}

enum status cmd_encrypt(const struct args *args)
{
	return encrypt_or_decrypt(args, true);
}

enum status cmd_decrypt(const struct args *args)
{
	return encrypt_or_decrypt(args, false);
}
