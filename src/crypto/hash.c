/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-1 and SHA-2 through libcrypto's plain functions: they run the same kernels
 * as EVP without its dispatch, and their state can be saved. The functions are
 * deprecated for good reasons that do not concern us (no provider is asked), and
 * every libcrypto of docs/VERSIONS.md has them.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/hash.h"

#include <openssl/evp.h>
#include <stdatomic.h>
#include <string.h>

#include "base/buf.h"
#include "base/secret.h"
#include "crypto/context.h"

enum family { FAMILY_NONE, FAMILY_SM3, FAMILY_SHA1, FAMILY_SHA256, FAMILY_SHA512, FAMILY_SHA3 };

static const struct algorithm {
	const char *name;
	enum family family;
	size_t len, block_len;
} algorithms[HASH_COUNT] = {
	[HASH_SM3] = {"SM3", FAMILY_SM3, 32, 64},
	[HASH_SHA1] = {"SHA1", FAMILY_SHA1, 20, 64},
	[HASH_SHA224] = {"SHA224", FAMILY_SHA256, 28, 64},
	[HASH_SHA256] = {"SHA256", FAMILY_SHA256, 32, 64},
	[HASH_SHA384] = {"SHA384", FAMILY_SHA512, 48, 128},
	[HASH_SHA512] = {"SHA512", FAMILY_SHA512, 64, 128},
	[HASH_SHA512_224] = {"SHA512-224", FAMILY_SHA512, 28, 128},
	[HASH_SHA512_256] = {"SHA512-256", FAMILY_SHA512, 32, 128},
	[HASH_SHA3_224] = {"SHA3-224", FAMILY_SHA3, 28, 144},
	[HASH_SHA3_256] = {"SHA3-256", FAMILY_SHA3, 32, 136},
	[HASH_SHA3_384] = {"SHA3-384", FAMILY_SHA3, 48, 104},
	[HASH_SHA3_512] = {"SHA3-512", FAMILY_SHA3, 64, 72},
};

size_t hash_len(enum hash_id id)
{
	return algorithms[id].len;
}

size_t hash_block_len(enum hash_id id)
{
	return algorithms[id].block_len;
}

const char *hash_name(enum hash_id id)
{
	return algorithms[id].name;
}

static enum family family_of(const struct hash *h)
{
	return algorithms[h->id].family;
}

/* -- beginning ----------------------------------------------------------------- */

/* FIPS 180-4 5.3.6: SHA-512/t differs from SHA-512 in its initial value, and in what of the result is given. */
static const SHA_LONG64 sha512_224_iv[8] = {
	0x8c3d37c819544da2, 0x73e1996689dcd4d6, 0x1dfab7ae32ff9c82, 0x679dd514582f9fcf,
	0x0f6d2b697bd44da8, 0x77e36f7304c48942, 0x3f9d85a86a1d36c8, 0x1112e6ad91d692a1,
};
static const SHA_LONG64 sha512_256_iv[8] = {
	0x22312194fc2bf72c, 0x9f555fa3c84c64c2, 0x2393b86b6f53b151, 0x963877195940eabd,
	0x96283ee2a88effe3, 0xbe5e1e2553863992, 0x2b0199fc2c85b8aa, 0x0eb72ddc81c52ca2,
};

static void sha512_init(struct hash *h)
{
	SHA512_Init(&h->sha512);
	h->sha512.md_len = (unsigned)hash_len(h->id);
	if (h->id == HASH_SHA384)
		SHA384_Init(&h->sha512);
	else if (h->id == HASH_SHA512_224)
		memcpy(h->sha512.h, sha512_224_iv, sizeof(sha512_224_iv));
	else if (h->id == HASH_SHA512_256)
		memcpy(h->sha512.h, sha512_256_iv, sizeof(sha512_256_iv));
}

/*
 * Looked up once a process, for that takes longer than to hash a short message;
 * a forked child has a context of its own to look in. Who comes at the same time
 * may look as well: what one of them found stays. NULL: libcrypto has none.
 */
static EVP_MD *sha3_method(OSSL_LIB_CTX *context, enum hash_id id)
{
	static struct {
		_Atomic(EVP_MD *) md;
		_Atomic uint32_t epoch; /* set last: of md, or of an earlier one */
	} found[HASH_COUNT];

	if (atomic_load_explicit(&found[id].epoch, memory_order_acquire) == libcrypto_epoch())
		return atomic_load_explicit(&found[id].md, memory_order_relaxed);
	EVP_MD *md = EVP_MD_fetch(context, hash_name(id), NULL);
	if (md) {
		atomic_store_explicit(&found[id].md, md, memory_order_relaxed);
		atomic_store_explicit(&found[id].epoch, libcrypto_epoch(), memory_order_release);
	}
	return md;
}

static enum hufu_err sha3_init(struct hash *h)
{
	OSSL_LIB_CTX *context = libcrypto_context();
	EVP_MD *md = context ? sha3_method(context, h->id) : NULL;

	if (!md)
		return context ? HUFU_ERR_UNSUPPORTED : HUFU_ERR_NO_MEMORY;
	h->evp = EVP_MD_CTX_new();
	return h->evp && EVP_DigestInit_ex2(h->evp, md, NULL) ? HUFU_OK : HUFU_ERR_NO_MEMORY;
}

enum hufu_err hash_init(struct hash *h, enum hash_id id)
{
	enum hufu_err err = HUFU_OK;

	h->id = id;
	switch (family_of(h)) {
	case FAMILY_SM3: sm3_init(&h->sm3); break;
	case FAMILY_SHA1: SHA1_Init(&h->sha1); break;
	case FAMILY_SHA256: (void)(id == HASH_SHA224 ? SHA224_Init(&h->sha256) : SHA256_Init(&h->sha256)); break;
	case FAMILY_SHA512: sha512_init(h); break;
	case FAMILY_SHA3: err = sha3_init(h); break;
	case FAMILY_NONE: err = HUFU_ERR_UNSUPPORTED; break;
	}
	if (err != HUFU_OK)
		hash_clear(h);
	return err;
}

/* -- going on ------------------------------------------------------------------ */

/* libcrypto's functions fail on no input that we can give: the plain ones never, EVP's on a context that was finished. */
void hash_update(struct hash *h, const void *data, size_t len)
{
	if (len == 0)
		return;
	switch (family_of(h)) {
	case FAMILY_SM3: sm3_update(&h->sm3, data, len); break;
	case FAMILY_SHA1: SHA1_Update(&h->sha1, data, len); break;
	case FAMILY_SHA256: SHA256_Update(&h->sha256, data, len); break;
	case FAMILY_SHA512: SHA512_Update(&h->sha512, data, len); break;
	case FAMILY_SHA3: (void)EVP_DigestUpdate(h->evp, data, len); break;
	case FAMILY_NONE: break;
	}
}

void hash_final(struct hash *h, uint8_t *digest)
{
	switch (family_of(h)) {
	case FAMILY_SM3: sm3_final(&h->sm3, digest); break;
	case FAMILY_SHA1: SHA1_Final(digest, &h->sha1); break;
	case FAMILY_SHA256: SHA256_Final(digest, &h->sha256); break;
	case FAMILY_SHA512: SHA512_Final(digest, &h->sha512); break;
	case FAMILY_SHA3: (void)EVP_DigestFinal_ex(h->evp, digest, NULL); break;
	case FAMILY_NONE: break;
	}
}

void hash_clear(struct hash *h)
{
	if (family_of(h) == FAMILY_SHA3)
		EVP_MD_CTX_free(h->evp);
	secret_wipe(h, sizeof(*h));
}

enum hufu_err hash_copy(struct hash *to, const struct hash *from)
{
	*to = *from;
	if (family_of(from) != FAMILY_SHA3)
		return HUFU_OK;
	to->evp = EVP_MD_CTX_new();
	if (to->evp && EVP_MD_CTX_copy_ex(to->evp, from->evp))
		return HUFU_OK;
	hash_clear(to);
	return HUFU_ERR_NO_MEMORY;
}

enum hufu_err hash_once(enum hash_id id, const void *data, size_t len, uint8_t *digest)
{
	struct hash h = {0};
	enum hufu_err err = hash_init(&h, id);

	if (err == HUFU_OK) {
		hash_update(&h, data, len);
		hash_final(&h, digest);
	}
	hash_clear(&h);
	return err;
}

/* -- states: chaining value, bytes so far (u64), the bytes of the block that is not full ------------- */

bool hash_saveable(enum hash_id id)
{
	return id != HASH_NONE && algorithms[id].family != FAMILY_SHA3;
}

static uint64_t bits_of(uint32_t high, uint32_t low)
{
	return (uint64_t)high << 32 | low;
}

static void save32(struct writer *w, const SHA_LONG *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		write_u32(w, words[i]);
}

static void load32(struct reader *r, SHA_LONG *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		words[i] = read_u32(r);
}

static void save_sha1(struct writer *w, const SHA_CTX *c)
{
	SHA_LONG words[5] = {c->h0, c->h1, c->h2, c->h3, c->h4};
	save32(w, words, 5);
	write_u64(w, bits_of(c->Nh, c->Nl) / 8);
	write_bytes(w, c->data, c->num);
}

static void save_sha256(struct writer *w, const SHA256_CTX *c)
{
	save32(w, c->h, 8);
	write_u64(w, bits_of(c->Nh, c->Nl) / 8);
	write_bytes(w, c->data, c->num);
}

static void save_sha512(struct writer *w, const SHA512_CTX *c)
{
	for (size_t i = 0; i < 8; i++)
		write_u64(w, c->h[i]);
	write_u64(w, c->Nl / 8);
	write_bytes(w, c->u.p, c->num);
}

size_t hash_export(const struct hash *h, uint8_t state[HASH_STATE_MAX])
{
	struct writer w;
	size_t len = 0;

	if (family_of(h) == FAMILY_SM3) {
		sm3_export(&h->sm3, state);
		return SM3_STATE_LEN;
	}
	writer_init(&w, true);
	switch (family_of(h)) {
	case FAMILY_SHA1: save_sha1(&w, &h->sha1); break;
	case FAMILY_SHA256: save_sha256(&w, &h->sha256); break;
	case FAMILY_SHA512: save_sha512(&w, &h->sha512); break;
	case FAMILY_SM3:
	case FAMILY_SHA3:
	case FAMILY_NONE: break;
	}
	if (!w.bad && w.len && w.len <= HASH_STATE_MAX) {
		memcpy(state, w.data, w.len);
		len = w.len;
	}
	writer_clear(&w);
	return len;
}

/* How many bytes of a block wait follows from the length; false when the state holds another number of them. */
static bool read_rest(struct reader *r, size_t block_len, uint64_t *nbits, unsigned *num, void *data)
{
	uint64_t nbytes = read_u64(r);
	*nbits = nbytes * 8;
	*num = (unsigned)(nbytes % block_len);
	read_copy(r, data, *num);
	return reader_done(r) && nbytes <= UINT64_MAX / 8;
}

static bool load_sha1(struct reader *r, SHA_CTX *c)
{
	SHA_LONG words[5];
	uint64_t nbits;
	load32(r, words, 5);
	c->h0 = words[0], c->h1 = words[1], c->h2 = words[2], c->h3 = words[3], c->h4 = words[4];
	bool good = read_rest(r, 64, &nbits, &c->num, c->data);
	c->Nh = (SHA_LONG)(nbits >> 32), c->Nl = (SHA_LONG)nbits;
	return good;
}

static bool load_sha256(struct reader *r, SHA256_CTX *c)
{
	uint64_t nbits;
	load32(r, c->h, 8);
	bool good = read_rest(r, 64, &nbits, &c->num, c->data);
	c->Nh = (SHA_LONG)(nbits >> 32), c->Nl = (SHA_LONG)nbits;
	return good;
}

static bool load_sha512(struct reader *r, SHA512_CTX *c)
{
	uint64_t nbits;
	for (size_t i = 0; i < 8; i++)
		c->h[i] = read_u64(r);
	bool good = read_rest(r, 128, &nbits, &c->num, c->u.p);
	c->Nl = nbits;
	return good;
}

static bool load_sm3(struct sm3 *c, const uint8_t *state, size_t len)
{
	if (len != SM3_STATE_LEN)
		return false;
	sm3_import(c, state);
	return c->nbytes <= UINT64_MAX / 8;
}

bool hash_import(struct hash *h, enum hash_id id, const uint8_t *state, size_t len)
{
	struct reader r = reader_of(state, len);
	bool good = false;

	if (!hash_saveable(id) || hash_init(h, id) != HUFU_OK)
		return false;
	switch (family_of(h)) {
	case FAMILY_SM3: good = load_sm3(&h->sm3, state, len); break;
	case FAMILY_SHA1: good = load_sha1(&r, &h->sha1); break;
	case FAMILY_SHA256: good = load_sha256(&r, &h->sha256); break;
	case FAMILY_SHA512: good = load_sha512(&r, &h->sha512); break;
	case FAMILY_SHA3:
	case FAMILY_NONE: break;
	}
	if (!good)
		hash_clear(h);
	return good;
}
