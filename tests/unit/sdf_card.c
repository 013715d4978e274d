/* SPDX-License-Identifier: Apache-2.0 */
#include "sdf_card.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rand/rand.h"
#include "sm/sm3.h"
#include "sm/sm4.h"

struct fake fake;

static struct sdf_library *const the_library = (struct sdf_library *)&fake;
static struct sdf_device *const the_device = (struct sdf_device *)&fake.calls;

void fake_reset(void)
{
	memset(&fake, 0, sizeof(fake));
	fake.profile = (struct sdf_profile){.name = "fake", .vendor = "fake", .edition = 2012, .width = 64, .handles_max = 4,
	                                    .random_max = 1024, .data_max = 16384, .right_per_session = true,
	                                    .macs_in_device = true};
	for (int i = 0; i < SDF_ALGS; i++)
		fake.profile.alg[i] = (uint32_t)i + 1;
	fake.profile.alg[SDF_ALG_KEK] = fake.profile.alg[SDF_ALG_SM4_ECB];
}

static int fill(void *arg, uint8_t *out, size_t len)
{
	(void)arg;
	return rand_bytes(out, len) == HUFU_OK ? 0 : -1;
}

static const struct sm2_random randomness = {fill, NULL};

void fake_make_pair(struct fake_pair *pair, uint8_t seed)
{
	uint8_t d[32];

	memset(d, seed, sizeof(d));
	pair->there = sm2_private_init(&pair->key, d) == SM2_OK;
}

unsigned fake_open_sessions(void)
{
	unsigned n = 0;

	for (int i = 0; i < FAKE_SESSIONS; i++)
		n += fake.open[i];
	return n;
}

unsigned fake_live_handles(void)
{
	unsigned n = 0;

	for (int i = 0; i < FAKE_HANDLES; i++)
		n += fake.handles[i].alive;
	return n;
}

unsigned fake_rights(void)
{
	unsigned n = 0;

	for (int s = 0; s < FAKE_SESSIONS; s++)
		for (int i = 0; i < FAKE_PAIRS; i++)
			n += fake.rights[s][i];
	return n;
}

/* Counts, and fails where it was told to. */
static enum hufu_err called(struct sdf_session *session, enum fake_call call)
{
	fake.calls[call]++;
	if (session && session->dead)
		return HUFU_ERR_GONE;
	if (!fake.failures[call])
		return HUFU_OK;
	fake.failures[call]--;
	if (session) {
		session->code = 0x01000001;
		session->dead = fake.failure_kills[call];
	}
	return fake.failure[call];
}

/* -- profiles, libraries, devices ----------------------------------------------- */

enum hufu_err sdf_profile_load(const char *name, conf_report_fn report, void *arg, struct sdf_profile **out)
{
	if (strcmp(name, "gmt0018-2012") != 0) {
		report(arg, "no such profile");
		return HUFU_ERR_CONFIG;
	}
	*out = &fake.profile;
	return HUFU_OK;
}

void sdf_profile_free(struct sdf_profile *profile)
{
	(void)profile;
}

/* 0x999: a code that nobody knows. */
const char *sdf_code_name(const struct sdf_profile *profile, uint32_t code)
{
	(void)profile;
	return code == 0x999 ? NULL : "SDR_SOMETHING";
}

enum hufu_err sdf_library_open(const char *path, const struct sdf_profile *profile, struct sdf_library **library, char *err,
                               size_t err_len)
{
	(void)profile;
	if (strcmp(path, "/lib/card.so") != 0) {
		snprintf(err, err_len, "no such library");
		return HUFU_ERR_CONFIG;
	}
	*library = the_library;
	return HUFU_OK;
}

bool sdf_can(const struct sdf_library *library, enum sdf_call call)
{
	(void)library;
	return !fake.lacks[call];
}

const struct sdf_profile *sdf_library_profile(const struct sdf_library *library)
{
	(void)library;
	return &fake.profile;
}

enum hufu_err sdf_device_open(struct sdf_library *library, const char *open_config, uint64_t deadline_ns,
                              struct sdf_device **device,
                              uint32_t *code)
{
	(void)library, (void)open_config, (void)deadline_ns;
	*code = 0x01000005;
	enum hufu_err err = called(NULL, FAKE_OPEN_DEVICE);
	*device = err == HUFU_OK ? the_device : NULL;
	return err;
}

void sdf_device_close(struct sdf_device *device, uint64_t deadline_ns)
{
	(void)device, (void)deadline_ns;
}

enum hufu_err sdf_session_open(struct sdf_device *device, uint64_t deadline_ns, struct sdf_session **session, uint32_t *code)
{
	enum hufu_err err = called(NULL, FAKE_OPEN_SESSION);
	int i = 0;

	*code = 0x01000006;
	while (i < FAKE_SESSIONS && fake.open[i])
		i++;
	if (err != HUFU_OK || i == FAKE_SESSIONS)
		return err != HUFU_OK ? err : HUFU_ERR_BUSY;
	fake.open[i] = true;
	memset(fake.rights[i], 0, sizeof(fake.rights[i]));
	fake.sessions[i] = (struct sdf_session){.device = device, .deadline_ns = deadline_ns};
	*session = &fake.sessions[i];
	return HUFU_OK;
}

void sdf_session_close(struct sdf_session *session)
{
	long i = session - fake.sessions;

	fake.calls[FAKE_CLOSE_SESSION]++;
	fake.open[i] = false;
	memset(fake.rights[i], 0, sizeof(fake.rights[i]));
	for (int h = 0; h < FAKE_HANDLES; h++)
		if (fake.handles[h].session == session)
			fake.handles[h].alive = false;
}

enum hufu_err sdf_info(struct sdf_session *session, struct sdf_device_info *info)
{
	enum hufu_err err = called(session, FAKE_INFO);

	*info = (struct sdf_device_info){.vendor = "a vendor of a name that has 40 letters ok", .model = "card",
	                                 .serial = "2026010100100001",
	                                 .device_version = 0x12};
	return err;
}

enum hufu_err sdf_random(struct sdf_session *session, uint8_t *out, size_t len)
{
	enum hufu_err err = called(session, FAKE_RANDOM);

	return err == HUFU_OK ? rand_bytes(out, len) : err;
}

/* -- rights ------------------------------------------------------------------------ */

enum hufu_err sdf_right_get(struct sdf_session *session, uint32_t index, const uint8_t *password, size_t len)
{
	enum hufu_err err = called(session, FAKE_RIGHT);

	if (fake.in_right)
		fake.in_right();
	if (err != HUFU_OK)
		return err;
	if (!fake.password || strlen(fake.password) != len || memcmp(fake.password, password, len) != 0)
		return HUFU_ERR_DENIED;
	fake.rights[session - fake.sessions][index] = true;
	return HUFU_OK;
}

enum hufu_err sdf_right_release(struct sdf_session *session, uint32_t index)
{
	fake.rights[session - fake.sessions][index] = false;
	return called(session, FAKE_RELEASE);
}

static bool has_right(const struct sdf_session *session, uint32_t index)
{
	return !fake.password || fake.rights[session - fake.sessions][index];
}

/* -- index keys ----------------------------------------------------------------------- */

static struct fake_pair *pair_at(uint32_t index, enum sdf_usage usage)
{
	return index < FAKE_PAIRS ? &(usage == SDF_USAGE_SIGN ? fake.sign : fake.encrypt)[index] : NULL;
}

enum hufu_err sdf_export_ecc(struct sdf_session *session, uint32_t index, enum sdf_usage usage, uint8_t point[64])
{
	const struct fake_pair *pair = pair_at(index, usage);
	enum hufu_err err = called(session, FAKE_EXPORT);

	if (err != HUFU_OK)
		return err;
	if (fake.odd_index && index == fake.odd_index)
		return HUFU_ERR_CORRUPT;
	if (!pair)
		return HUFU_ERR_ARGUMENT; /* as Shudun's, beyond the last index */
	if (!pair->there)
		return HUFU_ERR_NO_KEY;
	memcpy(point, pair->key.point, 64);
	return HUFU_OK;
}

enum hufu_err sdf_export_rsa(struct sdf_session *session, uint32_t index, enum sdf_usage usage, uint8_t *spki, size_t *len)
{
	enum hufu_err err = called(session, FAKE_EXPORT);
	uint8_t *der = NULL;

	(void)usage;
	if (err != HUFU_OK)
		return err;
	if (!fake.rsa || index != 1)
		return HUFU_ERR_NO_KEY;
	*len = (size_t)i2d_PUBKEY(fake.rsa, &der);
	memcpy(spki, der, *len);
	OPENSSL_free(der);
	return HUFU_OK;
}

enum hufu_err sdf_rsa_private(struct sdf_session *session, uint32_t index, enum sdf_usage usage, const uint8_t *in, size_t len,
                              uint8_t *out)
{
	enum hufu_err err = called(session, FAKE_RSA);
	EVP_PKEY_CTX *ctx = fake.rsa ? EVP_PKEY_CTX_new(fake.rsa, NULL) : NULL;
	size_t out_len = len;

	(void)usage;
	if (err == HUFU_OK && !has_right(session, index))
		err = HUFU_ERR_EXPIRED;
	if (err == HUFU_OK && (EVP_PKEY_decrypt_init(ctx) != 1 || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) != 1 ||
	                       EVP_PKEY_decrypt(ctx, out, &out_len, in, len) != 1))
		err = HUFU_ERR_CORRUPT;
	EVP_PKEY_CTX_free(ctx);
	return err;
}

enum hufu_err sdf_sign(struct sdf_session *session, uint32_t index, const uint8_t e[32], uint8_t sig[64])
{
	enum hufu_err err = called(session, FAKE_SIGN);

	if (err != HUFU_OK)
		return err;
	if (!has_right(session, index))
		return HUFU_ERR_EXPIRED;
	return sm2_sign(&fake.sign[index].key, e, &randomness, sig) == SM2_OK ? HUFU_OK : HUFU_ERR_CORRUPT;
}

enum hufu_err sdf_verify(struct sdf_session *session, const uint8_t point[64], const uint8_t e[32], const uint8_t sig[64])
{
	struct sm2_public key;

	(void)session;
	if (sm2_public_init(&key, point) != SM2_OK)
		return HUFU_ERR_KEY_VALUE;
	return sm2_verify(&key, e, sig) == SM2_OK ? HUFU_OK : HUFU_ERR_SIGNATURE;
}

enum hufu_err sdf_encrypt_ecc(struct sdf_session *session, const uint8_t point[64], const uint8_t *in, size_t len, uint8_t *out)
{
	struct sm2_public key;
	uint8_t raw[2048];

	(void)session;
	if (sm2_public_init(&key, point) != SM2_OK || sm2_encrypt(&key, in, len, &randomness, raw) != SM2_OK)
		return HUFU_ERR_KEY_VALUE;
	memcpy(out, raw + 1, len + 96);
	return HUFU_OK;
}

static bool open_sealed(uint32_t index, const uint8_t *in, size_t len, uint8_t *out)
{
	uint8_t raw[2048] = {4};

	memcpy(raw + 1, in, len);
	return fake.encrypt[index].there && sm2_decrypt(&fake.encrypt[index].key, raw, len + 1, out) == SM2_OK;
}

enum hufu_err sdf_decrypt_ecc(struct sdf_session *session, uint32_t index, const uint8_t *in, size_t len, uint8_t *out)
{
	enum hufu_err err = called(session, FAKE_DECRYPT);

	if (err != HUFU_OK)
		return err;
	if (!has_right(session, index))
		return HUFU_ERR_EXPIRED;
	return open_sealed(index, in, len, out) ? HUFU_OK : HUFU_ERR_CIPHERTEXT;
}

enum hufu_err sdf_make_pair(struct sdf_session *session, uint32_t index, enum sdf_usage usage, uint8_t point[64])
{
	enum hufu_err err = called(session, FAKE_MAKE_PAIR);

	if (err == HUFU_OK || fake.failure_is_late[FAKE_MAKE_PAIR])
		fake_make_pair(pair_at(index, usage), (uint8_t)(index + 0x40));
	if (err == HUFU_OK)
		memcpy(point, pair_at(index, usage)->key.point, 64);
	return err;
}

enum hufu_err sdf_import_pair(struct sdf_session *session, uint32_t index, enum sdf_usage usage, const uint8_t d[32])
{
	enum hufu_err err = called(session, FAKE_IMPORT_PAIR);

	if (fake.refuses_to_import[usage])
		return HUFU_ERR_GONE;
	if (err == HUFU_OK || fake.failure_is_late[FAKE_IMPORT_PAIR])
		pair_at(index, usage)->there = sm2_private_init(&pair_at(index, usage)->key, d) == SM2_OK;
	return err;
}

/* -- symmetric keys: handles are places in a table, and no pointers -------------------------- */

static enum hufu_err new_handle(struct sdf_session *session, const uint8_t *key, size_t len, void **handle)
{
	unsigned held = 0;

	for (uintptr_t i = 1; i < FAKE_HANDLES; i++)
		held += fake.handles[i].alive && fake.handles[i].session == session;
	if (!fake.one_handle && held >= fake.profile.handles_max)
		return HUFU_ERR_BUSY;
	for (uintptr_t i = 1; i < FAKE_HANDLES; i++)
		if (!fake.handles[i].alive || fake.one_handle) {
			fake.handles[i] = (struct fake_handle){.alive = true, .session = session, .len = len};
			memcpy(fake.handles[i].key, key, len);
			*handle = (void *)i;
			return HUFU_OK;
		}
	return HUFU_ERR_BUSY;
}

static struct fake_handle *handle_of(const struct sdf_session *session, void *handle)
{
	struct fake_handle *found = &fake.handles[(uintptr_t)handle % FAKE_HANDLES];

	return found->alive && found->session == session ? found : NULL;
}

enum hufu_err sdf_generate_kek(struct sdf_session *session, uint32_t kek, uint32_t nbits, uint8_t *wrapped, size_t cap, size_t *len,
                               void **handle)
{
	enum hufu_err err = called(session, FAKE_GENERATE);
	uint8_t key[1024];

	if (err == HUFU_OK && (kek >= FAKE_PAIRS || !fake.kek[kek]))
		err = HUFU_ERR_NO_KEY;
	*len = nbits / 8;
	if (err != HUFU_OK || *len > cap || *len > sizeof(key))
		return err != HUFU_OK ? err : HUFU_ERR_KEY_SIZE;
	(void)!rand_bytes(key, *len);
	for (size_t i = 0; i < *len; i++)
		wrapped[i] = key[i] ^ (uint8_t)kek;
	return new_handle(session, key, *len, handle);
}

enum hufu_err sdf_import_kek(struct sdf_session *session, uint32_t kek, const uint8_t *wrapped, size_t len, void **handle)
{
	enum hufu_err err = called(session, FAKE_IMPORT_KEK);
	uint8_t key[1024];

	if (err != HUFU_OK || kek >= FAKE_PAIRS || !fake.kek[kek])
		return err != HUFU_OK ? err : HUFU_ERR_NO_KEY;
	for (size_t i = 0; i < len; i++)
		key[i] = wrapped[i] ^ (uint8_t)kek;
	return new_handle(session, key, len, handle);
}

enum hufu_err sdf_generate_ipk(struct sdf_session *session, uint32_t index, uint32_t nbits, uint8_t *wrapped, size_t cap,
                               size_t *len,
                               void **handle)
{
	uint8_t key[1024];

	fake.calls[FAKE_GENERATE]++;
	if (!fake.encrypt[index].there || nbits / 8 + 96 > cap)
		return HUFU_ERR_NO_KEY;
	(void)!rand_bytes(key, nbits / 8);
	*len = nbits / 8 + 96;
	enum hufu_err err = sdf_encrypt_ecc(session, fake.encrypt[index].key.point, key, nbits / 8, wrapped);
	return err == HUFU_OK ? new_handle(session, key, nbits / 8, handle) : err;
}

enum hufu_err sdf_import_isk(struct sdf_session *session, uint32_t index, const uint8_t *wrapped, size_t len, void **handle)
{
	enum hufu_err err = called(session, FAKE_IMPORT_ISK);
	uint8_t key[1024];

	if (err != HUFU_OK)
		return err;
	if (!has_right(session, index))
		return HUFU_ERR_EXPIRED;
	return open_sealed(index, wrapped, len, key) ? new_handle(session, key, len - 96, handle) : HUFU_ERR_CIPHERTEXT;
}

void sdf_destroy_key(struct sdf_session *session, void *handle)
{
	struct fake_handle *found = handle_of(session, handle);

	fake.calls[FAKE_DESTROY]++;
	if (found)
		found->alive = false;
}

/* -- symmetric operations ---------------------------------------------------------------------- */

static enum hufu_err use(struct sdf_session *session, void *handle, enum fake_call call, struct fake_handle **found)
{
	enum hufu_err err = called(session, call);

	*found = handle_of(session, handle);
	return err == HUFU_OK && !*found ? HUFU_ERR_KEY_VALUE : err;
}

enum hufu_err sdf_crypt(struct sdf_session *session, void *handle, enum sdf_alg alg, bool encrypt, uint8_t iv[16],
                        const uint8_t *in,
                        size_t len, uint8_t *out)
{
	struct fake_handle *found;
	struct sm4_key key;
	enum hufu_err err = use(session, handle, FAKE_CRYPT, &found);

	if (err != HUFU_OK || !fake.profile.alg[alg])
		return err != HUFU_OK ? err : HUFU_ERR_UNSUPPORTED;
	sm4_key_init(&key, found->key);
	if (alg == SDF_ALG_SM4_ECB)
		(encrypt ? sm4_ecb_encrypt : sm4_ecb_decrypt)(&key, in, out, len / 16);
	else if (alg == SDF_ALG_SM4_CBC)
		(encrypt ? sm4_cbc_encrypt : sm4_cbc_decrypt)(&key, iv, in, out, len / 16);
	else if (alg == SDF_ALG_SM4_CFB)
		(encrypt ? sm4_cfb128_encrypt : sm4_cfb128_decrypt)(&key, iv, in, out, len);
	else if (alg == SDF_ALG_SM4_OFB)
		sm4_ofb(&key, iv, in, out, len);
	else
		sm4_ctr(&key, iv, 32, in, out, len); /* a card that counts in 32 bits */
	return HUFU_OK;
}

enum hufu_err sdf_mac(struct sdf_session *session, void *handle, enum sdf_alg alg, const uint8_t iv[16], const uint8_t *in,
                      size_t len,
                      uint8_t mac[16])
{
	struct fake_handle *found;
	struct sm4_key key;
	uint8_t chain[16], out[16];
	enum hufu_err err = use(session, handle, FAKE_MAC, &found);

	(void)alg;
	if (err != HUFU_OK)
		return err;
	sm4_key_init(&key, found->key);
	memcpy(chain, iv, 16);
	for (size_t at = 0; at < len; at += 16)
		sm4_cbc_encrypt(&key, chain, in + at, out, 1);
	memcpy(mac, chain, 16);
	return HUFU_OK;
}

enum hufu_err sdf_auth_encrypt(struct sdf_session *session, void *handle, enum sdf_alg alg, const uint8_t *iv, size_t iv_len,
                               const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t len, uint8_t *out, uint8_t *tag,
                               size_t tag_len)
{
	struct fake_handle *found;
	struct sm4_key key;
	enum hufu_err err = use(session, handle, FAKE_AUTH, &found);

	if (err != HUFU_OK)
		return err;
	sm4_key_init(&key, found->key);
	if (alg == SDF_ALG_SM4_GCM)
		return sm4_gcm_seal(&key, iv, iv_len, aad, aad_len, in, len, out, tag, tag_len) ? HUFU_OK : HUFU_ERR_DATA_LEN;
	return HUFU_ERR_UNSUPPORTED;
}

enum hufu_err sdf_auth_decrypt(struct sdf_session *session, void *handle, enum sdf_alg alg, const uint8_t *iv, size_t iv_len,
                               const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t len, const uint8_t *tag,
        size_t tag_len,
                               uint8_t *out)
{
	struct fake_handle *found;
	struct sm4_key key;
	enum hufu_err err = use(session, handle, FAKE_AUTH, &found);

	if (err != HUFU_OK)
		return err;
	sm4_key_init(&key, found->key);
	if (alg != SDF_ALG_SM4_GCM)
		return HUFU_ERR_UNSUPPORTED;
	memset(out, 0x5a, len); /* a card that writes before it has looked */
	return sm4_gcm_open(&key, iv, iv_len, aad, aad_len, in, len, out, tag, tag_len) ? HUFU_OK : HUFU_ERR_SIGNATURE;
}

enum hufu_err sdf_hmac(struct sdf_session *session, void *handle, const uint8_t *in, size_t len, uint8_t mac[32])
{
	struct fake_handle *found;
	struct sm3_hmac_key key;
	enum hufu_err err = use(session, handle, FAKE_HMAC, &found);

	if (err != HUFU_OK)
		return err;
	sm3_hmac_key_init(&key, found->key, found->len);
	sm3_hmac(&key, in, len, mac);
	return HUFU_OK;
}
