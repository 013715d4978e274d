/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clients hold of a tenant's secrets: copies of keys, states of operations.
 *
 * A copy:  u8 format, u8 type, u8 policy || seal of: u16 length of the public part, the part,
 *          u8 copies; of each u8 kind, u8 length of its domain, the domain, 0, u32 length, the copy
 * A state: seal of: 8 bytes of SM3 of the domain || the device's state; sealed for key, mechanism and verb
 *
 * The header of a copy and the tenant's name are its seal's AAD.
 */
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "hufud/tenant_internal.h"
#include "rand/seal.h"

#define COPY_FORMAT 1
#define COPY_HEADER_LEN 3
#define POLICY_HARDWARE_ONLY 1u
#define DOMAIN_TAG_LEN 8

/* -- copies --------------------------------------------------------------------- */

static void write_aad(const struct tenant *tenant, const uint8_t header[COPY_HEADER_LEN], struct writer *aad)
{
	writer_init(aad, false);
	write_bytes(aad, header, COPY_HEADER_LEN);
	write_bytes(aad, tenant_name(tenant), strlen(tenant_name(tenant)));
}

static void write_plain(const struct pool_copy *copies, size_t n, const uint8_t *pub, size_t pub_len, struct writer *plain)
{
	writer_init(plain, true);
	write_u16(plain, (uint16_t)pub_len);
	write_bytes(plain, pub, pub_len);
	write_u8(plain, (uint8_t)n);
	for (size_t i = 0; i < n; i++) {
		write_u8(plain, (uint8_t)copies[i].kind);
		write_u8(plain, (uint8_t)strlen(copies[i].domain));
		write_bytes(plain, copies[i].domain, strlen(copies[i].domain) + 1);
		write_u32(plain, (uint32_t)copies[i].len);
		write_bytes(plain, copies[i].data, copies[i].len);
	}
}

enum hufu_err tenant_seal_copy(struct tenant *tenant, enum hufu_key_type type, bool hardware_only, const struct pool_copy *copies,
                               size_t n, const uint8_t *pub, size_t pub_len, struct writer *out)
{
	const uint8_t header[COPY_HEADER_LEN] = {COPY_FORMAT, (uint8_t)type, hardware_only ? POLICY_HARDWARE_ONLY : 0};
	struct writer plain, aad;
	enum hufu_err err = HUFU_ERR_NO_MEMORY;

	if (n == 0 || n > POOL_DEVICES_MAX || pub_len > HUFU_PUB_MAX)
		return HUFU_ERR_ARGUMENT;
	write_aad(tenant, header, &aad);
	write_plain(copies, n, pub, pub_len, &plain);
	size_t sealed_len = plain.len + SEAL_OVERHEAD;
	uint8_t *sealed = plain.bad || aad.bad ? NULL : malloc(sealed_len);
	if (sealed)
		err = seal_close(&tenant->secrets->copies, aad.data, aad.len, plain.data, plain.len, sealed);
	if (err == HUFU_OK) {
		write_bytes(out, header, sizeof(header));
		write_bytes(out, sealed, sealed_len);
		err = out->bad ? HUFU_ERR_NO_MEMORY : HUFU_OK;
	}
	free(sealed);
	writer_clear(&plain);
	writer_clear(&aad);
	return err;
}

/* Names are text that ends: pool_copy.domain points to them. */
static bool read_one(struct reader *r, struct pool_copy *copy)
{
	copy->kind = (enum hufu_copy_kind)read_u8(r);
	const size_t name_len = read_u8(r);
	const uint8_t *name = read_bytes(r, name_len + 1);
	copy->len = read_u32(r);
	copy->data = read_bytes(r, copy->len);
	copy->domain = (const char *)name;
	return name && copy->data && name[name_len] == 0 && copy->kind >= HUFU_COPY_BLOB && copy->kind < HUFU_COPY_LIVE;
}

/* What was sealed here is as it was written; read as if it were not. */
static bool read_plain(struct reader *r, struct tenant_copy *copy)
{
	copy->pub_len = read_u16(r);
	copy->pub = read_bytes(r, copy->pub_len);
	copy->n = read_u8(r);
	if (r->bad || copy->n == 0 || copy->n > POOL_DEVICES_MAX || copy->pub_len > HUFU_PUB_MAX)
		return false;
	copy->copies = calloc(copy->n, sizeof(copy->copies[0]));
	for (size_t i = 0; copy->copies && i < copy->n; i++)
		if (!read_one(r, &copy->copies[i]))
			return false;
	return copy->copies && reader_done(r);
}

static bool unseal(struct tenant *tenant, const uint8_t *sealed, size_t len, struct tenant_copy *copy)
{
	const size_t plain_len = len - COPY_HEADER_LEN - SEAL_OVERHEAD;
	struct writer aad;

	copy->plain = secret_alloc(plain_len);
	write_aad(tenant, sealed, &aad);
	bool ok = copy->plain && !aad.bad && seal_open(&tenant->secrets->copies, aad.data, aad.len, sealed + COPY_HEADER_LEN,
	                                               len - COPY_HEADER_LEN, copy->plain);
	writer_clear(&aad);
	struct reader r = reader_of(copy->plain, ok ? plain_len : 0);
	return ok && read_plain(&r, copy);
}

enum hufu_err tenant_open_copy(struct tenant *tenant, const uint8_t *sealed, size_t len, struct tenant_copy **out)
{
	if (len <= COPY_HEADER_LEN + SEAL_OVERHEAD || sealed[0] != COPY_FORMAT)
		return HUFU_ERR_NO_KEY;
	struct tenant_copy *copy = calloc(1, sizeof(*copy));
	if (!copy)
		return HUFU_ERR_NO_MEMORY;
	copy->type = (enum hufu_key_type)sealed[1];
	copy->hardware_only = sealed[2] & POLICY_HARDWARE_ONLY;
	if (!unseal(tenant, sealed, len, copy)) {
		tenant_copy_free(copy);
		return HUFU_ERR_NO_KEY;
	}
	*out = copy;
	return HUFU_OK;
}

void tenant_copy_free(struct tenant_copy *copy)
{
	if (!copy)
		return;
	secret_free(copy->plain);
	free(copy->copies);
	free(copy);
}

/* -- states ------------------------------------------------------------------------ */

struct state_aad {
	uint8_t bytes[16 + 8 + 8 + 1];
};

static struct state_aad state_aad(const struct hufu_op *op)
{
	struct state_aad aad = {{0}};

	if (op->key) {
		memcpy(aad.bytes, op->key->uuid, 16);
		for (unsigned i = 0; i < 8; i++)
			aad.bytes[16 + i] = (uint8_t)(op->key->version >> (56 - 8 * i));
	}
	for (unsigned i = 0; i < 8; i++)
		aad.bytes[24 + i] = (uint8_t)(op->mechanism >> (56 - 8 * i));
	aad.bytes[32] = (uint8_t)op->verb;
	return aad;
}

static void domain_tag(const char *domain, uint8_t tag[DOMAIN_TAG_LEN])
{
	uint8_t digest[SM3_DIGEST_LEN];

	sm3(domain, strlen(domain), digest);
	memcpy(tag, digest, DOMAIN_TAG_LEN);
}

enum hufu_err tenant_seal_state(struct tenant *tenant, const struct hufu_op *op, const char *domain, const uint8_t *state,
                                size_t len, uint8_t out[HUFU_STATE_MAX], size_t *out_len)
{
	const struct state_aad aad = state_aad(op);
	uint8_t plain[HUFU_STATE_MAX];

	if (len > sizeof(plain) - DOMAIN_TAG_LEN - SEAL_OVERHEAD)
		return HUFU_ERR_UNSUPPORTED;
	domain_tag(domain, plain);
	memcpy(plain + DOMAIN_TAG_LEN, state, len);
	*out_len = DOMAIN_TAG_LEN + len + SEAL_OVERHEAD;
	enum hufu_err err = seal_close(&tenant->secrets->states, aad.bytes, sizeof(aad.bytes), plain, DOMAIN_TAG_LEN + len, out);
	secret_wipe(plain, sizeof(plain));
	return err;
}

enum hufu_err tenant_open_state(struct tenant *tenant, const struct hufu_op *op, const struct pool_domain *names, size_t n,
                                const char **domain, uint8_t out[HUFU_STATE_MAX], size_t *len)
{
	const struct state_aad aad = state_aad(op);
	uint8_t plain[HUFU_STATE_MAX], tag[DOMAIN_TAG_LEN];

	if (op->state_in_len < SEAL_OVERHEAD + DOMAIN_TAG_LEN || op->state_in_len > HUFU_STATE_MAX ||
	    !seal_open(&tenant->secrets->states, aad.bytes, sizeof(aad.bytes), op->state_in, op->state_in_len, plain))
		return HUFU_ERR_ARGUMENT;
	*len = op->state_in_len - SEAL_OVERHEAD - DOMAIN_TAG_LEN;
	memcpy(out, plain + DOMAIN_TAG_LEN, *len);
	*domain = NULL;
	for (size_t i = 0; i < n && !*domain; i++) {
		domain_tag(names[i].name, tag);
		if (memcmp(tag, plain, sizeof(tag)) == 0)
			*domain = names[i].name;
	}
	secret_wipe(plain, sizeof(plain));
	return HUFU_OK;
}
