/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

struct err_row {
	const char *name, *text;
};

/* One switch without default: the compiler names the code that is missing. */
static struct err_row err_row(enum hufu_err err)
{
#define ROW(code, name, text) case code: return (struct err_row){name, text}
	switch (err) {
	ROW(HUFU_OK, "ok", "done");
	ROW(HUFU_ERR_ARGUMENT, "caller/argument", "the call is malformed");
	ROW(HUFU_ERR_PARAM, "caller/parameter", "the mechanism parameter is wrong");
	ROW(HUFU_ERR_DATA, "caller/data", "the input is invalid");
	ROW(HUFU_ERR_DATA_LEN, "caller/data-length", "the input has a wrong length");
	ROW(HUFU_ERR_CIPHERTEXT, "caller/ciphertext", "the ciphertext or its tag is invalid");
	ROW(HUFU_ERR_CIPHERTEXT_LEN, "caller/ciphertext-length", "the ciphertext has a wrong length");
	ROW(HUFU_ERR_SIGNATURE, "caller/signature", "the signature or MAC is invalid");
	ROW(HUFU_ERR_SIGNATURE_LEN, "caller/signature-length", "the signature or MAC has a wrong length");
	ROW(HUFU_ERR_KEY_TYPE, "caller/key-type", "the key does not fit the mechanism");
	ROW(HUFU_ERR_KEY_SIZE, "caller/key-size", "the key has a wrong size");
	ROW(HUFU_ERR_KEY_VALUE, "caller/key-value", "the key's value is out of range");
	ROW(HUFU_ERR_PIN, "caller/pin", "the PIN is wrong");
	ROW(HUFU_ERR_PIN_LEN, "caller/pin-length", "the PIN is too short or too long");
	ROW(HUFU_ERR_PIN_LOCKED, "caller/pin-locked", "the role is locked after too many wrong PINs");
	ROW(HUFU_ERR_PIN_UNSET, "caller/pin-unset", "the role has no PIN yet");
	ROW(HUFU_ERR_BUFFER, "caller/buffer", "the output space is too small");
	ROW(HUFU_ERR_KEY_USE, "caller/key-use", "the key may not be used so");
	ROW(HUFU_ERR_PIN_LAST, "caller/pin-last", "one try is left before the role is locked, and was not spent");
	ROW(HUFU_ERR_UNSUPPORTED, "unsupported", "the device lacks the mechanism");
	ROW(HUFU_ERR_NO_KEY, "no-key", "the key is not on the device");
	ROW(HUFU_ERR_DENIED, "denied", "the device refused our credential");
	ROW(HUFU_ERR_EXPIRED, "expired", "the ticket or right ran out");
	ROW(HUFU_ERR_BUSY, "busy", "the device is busy");
	ROW(HUFU_ERR_GONE, "gone", "the device could not be reached");
	ROW(HUFU_ERR_LOST, "lost", "the device did not answer");
	ROW(HUFU_ERR_CORRUPT, "corrupt", "the device's answer failed a check");
	ROW(HUFU_ERR_NO_MEMORY, "host/memory", "memory is out");
	ROW(HUFU_ERR_CONFIG, "host/configuration", "the configuration is wrong");
	ROW(HUFU_ERR_RANDOM, "host/random", "the random number generator failed a health test");
	ROW(HUFU_ERR_DEADLINE, "host/deadline", "the deadline passed before a device could serve");
	ROW(HUFU_ERR_NO_DEVICE, "host/no-device", "no device can do this");
	ROW(HUFU_ERR_STORE_IO, "host/store-io", "the store could not be read or written");
	ROW(HUFU_ERR_STORE_FULL, "host/store-full", "the store is full");
	ROW(HUFU_ERR_STORE_READ_ONLY, "host/store-read-only", "the store is read-only");
	ROW(HUFU_ERR_STORE_BUSY, "host/store-busy", "the store is locked by another process");
	ROW(HUFU_ERR_STORE_CORRUPT, "host/store-corrupt", "the store is damaged, or is no store of hufu");
	ROW(HUFU_ERR_STORE_VERSION, "host/store-version", "the store was made by a newer hufu");
	ROW(HUFU_ERR_STORE_MISSING, "host/store-missing", "the token is not initialised yet");
	ROW(HUFU_ERR_NOT_FOUND, "host/not-found", "there is no such thing");
	ROW(HUFU_ERR_EXISTS, "host/exists", "it exists already");
	ROW(HUFU_ERR_CONFLICT, "host/conflict", "it was changed by somebody else meanwhile");
	ROW(HUFU_ERR_LOCKED, "host/locked", "a login is needed first");
	ROW(HUFU_ERR_NEED_THREADS, "host/need-threads", "the devices need threads, which the application forbids");
	ROW(HUFU_ERR_BUG, "bug", "a fault in hufu itself");
	}
#undef ROW
	return (struct err_row){"unknown", "an unknown error"}; /* a driver's number that is no code */
}

const char *err_name(enum hufu_err err)
{
	return err_row(err).name;
}

const char *err_text(enum hufu_err err)
{
	return err_row(err).text;
}
