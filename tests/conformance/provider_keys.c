/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: keys and certificates of a token are had by their URIs as from any store, their
 * public halves are what the default provider makes of the token's public objects, and their private halves stay.
 */
#include "tests/conformance/provider.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- finding -------------------------------------------------------------------------------- */

static void test_all_kinds(void)
{
	for (const char *const *label = pairs; *label; label++) {
		EVP_PKEY *private = provider_private(*label);
		EVP_PKEY *public = provider_key_at(provider_uri(*label, "public"), OSSL_STORE_INFO_PUBKEY);
		CU_ASSERT_STRING_EQUAL(OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(private)), "hufu");
		if (GOOD(public != NULL)) {
			CU_ASSERT_STRING_EQUAL(OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(public)), "default");
			GOOD(EVP_PKEY_eq(private, public));
			GOOD(EVP_PKEY_eq(public, private));
			CU_ASSERT_STRING_EQUAL(EVP_PKEY_get0_type_name(private), EVP_PKEY_get0_type_name(public));
		}
		EVP_PKEY_free(private);
		EVP_PKEY_free(public);
	}
}

static void test_unlike(void)
{
	EVP_PKEY *private = provider_private("p256"), *other = provider_public("p384"), *sm2 = provider_public("sm2");
	CU_ASSERT_NOT_EQUAL(EVP_PKEY_eq(private, other), 1);
	CU_ASSERT_NOT_EQUAL(EVP_PKEY_eq(private, sm2), 1);
	EVP_PKEY_free(private);
	EVP_PKEY_free(other);
	EVP_PKEY_free(sm2);
	ERR_clear_error();
}

static size_t count_at(const char *uri, int expect)
{
	size_t n = 0;
	OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, with_hufu, NULL, NULL, NULL, NULL, NULL, NULL);
	if (!GOOD(store != NULL))
		return 0;
	if (expect)
		GOOD(OSSL_STORE_expect(store, expect));
	while (!OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);
		n += info != NULL;
		OSSL_STORE_INFO_free(info);
	}
	OSSL_STORE_close(store);
	return n;
}

static void test_listing(void)
{
	char uri[4200];
	size_t npairs = sizeof (const char *[]){PAIRS} / sizeof (char *);
	snprintf(uri, sizeof uri, "pkcs11:token=test?pin-source=%s", provider_pin_file());
	CU_ASSERT_EQUAL(count_at(uri, 0), 2 * npairs);
	CU_ASSERT_EQUAL(count_at(uri, OSSL_STORE_INFO_PKEY), npairs);
	CU_ASSERT_EQUAL(count_at("pkcs11:token=test", OSSL_STORE_INFO_PUBKEY), npairs);
	CU_ASSERT_EQUAL(count_at("pkcs11:token=test;type=public", 0), npairs);
	ERR_clear_error();
}

/* -- what a key tells ------------------------------------------------------------------------ */

static bool tell(EVP_PKEY *key, const char *name, unsigned type, uint8_t value[1200], size_t *len)
{
	OSSL_PARAM params[] = {{name, type, value, 1200, OSSL_PARAM_UNMODIFIED}, OSSL_PARAM_END};
	bool told = EVP_PKEY_get_params(key, params) == 1 && OSSL_PARAM_modified(params);
	*len = told ? params[0].return_size : 0;
	return told;
}

static void compare_params(const char *label, EVP_PKEY *ours, EVP_PKEY *theirs)
{
	static const struct {
		const char *name;
		unsigned type;
	} params[] = {
		{OSSL_PKEY_PARAM_BITS, OSSL_PARAM_UNSIGNED_INTEGER}, {OSSL_PKEY_PARAM_SECURITY_BITS, OSSL_PARAM_UNSIGNED_INTEGER},
		{OSSL_PKEY_PARAM_MAX_SIZE, OSSL_PARAM_UNSIGNED_INTEGER}, {OSSL_PKEY_PARAM_GROUP_NAME, OSSL_PARAM_UTF8_STRING},
		{OSSL_PKEY_PARAM_PUB_KEY, OSSL_PARAM_OCTET_STRING}, {OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, OSSL_PARAM_OCTET_STRING},
		{OSSL_PKEY_PARAM_RSA_N, OSSL_PARAM_UNSIGNED_INTEGER}, {OSSL_PKEY_PARAM_RSA_E, OSSL_PARAM_UNSIGNED_INTEGER},
		{OSSL_PKEY_PARAM_EC_PUB_X, OSSL_PARAM_UNSIGNED_INTEGER}, {OSSL_PKEY_PARAM_EC_PUB_Y, OSSL_PARAM_UNSIGNED_INTEGER},
		{OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PARAM_UTF8_STRING}, {OSSL_PKEY_PARAM_EC_FIELD_TYPE, OSSL_PARAM_UTF8_STRING},
		{OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, OSSL_PARAM_UTF8_STRING},
	};
	uint8_t a[1200], b[1200];
	size_t a_len, b_len;
	for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
		memset(a, 0, sizeof a);
		memset(b, 0, sizeof b);
		bool ours_tells = tell(ours, params[i].name, params[i].type, a, &a_len);
		bool theirs_tells = tell(theirs, params[i].name, params[i].type, b, &b_len);
		bool same = ours_tells == theirs_tells && a_len == b_len && memcmp(a, b, sizeof a) == 0;
		CU_ASSERT(same);
		if (!same)
			printf("# %s: %s differs\n", label, params[i].name);
	}
	ERR_clear_error();
}

static void test_params(void)
{
	for (const char *const *label = pairs; *label; label++) {
		EVP_PKEY *ours = provider_private(*label), *theirs = provider_public(*label);
		char a[64] = "", b[64] = "";
		compare_params(*label, ours, theirs);
		CU_ASSERT_EQUAL(EVP_PKEY_get_default_digest_name(ours, a, sizeof a), EVP_PKEY_get_default_digest_name(theirs, b, sizeof b));
		CU_ASSERT_STRING_EQUAL(a, b);
		ERR_clear_error();
		EVP_PKEY_free(ours);
		EVP_PKEY_free(theirs);
	}
}

/* -- what stays ------------------------------------------------------------------------------- */

static void test_private_stays(void)
{
	for (const char *const *label = pairs; *label; label++) {
		EVP_PKEY *key = provider_private(*label);
		OSSL_PARAM *params = NULL;
		BIGNUM *number = NULL;
		uint8_t raw[128], *der = NULL;
		size_t len = sizeof raw;
		CU_ASSERT_NOT_EQUAL(EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &params), 1);
		CU_ASSERT_PTR_NULL(params);
		CU_ASSERT_NOT_EQUAL(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number), 1);
		CU_ASSERT_NOT_EQUAL(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_D, &number), 1);
		CU_ASSERT_NOT_EQUAL(EVP_PKEY_get_raw_private_key(key, raw, &len), 1);
		CU_ASSERT(i2d_PrivateKey(key, &der) <= 0);
		CU_ASSERT(EVP_PKEY_todata(key, EVP_PKEY_PUBLIC_KEY, &params) == 1);
		OSSL_PARAM_free(params);
		OPENSSL_free(der);
		EVP_PKEY_free(key);
		ERR_clear_error();
	}
}

static void test_copies(void)
{
	for (const char *const *label = pairs; *label; label++) {
		EVP_PKEY *key = provider_private(*label), *copy = EVP_PKEY_dup(key);
		if (GOOD(copy != NULL)) {
			GOOD(EVP_PKEY_eq(key, copy));
			CU_ASSERT_STRING_EQUAL(OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(copy)), "hufu");
		}
		EVP_PKEY_free(copy);
		EVP_PKEY_free(key);
	}
	EVP_PKEY *key = provider_private("p384"), *parameters = EVP_PKEY_new();
	GOOD(EVP_PKEY_copy_parameters(parameters, key));
	GOOD(EVP_PKEY_parameters_eq(parameters, key));
	EVP_PKEY_free(parameters);
	EVP_PKEY_free(key);
}

/* -- public halves of others -------------------------------------------------------------------- */

static EVP_PKEY *import(const char *type, OSSL_PARAM params[], int selection)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(with_hufu, type, "provider=hufu");
	EVP_PKEY *key = NULL;
	CU_ASSERT_PTR_NOT_NULL_FATAL(context);
	GOOD(EVP_PKEY_fromdata_init(context));
	if (EVP_PKEY_fromdata(context, &key, selection, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	return key;
}

static void test_import(void)
{
	for (const char *const *label = pairs; *label; label++) {
		EVP_PKEY *theirs = provider_public(*label), *ours;
		OSSL_PARAM *params = NULL;
		GOOD(EVP_PKEY_todata(theirs, EVP_PKEY_PUBLIC_KEY, &params));
		ours = import(EVP_PKEY_get0_type_name(theirs), params, EVP_PKEY_PUBLIC_KEY);
		if (GOOD(ours != NULL)) {
			CU_ASSERT_STRING_EQUAL(OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(ours)), "hufu");
			GOOD(EVP_PKEY_eq(ours, theirs));
			GOOD(EVP_PKEY_get_size(ours) == EVP_PKEY_get_size(theirs));
		}
		OSSL_PARAM_free(params);
		EVP_PKEY_free(ours);
		EVP_PKEY_free(theirs);
	}
}

static void test_import_point(void)
{
	EVP_PKEY *theirs = provider_public("p256");
	uint8_t point[65], compressed[33];
	size_t len;
	GOOD(EVP_PKEY_get_octet_string_param(theirs, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &len));
	compressed[0] = 0x02 | (point[64] & 1);
	memcpy(compressed + 1, point + 1, 32);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)"P-256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, compressed, sizeof compressed),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *ours = import("EC", params, EVP_PKEY_PUBLIC_KEY);
	GOOD(ours != NULL && EVP_PKEY_eq(ours, theirs) == 1);
	EVP_PKEY_free(ours);
	point[64] ^= 1; /* on no curve */
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point);
	FAILS(import("EC", params, EVP_PKEY_PUBLIC_KEY) != NULL, REASON_KEY_TYPE);
	EVP_PKEY_free(theirs);
}

/* As TLS does with the other side's key share. */
static void test_encoded_point(void)
{
	static const char *const labels[] = {"p256", "p521", "sm2", "x25519", "x448"};
	for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
		EVP_PKEY *ours = provider_private(labels[i]), *theirs = provider_public(labels[i]), *peer = EVP_PKEY_new();
		uint8_t *point = NULL;
		size_t len = EVP_PKEY_get1_encoded_public_key(theirs, &point);
		GOOD(EVP_PKEY_copy_parameters(peer, ours));
		GOOD(EVP_PKEY_set1_encoded_public_key(peer, point, len));
		GOOD(EVP_PKEY_eq(peer, theirs));
		FAILS(EVP_PKEY_set1_encoded_public_key(ours, point, len) == 1, REASON_PARAMETER);
		EVP_PKEY_free(peer);
		peer = EVP_PKEY_new();
		GOOD(EVP_PKEY_copy_parameters(peer, ours));
		FAILS(EVP_PKEY_set1_encoded_public_key(peer, point, len - 1) == 1, REASON_KEY_TYPE);
		EVP_PKEY_free(peer);
		EVP_PKEY_free(ours);
		EVP_PKEY_free(theirs);
		OPENSSL_free(point);
	}
}

static void test_import_private(void)
{
	EVP_PKEY *software = EVP_PKEY_Q_keygen(without_hufu, NULL, "EC", "P-256");
	OSSL_PARAM *params = NULL;
	GOOD(EVP_PKEY_todata(software, EVP_PKEY_KEYPAIR, &params));
	FAILS(import("EC", params, EVP_PKEY_KEYPAIR) != NULL, REASON_NOT_EXPORTABLE);
	OSSL_PARAM_free(params);
	EVP_PKEY_free(software);
	/* a curve that tokens do not have */
	software = EVP_PKEY_Q_keygen(without_hufu, NULL, "EC", "secp256k1");
	GOOD(EVP_PKEY_todata(software, EVP_PKEY_PUBLIC_KEY, &params));
	FAILS(import("EC", params, EVP_PKEY_PUBLIC_KEY) != NULL, REASON_KEY_TYPE);
	OSSL_PARAM_free(params);
	EVP_PKEY_free(software);
}

/* -- files ---------------------------------------------------------------------------------------- */

static char *written(EVP_PKEY *key)
{
	BIO *out = BIO_new(BIO_s_mem());
	char *text = NULL, *data;
	if (GOOD(PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL))) {
		long len = BIO_get_mem_data(out, &data);
		text = strndup(data, (size_t)len);
	}
	BIO_free(out);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	return text;
}

static EVP_PKEY *read_text(const char *text, pem_password_cb *ask, void *arg)
{
	BIO *in = BIO_new_mem_buf(text, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey_ex(in, NULL, ask, arg, with_hufu, NULL);
	BIO_free(in);
	return key;
}

static void test_files(void)
{
	for (const char *const *label = pairs; *label; label++) {
		EVP_PKEY *key = provider_private(*label), *again;
		char *text = written(key);
		CU_ASSERT_EQUAL(strncmp(text, "-----BEGIN PKCS#11 PROVIDER URI-----\n", 37), 0);
		again = read_text(text, NULL, NULL);
		if (GOOD(again != NULL)) {
			GOOD(EVP_PKEY_eq(key, again));
			CU_ASSERT_STRING_EQUAL(OSSL_PROVIDER_get0_name(EVP_PKEY_get0_provider(again)), "hufu");
		}
		EVP_PKEY_free(again);
		EVP_PKEY_free(key);
		free(text);
	}
}

/* A file of anybody who knows the form: label is between BEGIN and END, version the first string. */
static char *made_file(const char *version, const char *uri)
{
	ASN1_STRING *desc = ASN1_STRING_type_new(V_ASN1_VISIBLESTRING), *name = ASN1_STRING_type_new(V_ASN1_UTF8STRING);
	ASN1_TYPE *types[2] = {ASN1_TYPE_new(), ASN1_TYPE_new()};
	ASN1_SEQUENCE_ANY *sequence = sk_ASN1_TYPE_new_null();
	uint8_t *der = NULL;
	char *data, *text;
	ASN1_STRING_set(desc, version, -1);
	ASN1_STRING_set(name, uri, -1);
	ASN1_TYPE_set(types[0], V_ASN1_VISIBLESTRING, desc);
	ASN1_TYPE_set(types[1], V_ASN1_UTF8STRING, name);
	sk_ASN1_TYPE_push(sequence, types[0]);
	sk_ASN1_TYPE_push(sequence, types[1]);
	int len = i2d_ASN1_SEQUENCE_ANY(sequence, &der);
	sk_ASN1_TYPE_pop_free(sequence, ASN1_TYPE_free);
	BIO *out = BIO_new(BIO_s_mem());
	PEM_write_bio(out, "PKCS#11 PROVIDER URI", "", der, len);
	long text_len = BIO_get_mem_data(out, &data);
	text = strndup(data, (size_t)text_len);
	BIO_free(out);
	OPENSSL_free(der);
	return text;
}

#define VERSION "PKCS#11 Provider URI v1.0"

static bool reads(const char *version, const char *uri)
{
	char *text = made_file(version, uri);
	EVP_PKEY *key = read_text(text, NULL, NULL);
	free(text);
	EVP_PKEY_free(key);
	return key != NULL;
}

static void test_files_of_others(void)
{
	GOOD(reads(VERSION, provider_uri("sm2", NULL)));
	GOOD(reads(VERSION, provider_uri("rsa", "private")));
	CU_ASSERT_FALSE(reads("PKCS#11 Provider URI v9.9", provider_uri("rsa", "private")));
	ERR_clear_error();
	FAILS(reads(VERSION, "pkcs11:token=test;objekt=rsa"), REASON_URI);
	FAILS(reads(VERSION, provider_uri("nobody", "private")), REASON_NO_OBJECT);
	FAILS(reads(VERSION, "pkcs11:token=elsewhere;object=rsa"), REASON_NO_TOKEN);
	char several[4200];
	snprintf(several, sizeof several, "pkcs11:token=test?pin-source=%s", provider_pin_file());
	FAILS(reads(VERSION, several), REASON_SEVERAL_OBJECTS);
	char *text = made_file(VERSION, provider_uri("rsa", "private"));
	for (size_t cut = strlen(text) - 2; cut > 40; cut -= 7) { /* without its end, or amid its lines */
		char *part = strndup(text, cut);
		EVP_PKEY *key = read_text(part, NULL, NULL);
		CU_ASSERT_PTR_NULL(key);
		EVP_PKEY_free(key);
		free(part);
	}
	free(text);
	ERR_clear_error();
}

/* -- certificates ----------------------------------------------------------------------------------- */

static X509 *self_signed(EVP_PKEY *key, const char *name, long serial)
{
	X509 *certificate = X509_new_ex(without_hufu, NULL);
	X509_NAME *subject = X509_get_subject_name(certificate);
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const uint8_t *)name, -1, -1, 0);
	X509_set_issuer_name(certificate, subject);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
	X509_set_pubkey(certificate, key);
	CU_ASSERT(X509_sign(certificate, key, EVP_sha256()) > 0);
	return certificate;
}

static void put_certificate(CK_SESSION_HANDLE s, X509 *certificate, const char *label)
{
	CK_OBJECT_CLASS object_class = CKO_CERTIFICATE;
	CK_CERTIFICATE_TYPE type = CKC_X_509;
	CK_OBJECT_HANDLE handle;
	uint8_t *der = NULL, *subject = NULL;
	int len = i2d_X509(certificate, &der), subject_len = i2d_X509_NAME(X509_get_subject_name(certificate), &subject);
	CK_ATTRIBUTE templ[] = {
		ATTR(CKA_CLASS, object_class), ATTR(CKA_CERTIFICATE_TYPE, type), ATTR(CKA_TOKEN, yes),
		BYTES(CKA_LABEL, (void *)(uintptr_t)label, strlen(label)), BYTES(CKA_SUBJECT, subject, (CK_ULONG)subject_len),
		BYTES(CKA_VALUE, der, (CK_ULONG)len),
	};
	NEED(p11->C_CreateObject(s, templ, sizeof templ / sizeof *templ, &handle));
	OPENSSL_free(der);
	OPENSSL_free(subject);
}

static size_t count_found(OSSL_STORE_SEARCH *wanted)
{
	size_t n = 0;
	OSSL_STORE_CTX *store = OSSL_STORE_open_ex("pkcs11:token=test", with_hufu, NULL, NULL, NULL, NULL, NULL, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(store);
	GOOD(OSSL_STORE_expect(store, OSSL_STORE_INFO_CERT));
	GOOD(OSSL_STORE_find(store, wanted));
	while (!OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);
		n += info != NULL;
		OSSL_STORE_INFO_free(info);
	}
	OSSL_STORE_close(store);
	OSSL_STORE_SEARCH_free(wanted);
	ERR_clear_error();
	return n;
}

static void test_certificates(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(without_hufu, NULL, "EC", "P-256");
	X509 *one = self_signed(key, "one", 17), *two = self_signed(key, "two", 18), *got;
	CK_SESSION_HANDLE s = face_user();
	put_certificate(s, one, "cert-one");
	put_certificate(s, two, "cert-two");
	face_stop();
	/* no PIN is wanted for what is public */
	got = provider_certificate_at("pkcs11:token=test;object=cert-two;type=cert");
	if (GOOD(got != NULL))
		CU_ASSERT_EQUAL(X509_cmp(got, two), 0);
	X509_free(got);
	FAILS((got = provider_certificate_at("pkcs11:token=test;object=cert-three;type=cert")) != NULL, REASON_NO_OBJECT);
	CU_ASSERT_EQUAL(count_at("pkcs11:token=test", OSSL_STORE_INFO_CERT), 2);

	X509_NAME *spelt_otherwise = X509_NAME_new();
	X509_NAME_add_entry_by_txt(spelt_otherwise, "CN", V_ASN1_PRINTABLESTRING, (const uint8_t *)"ONE", -1, -1, 0);
	CU_ASSERT_EQUAL(count_found(OSSL_STORE_SEARCH_by_name(spelt_otherwise)), 1);
	X509_NAME_free(spelt_otherwise);
	CU_ASSERT_EQUAL(count_found(OSSL_STORE_SEARCH_by_issuer_serial(X509_get_issuer_name(two), X509_get0_serialNumber(two))), 1);
	CU_ASSERT_EQUAL(count_found(OSSL_STORE_SEARCH_by_issuer_serial(X509_get_issuer_name(two), X509_get0_serialNumber(one))), 0);
	CU_ASSERT_EQUAL(count_found(OSSL_STORE_SEARCH_by_alias("cert-one")), 1);
	CU_ASSERT_EQUAL(count_found(OSSL_STORE_SEARCH_by_alias("cert")), 0);
	X509_free(one);
	X509_free(two);
	EVP_PKEY_free(key);
}

/* As servers take one file with the certificate, its parameters and the key. */
static void test_file_of_both(void)
{
	EVP_PKEY *software = EVP_PKEY_Q_keygen(without_hufu, NULL, "EC", "P-256"), *key = provider_private("p384");
	X509 *certificate = self_signed(software, "both", 19);
	char *text = written(key), *data;
	BIO *file = BIO_new(BIO_s_mem());
	GOOD(PEM_write_bio_X509(file, certificate));
	GOOD(PEM_write_bio_Parameters(file, software));
	BIO_puts(file, text);
	GOOD(PEM_write_bio_X509(file, certificate));
	BIO_write(file, "", 1);
	BIO_get_mem_data(file, &data);
	EVP_PKEY *got = read_text(data, NULL, NULL);
	GOOD(got != NULL && EVP_PKEY_eq(got, key) == 1);
	EVP_PKEY_free(got);
	BIO_free(file);
	free(text);
	X509_free(certificate);
	EVP_PKEY_free(software);
	EVP_PKEY_free(key);
}

/* -- names that mean nothing, or too much -------------------------------------------------------------- */

static EVP_PKEY *private_at(const char *uri)
{
	return provider_key_at(uri, OSSL_STORE_INFO_PKEY);
}

static void test_wrong_names(void)
{
	FAILS(private_at("pkcs11:token=test;objekt=rsa") != NULL, REASON_URI);
	FAILS(private_at("pkcs11:token=test;object=%zz") != NULL, REASON_URI);
	FAILS(private_at("pkcs11:token=elsewhere;object=rsa") != NULL, REASON_NO_TOKEN);
	FAILS(private_at(provider_uri("nobody", "private")) != NULL, REASON_NO_OBJECT);
	FAILS(private_at(provider_uri("rsa", "cert")) != NULL, REASON_NO_OBJECT);
}

/* -- many at once ----------------------------------------------------------------------------------------- */

#define THREADS 4
#define ROUNDS 10

static void *look_up(void *arg)
{
	char uri[2][4400];
	const char *pin = provider_pin_file();
	uintptr_t nfound = 0;
	(void)arg;
	snprintf(uri[0], sizeof uri[0], "pkcs11:token=test;object=p256;type=private?pin-source=%s", pin);
	snprintf(uri[1], sizeof uri[1], "pkcs11:token=test;object=sm2;type=private?pin-source=%s", pin);
	for (int i = 0; i < 2 * ROUNDS; i++) {
		EVP_PKEY *key = private_at(uri[i % 2]), *copy = key ? EVP_PKEY_dup(key) : NULL;
		nfound += key && copy && EVP_PKEY_eq(key, copy) == 1;
		EVP_PKEY_free(key);
		EVP_PKEY_free(copy);
	}
	return (void *)nfound;
}

static void test_threads(void)
{
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, look_up, NULL), 0);
	for (int i = 0; i < THREADS; i++) {
		void *nfound;
		CU_ASSERT_EQUAL(pthread_join(threads[i], &nfound), 0);
		CU_ASSERT_EQUAL((uintptr_t)nfound, 2 * ROUNDS);
	}
}

static void test_fork(void)
{
	UNIT_FORKS();
	EVP_PKEY *key = provider_private("p256");
	pid_t child = fork();
	if (child == 0) { /* goes on with the key, and with the login: the PIN's file is not named */
		EVP_PKEY *again = private_at("pkcs11:token=test;object=p256;type=private");
		_exit(again && EVP_PKEY_eq(key, again) == 1 ? 0 : 1);
	}
	int status = -1;
	CU_ASSERT(child > 0 && waitpid(child, &status, 0) == child);
	CU_ASSERT_EQUAL(status, 0);
	EVP_PKEY_free(key);
}

/* -- new keys --------------------------------------------------------------------------------------- */

static EVP_PKEY *made_key(const char *type, const char *group, const char *uri, const char *usage)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(with_hufu, type, "provider=hufu");
	EVP_PKEY *key = NULL;
	OSSL_PARAM params[4], *p = params;
	if (group)
		*p++ = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)group, 0);
	if (uri)
		*p++ = OSSL_PARAM_construct_utf8_string("pkcs11_uri", (char *)(uintptr_t)uri, 0);
	if (usage)
		*p++ = OSSL_PARAM_construct_utf8_string("pkcs11_key_usage", (char *)(uintptr_t)usage, 0);
	*p = OSSL_PARAM_construct_end();
	CU_ASSERT_PTR_NOT_NULL_FATAL(context);
	if (EVP_PKEY_keygen_init(context) == 1 && EVP_PKEY_CTX_set_params(context, params) == 1)
		EVP_PKEY_generate(context, &key);
	EVP_PKEY_CTX_free(context);
	return key;
}

static bool flag_of(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE handle, CK_ATTRIBUTE_TYPE type)
{
	CK_BBOOL value = CK_FALSE;
	CK_ATTRIBUTE templ = {type, &value, sizeof value};
	OK(p11->C_GetAttributeValue(s, handle, &templ, 1));
	return value == CK_TRUE;
}

static CK_OBJECT_HANDLE private_labelled(CK_SESSION_HANDLE s, const char *label)
{
	CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE templ[] = {ATTR(CKA_CLASS, object_class), BYTES(CKA_LABEL, (void *)(uintptr_t)label, strlen(label))};
	CK_OBJECT_HANDLE handle = 0;
	CK_ULONG n = 0;
	OK(p11->C_FindObjectsInit(s, templ, 2));
	OK(p11->C_FindObjects(s, &handle, 1, &n));
	OK(p11->C_FindObjectsFinal(s));
	CU_ASSERT_EQUAL(n, 1);
	return handle;
}

static void test_generation(void)
{
	static const struct {
		const char *type, *group, *label;
		bool signs, derives;
	} kinds[] = {
		{"RSA", NULL, "new-rsa", true, false}, {"EC", "P-256", "new-p256", true, true}, {"EC", "secp521r1", "new-p521", true, true},
		{"SM2", NULL, "new-sm2", true, true}, {"ED25519", NULL, "new-ed25519", true, false}, {"ED448", NULL, "new-ed448", true, false},
		{"X25519", NULL, "new-x25519", false, true}, {"X448", NULL, "new-x448", false, true},
	};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		EVP_PKEY *key = made_key(kinds[i].type, kinds[i].group, provider_uri(kinds[i].label, NULL), NULL);
		EVP_PKEY *found = private_at(provider_uri(kinds[i].label, "private"));
		GOOD(key && found && EVP_PKEY_eq(key, found) == 1);
		if (key && kinds[i].group)
			CU_ASSERT_EQUAL(EVP_PKEY_get_bits(key), i == 1 ? 256 : 521);
		EVP_PKEY_free(key);
		EVP_PKEY_free(found);
	}
	CK_SESSION_HANDLE s = face_user(); /* what the module sees of them */
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		CK_OBJECT_HANDLE handle = private_labelled(s, kinds[i].label);
		CU_ASSERT(flag_of(s, handle, CKA_TOKEN) && flag_of(s, handle, CKA_PRIVATE) && flag_of(s, handle, CKA_SENSITIVE));
		CU_ASSERT_FALSE(flag_of(s, handle, CKA_EXTRACTABLE));
		CU_ASSERT_EQUAL(flag_of(s, handle, CKA_SIGN), kinds[i].signs);
		CU_ASSERT_EQUAL(flag_of(s, handle, CKA_DERIVE), kinds[i].derives);
	}
	face_stop();
}

static void test_generation_usage(void)
{
	EVP_PKEY *key = made_key("EC", "P-256", provider_uri("only-signs", NULL), "digitalSignature");
	GOOD(key != NULL);
	EVP_PKEY_free(key);
	CK_SESSION_HANDLE s = face_user();
	CK_OBJECT_HANDLE handle = private_labelled(s, "only-signs");
	CU_ASSERT(flag_of(s, handle, CKA_SIGN) && !flag_of(s, handle, CKA_DERIVE));
	face_stop();
	FAILS(made_key("EC", "P-256", provider_uri("x", NULL), "keyEncipherment") != NULL, REASON_KEY_USE);
	FAILS(made_key("EC", "P-256", provider_uri("x", NULL), "digital") != NULL, REASON_KEY_USE);
	FAILS(made_key("EC", "P-256", provider_uri("x", NULL), "") != NULL, REASON_KEY_USE);
}

static void test_generation_refused(void)
{
	FAILS(made_key("EC", "P-256", provider_uri("p256", NULL), NULL) != NULL, REASON_SEVERAL_OBJECTS);
	FAILS(made_key("EC", "secp256k1", provider_uri("x", NULL), NULL) != NULL, REASON_PARAMETER);
	FAILS(made_key("EC", "SM2", provider_uri("x", NULL), NULL) != NULL, REASON_PARAMETER);
	FAILS(made_key("SM2", "P-256", provider_uri("x", NULL), NULL) != NULL, REASON_PARAMETER);
	FAILS(made_key("EC", NULL, provider_uri("x", NULL), NULL) != NULL, REASON_PARAMETER);
	FAILS(made_key("EC", "P-256", "pkcs11:token=elsewhere;object=x", NULL) != NULL, REASON_NO_TOKEN);
	FAILS(made_key("EC", "P-256", "token=test", NULL) != NULL, REASON_URI);
	FAILS(EVP_PKEY_Q_keygen(with_hufu, "provider=hufu", "RSA", (size_t)512) != NULL, REASON_PARAMETER);
}

static void destroy_pair(const char *label)
{
	CK_SESSION_HANDLE s = face_user();
	CK_ATTRIBUTE templ = BYTES(CKA_LABEL, (void *)(uintptr_t)label, strlen(label));
	CK_OBJECT_HANDLE handles[2];
	CK_ULONG n = 0;
	OK(p11->C_FindObjectsInit(s, &templ, 1));
	OK(p11->C_FindObjects(s, handles, 2, &n));
	OK(p11->C_FindObjectsFinal(s));
	CU_ASSERT_EQUAL(n, 2);
	for (CK_ULONG i = 0; i < n; i++)
		OK(p11->C_DestroyObject(s, handles[i]));
	face_stop();
}

static bool signs(EVP_PKEY *key)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t sig[128];
	size_t len = sizeof sig;
	bool good = EVP_DigestSignInit_ex(context, NULL, "SHA256", with_hufu, NULL, key, NULL) == 1 &&
	            EVP_DigestSign(context, sig, &len, (const uint8_t *)"text", 4) == 1;
	EVP_MD_CTX_free(context);
	return good;
}

static void test_replaced(void)
{
	char uri[4400];
	snprintf(uri, sizeof uri, "pkcs11:token=test;object=replaced;id=%%07?pin-source=%s", provider_pin_file());
	EVP_PKEY *old = made_key("EC", "P-256", uri, NULL);
	GOOD(old != NULL && signs(old));
	destroy_pair("replaced");
	EVP_PKEY_free(provider_private("rsa")); /* a search sees at once what other programs have changed */
	FAILS(signs(old), REASON_NO_OBJECT);
	EVP_PKEY *new = made_key("EC", "P-256", uri, NULL);
	GOOD(new != NULL && signs(new));
	FAILS(signs(old), REASON_KEY_MISMATCH);
	GOOD(signs(new));
	EVP_PKEY_free(old);
	EVP_PKEY_free(new);
}

static void test_passing_keys(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(with_hufu, "provider=hufu", "X25519");
	if (!GOOD(key != NULL))
		return;
	CU_ASSERT_EQUAL(EVP_PKEY_get_bits(key), 253);
	BIO *out = BIO_new(BIO_s_mem());
	FAILS(PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1, REASON_NO_OBJECT);
	BIO_free(out);
	EVP_PKEY_free(key);
}

/* -- PINs --------------------------------------------------------------------------------------------- */

#define TRIES 10

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fputs(text, f);
	CU_ASSERT_EQUAL(fclose(f), 0);
	CU_ASSERT_EQUAL(chmod(path, mode), 0);
}

static CK_FLAGS pin_flags(CK_SLOT_ID slot)
{
	CK_TOKEN_INFO info = {.flags = 0};
	OK(p11->C_GetTokenInfo(slot, &info));
	return info.flags & (CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED);
}

static CK_RV log_in(CK_SLOT_ID slot, const char *pin)
{
	CK_SESSION_HANDLE s;
	OK(p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s));
	CK_RV rv = p11->C_Login(s, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)pin, strlen(pin));
	OK(p11->C_CloseSession(s));
	return rv;
}

static char other[4200], other_pin[4096];

/* Nobody is logged in to the token "other" until the last of these cases. */
static void test_pin_files(void)
{
	face_token("other");
	snprintf(other_pin, sizeof other_pin, "%s/other.pin", face_dir());
	snprintf(other, sizeof other, "pkcs11:token=other?pin-source=file:%s", other_pin);
	FAILS(private_at(other) != NULL, REASON_PIN_SOURCE); /* it is not there */
	write_file(other_pin, USER_PIN, 0644);
	FAILS(private_at(other) != NULL, REASON_PIN_SOURCE);
	write_file(other_pin, "\n", 0600);
	FAILS(private_at(other) != NULL, REASON_PIN_SOURCE);
	FAILS(private_at("pkcs11:token=other?pin-source=other.pin") != NULL, REASON_PIN_SOURCE);
	FAILS(private_at("pkcs11:token=other?pin-source=file://elsewhere/pin") != NULL, REASON_PIN_SOURCE);
	FAILS(private_at("pkcs11:token=other?pin-value=") != NULL, REASON_PIN_SOURCE);
	FAILS(private_at("pkcs11:token=other") != NULL, REASON_PIN_SOURCE);
}

static void test_one_try(void)
{
	CK_SLOT_ID slot = face_token("other");
	write_file(other_pin, "not the user's pin", 0600);
	for (int i = 0; i < TRIES + 2; i++) {
		FAILS(private_at(other) != NULL, REASON_PIN_WRONG);
		FAILS(private_at("pkcs11:token=other?pin-value=not%20the%20user%27s%20pin") != NULL, REASON_PIN_WRONG);
	}
	CU_ASSERT_EQUAL(pin_flags(slot), CKF_USER_PIN_COUNT_LOW); /* one try */
	/* somebody logs in: the token may have the PIN now that it refused */
	OK(log_in(slot, USER_PIN));
	CU_ASSERT_EQUAL(pin_flags(slot), 0);
	FAILS(private_at(other) != NULL, REASON_PIN_WRONG);
	CU_ASSERT_EQUAL(pin_flags(slot), CKF_USER_PIN_COUNT_LOW);
}

static void test_last_try(void)
{
	CK_SLOT_ID slot = face_token("other");
	char pin[32];
	for (int i = 0; i < TRIES + 2; i++) {
		snprintf(pin, sizeof pin, "wrong pin number %d", i);
		write_file(other_pin, pin, 0600);
		FAILS(private_at(other) != NULL, i < TRIES - 2 ? REASON_PIN_WRONG : REASON_PIN_LOCKED);
	}
	CU_ASSERT_EQUAL(pin_flags(slot), CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY);
	OK(log_in(slot, USER_PIN));
}

static int nasked;

static int answer(char *buf, int size, int rwflag, void *pin)
{
	(void)rwflag;
	nasked++;
	return snprintf(buf, (size_t)size, "%s", (const char *)pin);
}

static void test_asked(void)
{
	CK_SLOT_ID slot = face_token("other");
	char *text = made_file(VERSION, "pkcs11:token=other");
	nasked = 0;
	FAILS(read_text(text, answer, (void *)(uintptr_t)"a wrong answer") != NULL, REASON_PIN_WRONG);
	CU_ASSERT_EQUAL(nasked, 1);
	FAILS(read_text(text, answer, (void *)(uintptr_t)"") != NULL, REASON_PIN_SOURCE);
	for (int i = 0; i < TRIES - 1; i++) /* one for each answer, whatever decoders there are */
		FAILS(read_text(text, answer, (void *)(uintptr_t)"a wrong answer") != NULL, REASON_PIN_WRONG);
	CU_ASSERT_EQUAL(pin_flags(slot), CKF_USER_PIN_LOCKED);
	FAILS(read_text(text, answer, (void *)(uintptr_t)USER_PIN) != NULL, REASON_PIN_LOCKED);
	write_file(other_pin, USER_PIN, 0600);
	FAILS(private_at(other) != NULL, REASON_PIN_LOCKED);
	free(text);
}

static const struct unit_case cases[] = {
	{"the provider is loaded, over a token with keys of all kinds", provider_up},
	{"a private key comes from hufu, its public half is that of the token's public key, which is the default provider's", test_all_kinds},
	{"keys that do not belong together are not equal", test_unlike},
	{"without a name a token lists what it has, of the kind that is expected", test_listing},
	{"a key tells what the default provider's key tells", test_params},
	{"the private half is not given out in any way", test_private_stays},
	{"a key is copied with its private half, and lends its parameters", test_copies},
	{"public keys are taken over from others", test_import},
	{"compressed points are taken, and points on no curve are not", test_import_point},
	{"the point of another makes a key with the parameters of one, and changes none that is whole", test_encoded_point},
	{"private keys, and curves that tokens do not have, are not taken", test_import_private},
	{"a private key is written as its URI, and read again from such a file", test_files},
	{"files with a URI are read whoever wrote them; spoilt ones, and URIs that do not mean one key, are refused", test_files_of_others},
	{"certificates are found without a PIN, by URI, name, issuer and serial number, and label", test_certificates},
	{"a key's URI is found in a file behind a certificate", test_file_of_both},
	{"a wrong URI, a token and an object that are not there are told apart", test_wrong_names},
	{"threads find keys at once", test_threads},
	{"a child of a fork finds keys under its parent's login", test_fork},
	{"keys of all kinds are made in the token, sensitive, for all that they can do", test_generation},
	{"a key is made for the uses that are named", test_generation_usage},
	{"what cannot be made is refused with a reason", test_generation_refused},
	{"a key that was destroyed is missed, and another of its name does not stand in for it", test_replaced},
	{"a key without a URI ends with its EVP_PKEY, and is not written", test_passing_keys},
	{"a PIN file that is not there, open to others, empty or no file logs nobody in", test_pin_files},
	{"a PIN that was refused is tried once, until somebody has logged in", test_one_try},
	{"the last try before the PIN is locked is left to people", test_last_try},
	{"whoever is asked for the PIN is asked once, and a locked PIN is told", test_asked},
	{"it is unloaded", provider_down},
	{0},
};
UNIT_MAIN("provider keys", cases)
