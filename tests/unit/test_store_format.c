/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store writes, read by libcrypto's HMAC-SM3 and PBKDF2 and libgcrypt's
 * SM4-GCM alone: from the file, the host secret and the PIN to a private
 * object's attributes, its key and its MAC. None of hufu's own code opens it.
 */
#include "store_util.h"
#include "unit.h"

#include <gcrypt.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

struct bytes {
	uint8_t data[8192];
	size_t len;
};

static void add(struct bytes *b, const void *data, size_t len)
{
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

static void add_uint(struct bytes *b, uint64_t value, size_t len)
{
	for (size_t i = len; i-- > 0;)
		b->data[b->len++] = (uint8_t)(value >> 8 * i);
}

static void hmac(const void *key, size_t key_len, const struct bytes *b, uint8_t out[32])
{
	unsigned len = 32;

	CU_ASSERT_PTR_NOT_NULL_FATAL(HMAC(EVP_sm3(), key, (int)key_len, b->data, b->len, out, &len));
}

static void derive(const uint8_t *secret, const char *ring, const char *purpose, const struct bytes *id, uint8_t out[32])
{
	struct bytes b = {.len = 0};

	add(&b, "hufu-1", 7);
	add(&b, ring, strlen(ring) + 1);
	add(&b, purpose, strlen(purpose) + 1);
	add(&b, id->data, id->len);
	hmac(secret, 32, &b, out);
}

/* u8 1 || salt (32) || ciphertext || tag (16), under the key and IV of HMAC-SM3(key, salt). */
static void unseal(const uint8_t key[32], const struct bytes *aad, const uint8_t *sealed, size_t len, struct bytes *out)
{
	struct bytes salt = {.len = 0};
	uint8_t okm[32];
	gcry_cipher_hd_t h;

	CU_ASSERT_TRUE_FATAL(len >= 49 && sealed[0] == 1);
	add(&salt, sealed + 1, 32);
	hmac(key, 32, &salt, okm);
	out->len = len - 49;
	CU_ASSERT_EQUAL_FATAL(gcry_cipher_open(&h, GCRY_CIPHER_SM4, GCRY_CIPHER_MODE_GCM, 0), 0);
	CU_ASSERT_EQUAL(gcry_cipher_setkey(h, okm, 16), 0);
	CU_ASSERT_EQUAL(gcry_cipher_setiv(h, okm + 16, 12), 0);
	CU_ASSERT_EQUAL(gcry_cipher_authenticate(h, aad->data, aad->len), 0);
	CU_ASSERT_EQUAL(gcry_cipher_decrypt(h, out->data, out->len, sealed + 33, out->len), 0);
	CU_ASSERT_EQUAL(gcry_cipher_checktag(h, sealed + len - 16, 16), 0);
	gcry_cipher_close(h);
}

static struct bytes column(const char *path, const char *sql)
{
	struct bytes b = {.len = 0};
	sqlite3 *db;
	sqlite3_stmt *stmt;

	CU_ASSERT_EQUAL_FATAL(sqlite3_open(path, &db), SQLITE_OK);
	CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	CU_ASSERT_EQUAL_FATAL(sqlite3_step(stmt), SQLITE_ROW);
	add(&b, sqlite3_column_blob(stmt, 0), (size_t)sqlite3_column_bytes(stmt, 0));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return b;
}

struct opened {
	struct place p;
	struct sample m;
	struct bytes id, token_key, uuid;
	uint8_t host[32];
};

static void open_token_key(struct opened *o)
{
	struct bytes salt = column(o->p.path, "SELECT salt FROM role WHERE role = 1");
	struct bytes wrapped = column(o->p.path, "SELECT wrapped FROM role WHERE role = 1");
	struct bytes stretched = {.len = 32}, aad = {.len = 0};
	uint8_t key[32];

	CU_ASSERT_EQUAL_FATAL(PKCS5_PBKDF2_HMAC(USER_PIN, (int)strlen(USER_PIN), salt.data, (int)salt.len,
	                                        (int)ask(o->p.path, "SELECT iterations FROM role WHERE role = 1"), EVP_sm3(), 32,
	                                        stretched.data),
	                      1);
	hmac(o->host, 32, &stretched, key);
	add_uint(&aad, 7, 1);
	add(&aad, o->id.data, o->id.len);
	add_uint(&aad, STORE_USER, 1);
	unseal(key, &aad, wrapped.data, wrapped.len, &o->token_key);
	CU_ASSERT_EQUAL(o->token_key.len, 32);
}

static void opened_init(struct opened *o)
{
	uint8_t uuid[16];

	place_init(&o->p);
	place_login(&o->p);
	sample_init(&o->m, 5, 0, true);
	CU_ASSERT_EQUAL(store_insert(o->p.store, &o->m.draft, uuid), HUFU_OK);
	CU_ASSERT_EQUAL(read_file(o->p.secret, o->host, 32), 32);
	o->id = column(o->p.path, "SELECT id FROM token");
	o->uuid = column(o->p.path, "SELECT uuid FROM object");
	open_token_key(o);
}

static void test_body(void)
{
	struct opened o;
	struct bytes aad = {.len = 0}, body, want = {.len = 0};
	uint8_t key[32];

	opened_init(&o);
	derive(o.token_key.data, "token", "seal", &o.id, key);
	add_uint(&aad, 3, 1);
	add(&aad, o.id.data, 16);
	add(&aad, o.uuid.data, 16);
	add_uint(&aad, 1, 8);
	struct bytes sealed = column(o.p.path, "SELECT body FROM object");
	unseal(key, &aad, sealed.data, sealed.len, &body);
	add_uint(&want, 1, 1);
	add_uint(&want, o.m.draft.object_class, 8);
	add_uint(&want, o.m.draft.key_type, 8);
	add_uint(&want, o.m.draft.policy, 4);
	add_uint(&want, 4, 2);
	for (size_t i = 0; i < 4; i++) {
		add_uint(&want, o.m.attrs[i].type, 8);
		add_uint(&want, i < 3, 1);
		add_uint(&want, o.m.attrs[i].len, 4);
		add(&want, o.m.attrs[i].value, o.m.attrs[i].len);
	}
	CU_ASSERT_EQUAL(body.len, want.len);
	CU_ASSERT_EQUAL(memcmp(body.data, want.data, want.len), 0);
	place_clear(&o.p);
}

static void test_copy(void)
{
	struct opened o;
	struct bytes aad = {.len = 0}, copy;
	uint8_t key[32];

	opened_init(&o);
	derive(o.token_key.data, "token", "seal", &o.id, key);
	add_uint(&aad, 4, 1);
	add(&aad, o.id.data, 16);
	add(&aad, o.uuid.data, 16);
	add_uint(&aad, 1, 8);
	add_uint(&aad, o.m.draft.object_class, 8);
	add_uint(&aad, o.m.draft.key_type, 8);
	add_uint(&aad, o.m.draft.policy, 4);
	add_uint(&aad, HUFU_COPY_BLOB, 4);
	add_uint(&aad, 4, 1);
	add(&aad, "soft", 4);
	struct bytes copies = column(o.p.path, "SELECT copies FROM object");
	/* format, count, then kind, length and name of the domain, length of the sealed bytes */
	const uint8_t *first = copies.data + 2 + 4 + 1 + 4 + 4;
	unseal(key, &aad, first, sizeof(o.m.key) + 49, &copy);
	CU_ASSERT_EQUAL(copy.len, sizeof(o.m.key));
	CU_ASSERT_EQUAL(memcmp(copy.data, o.m.key, sizeof(o.m.key)), 0);
	place_clear(&o.p);
}

static void test_mac_and_index(void)
{
	struct opened o;
	struct bytes b = {.len = 0}, type = {.len = 0}, value = {.len = 0};
	uint8_t key[32], attr_key[32], mac[32];
	static const char *const columns[] = {"SELECT body FROM object", "SELECT copies FROM object", "SELECT lookup FROM object"};

	opened_init(&o);
	derive(o.token_key.data, "token", "row mac", &o.id, key);
	add_uint(&b, 1, 1);
	add(&b, o.id.data, 16);
	add(&b, o.uuid.data, 16);
	add_uint(&b, 1, 8);
	add_uint(&b, 1, 8);
	add_uint(&b, 1, 1);
	for (size_t i = 0; i < 3; i++) {
		struct bytes part = column(o.p.path, columns[i]);
		add_uint(&b, part.len, 8);
		add(&b, part.data, part.len);
	}
	hmac(key, 32, &b, mac);
	struct bytes stored = column(o.p.path, "SELECT token_mac FROM object");
	CU_ASSERT_TRUE(stored.len == 32 && memcmp(stored.data, mac, 32) == 0);

	derive(o.token_key.data, "token", "lookup", &o.id, key);
	add_uint(&type, ATTR_ID, 8);
	hmac(key, 32, &type, attr_key);
	add(&value, o.m.id, sizeof(o.m.id));
	hmac(attr_key, 32, &value, mac);
	struct bytes lookup = column(o.p.path, "SELECT lookup FROM object");
	CU_ASSERT_EQUAL(lookup.len, 48);
	CU_ASSERT_EQUAL(memcmp(lookup.data + 16, mac, 16), 0);
	place_clear(&o.p);
}

static void test_seal_refuses(void)
{
	struct sm3_hmac_key key, other;
	static const uint8_t text[40] = "forty bytes that are to be kept secret!";
	uint8_t aad[9] = "bound to", sealed[sizeof(text) + SEAL_OVERHEAD], twice[sizeof(sealed)], out[sizeof(text)];

	sm3_hmac_key_init(&key, "key", 3);
	sm3_hmac_key_init(&other, "kez", 3);
	CU_ASSERT_EQUAL(seal_close(&key, aad, sizeof(aad), text, sizeof(text), sealed), HUFU_OK);
	CU_ASSERT_EQUAL(seal_close(&key, aad, sizeof(aad), text, sizeof(text), twice), HUFU_OK);
	CU_ASSERT_NOT_EQUAL(memcmp(sealed + 1, twice + 1, SEAL_SALT_LEN), 0);
	CU_ASSERT_TRUE(seal_open(&key, aad, sizeof(aad), sealed, sizeof(sealed), out));
	CU_ASSERT_EQUAL(memcmp(out, text, sizeof(text)), 0);
	CU_ASSERT_FALSE(seal_open(&other, aad, sizeof(aad), sealed, sizeof(sealed), out));
	CU_ASSERT_FALSE(seal_open(&key, aad, sizeof(aad) - 1, sealed, sizeof(sealed), out));
	for (size_t i = 0; i < 8 * sizeof(sealed); i++) {
		sealed[i / 8] ^= (uint8_t)(1u << i % 8);
		CU_ASSERT_FALSE(seal_open(&key, aad, sizeof(aad), sealed, sizeof(sealed), out));
		sealed[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	for (size_t len = 0; len < sizeof(sealed); len++)
		CU_ASSERT_FALSE(seal_open(&key, aad, sizeof(aad), sealed, len, out));
	CU_ASSERT_TRUE(seal_open(&key, aad, sizeof(aad), sealed, sizeof(sealed), out));
}

static const struct unit_case cases[] = {
	{"PIN, host secret and file give the body of a private object, by other libraries", test_body},
	{"and a copy of its key", test_copy},
	{"and its MAC and index entries", test_mac_and_index},
	{"a seal opens for its key and its binding only, and not when a bit is changed", test_seal_refuses},
	{0},
};

UNIT_MAIN("store-format", cases)
