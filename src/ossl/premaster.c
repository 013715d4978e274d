/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RSA key exchange of TLS 1.2 and before. "In any case, a TLS server MUST NOT
 * generate an alert if processing an RSA-encrypted premaster secret message fails,
 * or the version number is not as expected. Instead, it MUST continue the handshake
 * with a randomly generated premaster secret" (RFC 5246 7.4.7.1): whoever could tell
 * good paddings from bad ones opens any ciphertext (Bleichenbacher 1998).
 */
#include "ossl/asym_cipher.h"

#include "base/secret.h"
#include "rand/rand.h"

/* -- masks: all ones or all zeros -------------------------------------------------- */

/* Keeps the compiler from seeing that there are but two values, and branching on them. */
static uint32_t opaque(uint32_t x)
{
	__asm__("" : "+r"(x));
	return x;
}

static uint32_t mask_zero(uint32_t x)
{
	return opaque(0u - ((~x & (x - 1)) >> 31));
}

static uint32_t mask_equal(uint32_t a, uint32_t b)
{
	return mask_zero(a ^ b);
}

/* -------------------------------------------------------------------------------- */

static uint32_t version_good(const uint8_t *secret, const struct premaster_versions *versions)
{
	uint32_t version = (uint32_t)secret[0] << 8 | secret[1];
	uint32_t good = mask_equal(version, versions->client);

	if (versions->negotiated)       /* no secret */
		good |= mask_equal(version, versions->negotiated);
	return good;
}

/* The random one is drawn in any case. */
static int choose(uint32_t good, const uint8_t *found, uint8_t secret[PREMASTER_LEN])
{
	uint8_t random[PREMASTER_LEN];

	if (rand_bytes(random, sizeof random) != HUFU_OK)
		return 0;
	for (size_t i = 0; i < PREMASTER_LEN; i++)
		secret[i] = (uint8_t)((good & found[i]) | (~good & random[i]));
	secret_wipe(random, sizeof random);
	return 1;
}

int premaster_of_block(const uint8_t *em, size_t k, const struct premaster_versions *versions, uint8_t secret[PREMASTER_LEN])
{
	size_t start = k - PREMASTER_LEN;
	uint32_t good = mask_zero(em[0]) & mask_equal(em[1], 2) & mask_zero(em[start - 1]);

	for (size_t i = 2; i < start - 1; i++)
		good &= ~mask_zero(em[i]);
	good &= version_good(em + start, versions);
	return choose(good, em + start, secret);
}

int premaster_of_text(const uint8_t *text, size_t len, const struct premaster_versions *versions, uint8_t secret[PREMASTER_LEN])
{
	return choose(mask_equal((uint32_t)len, PREMASTER_LEN) & version_good(text, versions), text, secret);
}
