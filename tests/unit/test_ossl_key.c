/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a private key without a public half of its own finds that of the public key or the
 * certificate with its CKA_ID; where there is none, or one of another type, the error says so.
 */
#include "token_util.h"

#include "crypto/context.h"
#include "ossl/key.h"

#include <openssl/ec.h>
#include <openssl/x509.h>
#include <stdarg.h>

#define ATTR(type, value) {(type), (void *)(uintptr_t)&(value), sizeof(value)}
#define ATTR_BYTES(type, p, len) {(type), (void *)(uintptr_t)(p), (len)}

/* -- libcrypto's core, as far as errors go ------------------------------------------------ */

static char message[2048];
static uint32_t reason;

static void new_error(const OSSL_CORE_HANDLE *handle)
{
	(void)handle;
}

__attribute__((format(printf, 3, 0)))
static void vset_error(const OSSL_CORE_HANDLE *handle, uint32_t number, const char *format, va_list args)
{
	(void)handle;
	reason = number;
	vsnprintf(message, sizeof message, format, args);
}

static struct provider provider;
static struct desk *desk;

static void start(void)
{
	static const OSSL_DISPATCH in[] = {
		FUNCTION(OSSL_FUNC_CORE_NEW_ERROR, new_error), FUNCTION(OSSL_FUNC_CORE_VSET_ERROR, vset_error), END_OF_FUNCTIONS,
	};
	token_up();
	provider.upcalls = upcalls_new(in);
	CU_ASSERT_PTR_NOT_NULL_FATAL(provider.upcalls);
	session_leave(session);
	desk = desk_of(&provider, session->token->slot);
	CU_ASSERT_PTR_NOT_NULL_FATAL(desk);
	CK_SESSION_HANDLE handle = session->handle;
	OK(session_enter(handle, &session));
}

static void stop(void)
{
	upcalls_free((struct upcalls *)(uintptr_t)provider.upcalls);
	token_down();
}

/* -- a private key that says nothing of its public half ---------------------------------------- */

static struct object *lonely(const char *id)
{
	CK_ATTRIBUTE more[] = {ATTR_BYTES(CKA_ID, id, strlen(id)), ATTR_BYTES(CKA_LABEL, "lonely", 6)};
	struct object *object;
	CK_OBJECT_HANDLE handle = make_sm2_private(standard_d, more, 2);
	OK(object_find(session, handle, CKR_OBJECT_HANDLE_INVALID, &object));
	/* as a card's that tells no public key: no snapshot is otherwise */
	attrs_remove(&object->attrs, CKA_PUBLIC_KEY_INFO);
	attrs_remove(&object->attrs, CKA_EC_POINT);
	return object;
}

static bool is_standard(const struct key *key)
{
	return key && key->kind == KEY_SM2 && key->form.point.len == 65 && memcmp(key->form.point.p + 1, standard_point, 64) == 0;
}

static void test_nothing(void)
{
	struct object *object = lonely("nobody's");
	CU_ASSERT_PTR_NULL(key_of_object(&provider, desk, session, object->handle, NULL));
	CU_ASSERT_EQUAL(reason, REASON_NO_OBJECT);
	CU_ASSERT_PTR_NOT_NULL(strstr(message, "\"lonely\""));
	object_rele(object);
}

static void test_public_key(void)
{
	struct object *object = lonely("public");
	CK_ATTRIBUTE more[] = {ATTR_BYTES(CKA_ID, "public", 6)};
	make_sm2_public(standard_point, more, 1);
	struct key *key = key_of_object(&provider, desk, session, object->handle, NULL);
	CU_ASSERT(is_standard(key));
	key_rele(key);
	object_rele(object);
}

/* libcrypto writes the certificate; whether its signature is right nobody asks. */
static void put_certificate(const uint8_t *spki, size_t len, const char *id)
{
	static const CK_OBJECT_CLASS object_class = CKO_CERTIFICATE;
	static const CK_CERTIFICATE_TYPE type = CKC_X_509;
	X509 *certificate = X509_new_ex(libcrypto_context(), NULL);
	EVP_PKEY *signer = EVP_PKEY_Q_keygen(libcrypto_context(), NULL, "EC", "P-256");
	EVP_PKEY *public = d2i_PUBKEY_ex(NULL, &spki, (long)len, libcrypto_context(), NULL);
	uint8_t *der = NULL;
	CK_OBJECT_HANDLE handle;
	X509_set_version(certificate, 2);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
	CU_ASSERT_EQUAL(X509_set_pubkey(certificate, public), 1);
	CU_ASSERT(X509_sign(certificate, signer, EVP_sha256()) > 0);
	int der_len = i2d_X509(certificate, &der);
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_CLASS, object_class), ATTR(CKA_CERTIFICATE_TYPE, type), ATTR_BYTES(CKA_ID, id, strlen(id)),
		ATTR_BYTES(CKA_SUBJECT, "\x30\x00", 2), ATTR_BYTES(CKA_VALUE, der, (size_t)der_len),
	};
	OK(object_create(session, templ, 5, &handle));
	OPENSSL_free(der);
	X509_free(certificate);
	EVP_PKEY_free(public);
	EVP_PKEY_free(signer);
}

static void test_certificate(void)
{
	struct object *object = lonely("certified");
	uint8_t point[65] = {0x04}, spki[HUFU_PUB_MAX];
	memcpy(point + 1, standard_point, 64);
	struct key_form form = {.type = CKK_HUFU_SM2, .curve = key_kind_curve(KEY_SM2), .point = {point, sizeof point}};
	put_certificate(spki, key_form_write_public(&form, spki), "certified");
	struct key *key = key_of_object(&provider, desk, session, object->handle, NULL);
	CU_ASSERT(is_standard(key));
	key_rele(key);
	object_rele(object);
}

static void test_another(void)
{
	struct object *object = lonely("another's");
	EVP_PKEY *other = EVP_PKEY_Q_keygen(libcrypto_context(), NULL, "EC", "P-256");
	uint8_t *spki = NULL;
	int len = i2d_PUBKEY(other, &spki);
	put_certificate(spki, (size_t)len, "another's");
	CU_ASSERT_PTR_NULL(key_of_object(&provider, desk, session, object->handle, NULL));
	CU_ASSERT_EQUAL(reason, REASON_KEY_MISMATCH);
	OPENSSL_free(spki);
	EVP_PKEY_free(other);
	object_rele(object);
}

/* Sizes as SP 800-57 and the default provider have them. */
static void test_sizes(void)
{
	static const struct {
		const char *type, *group;
		enum key_kind kind;
	} keys[] = {
		{"EC", "P-256", KEY_EC}, {"EC", "P-384", KEY_EC}, {"EC", "P-521", KEY_EC}, {"ED25519", NULL, KEY_ED25519},
		{"ED448", NULL, KEY_ED448}, {"X25519", NULL, KEY_X25519}, {"X448", NULL, KEY_X448},
	};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		EVP_PKEY *theirs = keys[i].group ? EVP_PKEY_Q_keygen(libcrypto_context(), NULL, keys[i].type, keys[i].group)
		                                 : EVP_PKEY_Q_keygen(libcrypto_context(), NULL, keys[i].type);
		uint8_t *spki = NULL;
		int len = i2d_PUBKEY(theirs, &spki);
		struct key *ours = key_of_spki(&provider, keys[i].kind, spki, (size_t)len);
		CU_ASSERT_PTR_NOT_NULL_FATAL(ours);
		CU_ASSERT_EQUAL((int)key_size_nbits(ours), EVP_PKEY_get_bits(theirs));
		CU_ASSERT_EQUAL((int)key_security_nbits(ours), EVP_PKEY_get_security_bits(theirs));
		CU_ASSERT_EQUAL((int)key_max_size(ours), EVP_PKEY_get_size(theirs));
		EVP_PKEY *back = key_public(ours);
		CU_ASSERT_EQUAL(EVP_PKEY_eq(back, theirs), 1);
		EVP_PKEY_free(back);
		reason = 0; /* and of no other type */
		CU_ASSERT_PTR_NULL(key_of_spki(&provider, (keys[i].kind + 1) % KEY_KINDS, spki, (size_t)len));
		CU_ASSERT_EQUAL(reason, REASON_KEY_TYPE);
		CU_ASSERT_PTR_NULL(key_of_spki(&provider, keys[i].kind, spki, (size_t)len - 1));
		key_rele(ours);
		EVP_PKEY_free(theirs);
		OPENSSL_free(spki);
	}
}

static const struct unit_case cases[] = {
	{"a token is there, and libcrypto's core takes errors", start},
	{"a private key without a public half anywhere is refused by name", test_nothing},
	{"the public key of the same CKA_ID is its public half", test_public_key},
	{"so is that of a certificate of the same CKA_ID", test_certificate},
	{"a certificate of another type of key is a mismatch, and no public half", test_another},
	{"sizes are the default provider's, and a key is of one type", test_sizes},
	{"nothing is left", stop},
	{0},
};
UNIT_MAIN("the provider's keys", cases)
