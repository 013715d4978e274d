/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl/error.h"

#include <p11-kit/p11-kit.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define WHAT_MAX 400

struct upcalls {
	OSSL_FUNC_core_new_error_fn *new_error;
	OSSL_FUNC_core_vset_error_fn *vset_error;
	OSSL_FUNC_BIO_read_ex_fn *read;
	OSSL_FUNC_BIO_gets_fn *gets;
	OSSL_FUNC_BIO_write_ex_fn *write;
};

struct upcalls *upcalls_new(const OSSL_DISPATCH *in)
{
	struct upcalls *upcalls = calloc(1, sizeof *upcalls);

	for (; upcalls && in->function_id; in++)
		if (in->function_id == OSSL_FUNC_CORE_NEW_ERROR)
			upcalls->new_error = OSSL_FUNC_core_new_error(in);
		else if (in->function_id == OSSL_FUNC_CORE_VSET_ERROR)
			upcalls->vset_error = OSSL_FUNC_core_vset_error(in);
		else if (in->function_id == OSSL_FUNC_BIO_READ_EX)
			upcalls->read = OSSL_FUNC_BIO_read_ex(in);
		else if (in->function_id == OSSL_FUNC_BIO_GETS)
			upcalls->gets = OSSL_FUNC_BIO_gets(in);
		else if (in->function_id == OSSL_FUNC_BIO_WRITE_EX)
			upcalls->write = OSSL_FUNC_BIO_write_ex(in);
	return upcalls;
}

/* -- BIOs of libcrypto's core ----------------------------------------------------- */

size_t bio_read(const struct provider *provider, OSSL_CORE_BIO *bio, void *data, size_t len)
{
	size_t total = 0, n = 0;

	while (total < len && provider->upcalls->read && provider->upcalls->read(bio, (char *)data + total, len - total, &n) && n)
		total += n;
	return total;
}

size_t bio_gets(const struct provider *provider, OSSL_CORE_BIO *bio, char *line, size_t room)
{
	int n = provider->upcalls->gets ? provider->upcalls->gets(bio, line, (int)room) : 0;

	return n > 0 ? (size_t)n : 0;
}

int bio_write(const struct provider *provider, OSSL_CORE_BIO *bio, const void *data, size_t len)
{
	size_t n = 0;

	return provider->upcalls->write && provider->upcalls->write(bio, data, len, &n) && n == len;
}

/* -- errors ----------------------------------------------------------------------- */

void upcalls_free(struct upcalls *upcalls)
{
	free(upcalls);
}

const OSSL_ITEM *reason_strings(void *provider)
{
	/* libcrypto keeps the pointers, and does not write. */
#define REASON(number, text) {(number), (void *)(uintptr_t)(text)}
	static const OSSL_ITEM strings[] = {
		REASON(REASON_INTERNAL, "internal error"),
		REASON(REASON_CONFIGURATION, "configuration"),
		REASON(REASON_URI, "bad URI"),
		REASON(REASON_NO_TOKEN, "no such token"),
		REASON(REASON_NO_OBJECT, "no such object"),
		REASON(REASON_SEVERAL_OBJECTS, "several objects match"),
		REASON(REASON_PIN_SOURCE, "no PIN to be had"),
		REASON(REASON_PIN_WRONG, "wrong PIN"),
		REASON(REASON_PIN_LOCKED, "PIN locked"),
		REASON(REASON_LOGIN, "login refused"),
		REASON(REASON_KEY_TYPE, "key type"),
		REASON(REASON_KEY_USE, "key may not be used so"),
		REASON(REASON_KEY_MISMATCH, "keys do not belong together"),
		REASON(REASON_NOT_EXPORTABLE, "private key stays in the token"),
		REASON(REASON_PARAMETER, "bad parameter"),
		REASON(REASON_INPUT, "bad input"),
		REASON(REASON_BUFFER, "buffer too small"),
		REASON(REASON_SIGNATURE, "signature does not verify"),
		REASON(REASON_DECRYPTION, "does not decrypt"),
		REASON(REASON_MECHANISM, "mechanism not available"),
		REASON(REASON_DEVICE, "no device answers"),
		REASON(REASON_FORMAT, "bad format"),
		{0, NULL},
	};
#undef REASON
	(void)provider;
	return strings;
}

static void raise_error(const struct provider *provider, enum reason reason, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void vraise(const struct provider *provider, enum reason reason, const char *format, va_list args)
{
	const struct upcalls *upcalls = provider->upcalls;

	if (!upcalls->new_error || !upcalls->vset_error)
		return;
	upcalls->new_error(provider->handle);
	upcalls->vset_error(provider->handle, (uint32_t)reason, format, args);
}

static void raise_error(const struct provider *provider, enum reason reason, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vraise(provider, reason, format, args);
	va_end(args);
}

int fail(const struct provider *provider, enum reason reason, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vraise(provider, reason, format, args);
	va_end(args);
	return 0;
}

/* -- what the core answers --------------------------------------------------------- */

static const struct verdict {
	CK_RV rv;
	enum reason reason;
	const char *advice;             /* NULL: the code's own text says enough */
} verdicts[] = {
	{CKR_PIN_INCORRECT, REASON_PIN_WRONG, "give the user PIN of this token; after too many wrong ones it is locked"},
	{CKR_PIN_LEN_RANGE, REASON_PIN_WRONG, "give the user PIN of this token; after too many wrong ones it is locked"},
	{CKR_PIN_LOCKED, REASON_PIN_LOCKED, "the security officer sets a new one with \"hufu token init-pin\""},
	{CKR_USER_PIN_NOT_INITIALIZED, REASON_LOGIN, "the security officer sets a user PIN with \"hufu token init-pin\""},
	{CKR_USER_NOT_LOGGED_IN, REASON_LOGIN, "give the PIN by pin-source in the URI, or in the provider's section of openssl.cnf"},
	{CKR_TOKEN_NOT_PRESENT, REASON_NO_TOKEN, "its store cannot be opened; see \"hufu status\" and the log"},
	{CKR_TOKEN_NOT_RECOGNIZED, REASON_NO_TOKEN, "it is not initialised; see \"hufu token init\""},
	{CKR_SLOT_ID_INVALID, REASON_NO_TOKEN, NULL},
	{CKR_KEY_HANDLE_INVALID, REASON_NO_OBJECT, "it was destroyed, or the login that showed it has ended"},
	{CKR_OBJECT_HANDLE_INVALID, REASON_NO_OBJECT, "it was destroyed, or the login that showed it has ended"},
	{CKR_KEY_FUNCTION_NOT_PERMITTED, REASON_KEY_USE, "see its attributes with \"hufu key show\", and the token's policy"},
	{CKR_KEY_TYPE_INCONSISTENT, REASON_KEY_TYPE, NULL},
	{CKR_KEY_SIZE_RANGE, REASON_KEY_TYPE, NULL},
	{CKR_KEY_UNEXTRACTABLE, REASON_NOT_EXPORTABLE, NULL},
	{CKR_MECHANISM_INVALID, REASON_MECHANISM, "no device of the token does this with such a key, or CKA_ALLOWED_MECHANISMS leaves it "
	                                          "out; see \"hufu mech list\""},
	{CKR_MECHANISM_PARAM_INVALID, REASON_PARAMETER, NULL},
	{CKR_TEMPLATE_INCONSISTENT, REASON_PARAMETER, NULL},
	{CKR_ATTRIBUTE_VALUE_INVALID, REASON_PARAMETER, NULL},
	{CKR_DATA_INVALID, REASON_INPUT, NULL},
	{CKR_DATA_LEN_RANGE, REASON_INPUT, NULL},
	{CKR_ENCRYPTED_DATA_INVALID, REASON_DECRYPTION, NULL},
	{CKR_ENCRYPTED_DATA_LEN_RANGE, REASON_DECRYPTION, NULL},
	{CKR_AEAD_DECRYPT_FAILED, REASON_DECRYPTION, NULL},
	{CKR_SIGNATURE_INVALID, REASON_SIGNATURE, NULL},
	{CKR_SIGNATURE_LEN_RANGE, REASON_SIGNATURE, NULL},
	{CKR_BUFFER_TOO_SMALL, REASON_BUFFER, NULL},
	{CKR_DEVICE_ERROR, REASON_DEVICE, "no device of the token could serve in time; see \"hufu status\" and the log"},
	{CKR_DEVICE_REMOVED, REASON_DEVICE, "no device of the token could serve in time; see \"hufu status\" and the log"},
	{CKR_TOKEN_WRITE_PROTECTED, REASON_LOGIN, NULL},
	{CKR_SESSION_READ_ONLY, REASON_LOGIN, NULL},
	{CKR_GENERAL_ERROR, REASON_CONFIGURATION, "see the log, and \"hufu config check\""},
	{CKR_CRYPTOKI_NOT_INITIALIZED, REASON_INTERNAL, "the provider was unloaded while its keys were in use"},
	{CKR_HOST_MEMORY, REASON_INTERNAL, NULL},
};

static const struct verdict *verdict_of(CK_RV rv)
{
	static const struct verdict other = {CKR_FUNCTION_FAILED, REASON_INTERNAL, "see the log"};

	for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
		if (verdicts[i].rv == rv)
			return &verdicts[i];
	return &other;
}

int fail_rv(const struct provider *provider, CK_RV rv, const char *what, ...)
{
	const struct verdict *verdict = verdict_of(rv);
	char text[WHAT_MAX];
	va_list args;

	va_start(args, what);
	vsnprintf(text, sizeof text, what, args);
	va_end(args);
	raise_error(provider, verdict->reason, "%s: %s (0x%lx)%s%s", text, p11_kit_strerror(rv), rv, verdict->advice ? ": " : "",
	            verdict->advice ? verdict->advice : "");
	return 0;
}
