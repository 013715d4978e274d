/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of keys: wrapped under wrap_key, the resident key that all tokens of
 * the domain hold. A copy says how it was wrapped:
 *
 *	"P11" 01 || number of the mechanism, 8 bytes || IV, 16 bytes, of CBC || wrapped key
 */
#include "driver/p11/p11.h"

#include <string.h>

#include "base/buf.h"

static const uint8_t magic[4] = {'P', '1', '1', 1};
#define HEADER_LEN (sizeof(magic) + 8)
#define IV_LEN 16

/* In the order of choice. A key wrap shows on unwrapping that what arrives is what left; CBC leaves that to the core's seal. */
static const struct {
	CK_KEY_TYPE key_type;
	CK_MECHANISM_TYPE own;
	bool has_iv;
} ways[] = {
	{CKK_AES, CKM_AES_KEY_WRAP_KWP, false},
	{CKK_AES, CKM_AES_KEY_WRAP_PAD, false},
	{CKK_AES, CKM_AES_KEY_WRAP, false},
	{CKK_AES, CKM_AES_CBC_PAD, true},
	{CKK_HUFU_SM4, CKM_HUFU_SM4_CBC_PAD, true},
};
#define NWAYS (sizeof(ways) / sizeof(ways[0]))

static bool has_iv(CK_MECHANISM_TYPE own)
{
	return own == CKM_AES_CBC_PAD || own == CKM_HUFU_SM4_CBC_PAD;
}

/* -- the wrapping key ----------------------------------------------------------------- */

static bool can_wrap(struct hufu_device *device, CK_MECHANISM_TYPE own)
{
	CK_MECHANISM_INFO info;
	CK_MECHANISM_TYPE type;

	return p11_number(device, own, &type) && P11_CALL(device->module, C_GetMechanismInfo, device->slot, type, &info) == CKR_OK &&
	       (info.flags & (CKF_WRAP | CKF_UNWRAP)) == (CKF_WRAP | CKF_UNWRAP);
}

static enum hufu_err choose_way(struct hufu_device *device, CK_KEY_TYPE key_type)
{
	for (size_t i = 0; i < NWAYS; i++)
		if (alias_key_type_vendor(device->alias, ways[i].key_type) == key_type && can_wrap(device, ways[i].own)) {
			device->kek_type = ways[i].own;
			return HUFU_OK;
		}
	device->host->log(HUFU_LOG_ERROR, device->name, "the token wraps nothing with a key such as wrap_key = \"%s\" (type 0x%lx): use "
	                  "an AES or SM4 key, and a token that offers key wrapping with it", device->wrap_key, key_type);
	return HUFU_ERR_UNSUPPORTED;
}

/* Every op asks for it. Before the login nothing is said: it comes. */
static void tell_once_locked(struct hufu_device *device, bool several)
{
	if (device->kek_missing || !atomic_load(&device->logged_in))
		return;
	device->kek_missing = true;
	device->host->log(HUFU_LOG_ERROR, device->name, several ? "more than one secret key on the token is called wrap_key = \"%s\": "
	                  "give one of them another label" : "no secret key on the token is called wrap_key = \"%s\": keys are neither "
	                  "made nor taken in. Make one, the same on all tokens of the domain", device->wrap_key);
}

static enum hufu_err find_kek_locked(struct hufu_lease *lease)
{
	struct hufu_device *device = lease->device;
	struct p11_template t = {.n = 0};
	CK_OBJECT_HANDLE kek;
	CK_KEY_TYPE key_type;
	size_t n;

	p11_add_number(&t, CKA_CLASS, CKO_SECRET_KEY);
	p11_add_flag(&t, CKA_TOKEN, true);
	p11_add(&t, CKA_LABEL, device->wrap_key, strlen(device->wrap_key));
	enum hufu_err err = p11_answer(lease, p11_search(device, device->keeper, &t, &kek, 1, &n));
	if (err != HUFU_OK)
		return err;
	if (n != 1) {
		tell_once_locked(device, n > 0);
		/* It was there: a token that is taken away, too, may answer as an empty one. */
		return device->kek_seen && atomic_load(&device->logged_in) ? HUFU_ERR_GONE : HUFU_ERR_NO_KEY;
	}
	if (!p11_get_number(device, device->keeper, kek, CKA_KEY_TYPE, &key_type))
		return HUFU_ERR_NO_KEY;
	err = choose_way(device, key_type);
	if (err == HUFU_OK) {
		device->kek = kek;
		device->kek_seen = true;
	}
	return err;
}

static enum hufu_err kek_locked(struct hufu_lease *lease)
{
	if (!lease->device->wrap_key)
		return HUFU_ERR_NO_KEY;
	return lease->device->kek != CK_INVALID_HANDLE ? HUFU_OK : find_kek_locked(lease);
}

/* -- out --------------------------------------------------------------------------------- */

static enum hufu_err prepare(struct hufu_lease *lease, CK_OBJECT_HANDLE *kek, CK_MECHANISM_TYPE *own)
{
	struct hufu_device *device = lease->device;

	pthread_mutex_lock(&device->lock);
	enum hufu_err err = kek_locked(lease);
	*kek = device->kek;
	*own = device->kek_type;
	pthread_mutex_unlock(&device->lock);
	return err;
}

static enum hufu_err write_header(struct hufu_device *device, CK_MECHANISM_TYPE own, struct hufu_op *op, size_t *len)
{
	*len = HEADER_LEN + (has_iv(own) ? IV_LEN : 0);
	if (op->out_cap <= *len) {
		op->out_len = *len + 1;
		return HUFU_ERR_BUFFER;
	}
	memcpy(op->out, magic, sizeof(magic));
	for (size_t i = 0; i < 8; i++)
		op->out[sizeof(magic) + i] = (uint8_t)((uint64_t)own >> (56 - 8 * i));
	return has_iv(own) ? device->host->random(op->out + HEADER_LEN, IV_LEN) : HUFU_OK;
}

enum hufu_err p11_wrap(struct hufu_lease *lease, CK_OBJECT_HANDLE object, struct hufu_op *op)
{
	struct hufu_device *device = lease->device;
	CK_MECHANISM m = {0, NULL, 0};
	CK_MECHANISM_TYPE own;
	CK_OBJECT_HANDLE kek;
	size_t before = 0;
	enum hufu_err err = prepare(lease, &kek, &own);

	if (err == HUFU_OK)
		err = write_header(device, own, op, &before);
	if (err != HUFU_OK)
		return err;
	if (!p11_number(device, own, &m.mechanism))
		return HUFU_ERR_UNSUPPORTED;
	if (has_iv(own)) {
		m.pParameter = op->out + HEADER_LEN;
		m.ulParameterLen = IV_LEN;
	}
	CK_ULONG len = op->out_cap - before;
	CK_RV rv = P11_CALL(device->module, C_WrapKey, lease->session, &m, kek, object, op->out + before, &len);
	op->out_len = before + len;
	if (rv == CKR_BUFFER_TOO_SMALL)
		return HUFU_ERR_BUFFER;
	if (rv == CKR_OK && (len == 0 || len > op->out_cap - before))
		return HUFU_ERR_CORRUPT;
	return p11_answer_of_object(lease, rv);
}

/* -- in -------------------------------------------------------------------------------------- */

static bool read_header(struct hufu_device *device, struct reader *r, CK_MECHANISM *m)
{
	const uint8_t *start = read_bytes(r, sizeof(magic));
	CK_MECHANISM_TYPE own = read_u64(r);
	const uint8_t *iv = has_iv(own) ? read_bytes(r, IV_LEN) : NULL;

	*m = (CK_MECHANISM){0, (void *)(uintptr_t)iv, iv ? IV_LEN : 0};
	if (r->bad || r->left == 0 || memcmp(start, magic, sizeof(magic)) != 0)
		return false;
	for (size_t i = 0; i < NWAYS; i++)
		if (ways[i].own == own)
			return p11_number(device, own, &m->mechanism);
	return false;
}

enum hufu_err p11_unwrap_locked(struct hufu_lease *lease, const struct hufu_key *key, CK_OBJECT_HANDLE *handle)
{
	struct hufu_device *device = lease->device;
	struct reader r = reader_of(key->blob, key->blob_len);
	struct p11_template t = {.n = 0};
	CK_MECHANISM m;

	if (!read_header(device, &r, &m))
		return HUFU_ERR_NO_KEY; /* another driver's, or a way that this token does not have */
	enum hufu_err err = kek_locked(lease);
	if (err == HUFU_OK)
		err = p11_add_key(&t, device, key->type, false);
	if (err != HUFU_OK)
		return err;
	uint8_t *wrapped = (uint8_t *)(uintptr_t)r.p;
	CK_RV rv = P11_CALL(device->module, C_UnwrapKey, device->keeper, &m, device->kek, wrapped, r.left, t.list, t.n, handle);
	return p11_answer(lease, rv);
}
