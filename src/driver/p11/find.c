/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resident keys: the private and secret keys that are kept on the token. A copy
 * of one is how any token of the domain finds it: by class, key type, CKA_ID and
 * label. Of several that are alike in all that, none is shown. So that a key that
 * was put in the place of another does not pass for it, the copy of a pair bears
 * a fingerprint of its public half, too; that of a secret has zeros there.
 *
 *	"P11" 03 || type, 1 byte || SM3 of the public half, the first 16 bytes || length of CKA_ID, 1 byte || CKA_ID || label
 */
#include "driver/p11/p11.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "sm/sm3.h"

#define FOUND_MAX 1024
#define PRINT_LEN 16
#define NAME_AT (sizeof(magic) + 1 + PRINT_LEN) /* by which it is looked for, beside its type */
#define LABEL_MAX (HUFU_RESIDENT_COPY_MAX - HUFU_RESIDENT_ID_MAX - NAME_AT - 1)

static const uint8_t magic[4] = {'P', '1', '1', 3};

struct p11_found {
	struct hufu_resident resident;
	uint8_t pub[HUFU_PUB_MAX];
	size_t pub_len;
};

/* -- one key ---------------------------------------------------------------------------- */

static void print_of(const struct p11_found *found, uint8_t print[PRINT_LEN])
{
	uint8_t digest[SM3_DIGEST_LEN] = {0};

	if (found->pub_len)
		sm3(found->pub, found->pub_len, digest);
	memcpy(print, digest, PRINT_LEN);
}

static void put_copy(struct p11_found *found, const uint8_t *label, size_t label_len)
{
	struct hufu_resident *r = &found->resident;
	uint8_t *p = r->copy;

	memcpy(p, magic, sizeof(magic));
	p += sizeof(magic);
	*p++ = (uint8_t)r->type;
	print_of(found, p);
	p += PRINT_LEN;
	*p++ = (uint8_t)r->id_len;
	memcpy(p, r->id, r->id_len);
	memcpy(p + r->id_len, label, label_len);
	r->copy_len = NAME_AT + 1 + r->id_len + label_len;
}

/* For people: what is longer is cut, at the beginning of a character. */
static void put_label(struct hufu_resident *r, const uint8_t *label, size_t len)
{
	if (len >= sizeof(r->label)) {
		len = sizeof(r->label) - 1;
		while (len && (label[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(r->label, label, len);
	r->label[len] = 0;
}

static uint32_t verbs_of(struct hufu_device *device, CK_OBJECT_HANDLE object)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		enum hufu_verb verb;
	} uses[] = {
		{CKA_SIGN, HUFU_VERB_SIGN}, {CKA_VERIFY, HUFU_VERB_VERIFY}, {CKA_ENCRYPT, HUFU_VERB_ENCRYPT},
		{CKA_DECRYPT, HUFU_VERB_DECRYPT},
	};
	uint32_t verbs = 0;

	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
		if (p11_get_flag(device, device->keeper, object, uses[i].type))
			verbs |= 1u << uses[i].verb;
	return verbs;
}

/* The public half: of the same CKA_ID, or what the private one shows of it. */
static bool find_public(struct hufu_device *device, CK_OBJECT_HANDLE object, CK_KEY_TYPE key_type, struct p11_found *found)
{
	struct hufu_resident *r = &found->resident;
	struct p11_template t = {.n = 0};
	CK_OBJECT_HANDLE pub;
	size_t n = 0;

	p11_add_number(&t, CKA_CLASS, CKO_PUBLIC_KEY);
	p11_add_number(&t, CKA_KEY_TYPE, key_type);
	p11_add(&t, CKA_ID, r->id, r->id_len);
	bool one = r->id_len && p11_search(device, device->keeper, &t, &pub, 1, &n) == CKR_OK && n == 1;
	if (one && p11_public_of(device, device->keeper, pub, r->type, found->pub, &found->pub_len) == HUFU_OK)
		return true;
	return p11_public_of(device, device->keeper, object, r->type, found->pub, &found->pub_len) == HUFU_OK;
}

static bool is_wrap_key(const struct hufu_device *device, enum hufu_key_type type, const uint8_t *label, size_t len)
{
	return device->wrap_key && (type == HUFU_KEY_AES || type == HUFU_KEY_SM4) && strlen(device->wrap_key) == len &&
	       memcmp(device->wrap_key, label, len) == 0;
}

static uint32_t modulus_nbits(struct hufu_device *device, CK_OBJECT_HANDLE object, enum hufu_key_type type)
{
	uint8_t modulus[1032];
	size_t len;

	if (type != HUFU_KEY_RSA_PRIVATE || !p11_get(device, device->keeper, object, CKA_MODULUS, modulus, sizeof(modulus), &len))
		return 0;
	return (uint32_t)len * 8;
}

/* A PIN for each use (CKA_ALWAYS_AUTHENTICATE) is a person's to give. */
static bool wants_a_person(struct hufu_device *device, CK_OBJECT_HANDLE object, const char *label)
{
	if (!p11_get_flag(device, device->keeper, object, CKA_ALWAYS_AUTHENTICATE))
		return false;
	device->host->log(HUFU_LOG_NOTICE, device->name, "key \"%s\" asks for a PIN at each use, and is left out", label);
	return true;
}

/* False: nothing that we know, or could name. */
static bool look_at(struct hufu_device *device, CK_OBJECT_CLASS object_class, CK_OBJECT_HANDLE object, struct p11_found *found)
{
	struct hufu_resident *r = &found->resident;
	uint8_t label[LABEL_MAX];
	size_t label_len;
	CK_KEY_TYPE key_type;

	*found = (struct p11_found){.resident = {.size = sizeof(*r)}};
	if (!p11_get_number(device, device->keeper, object, CKA_KEY_TYPE, &key_type))
		return false;
	r->type = p11_key_type(device, object_class, key_type);
	if (!r->type || !p11_get(device, device->keeper, object, CKA_ID, r->id, sizeof(r->id), &r->id_len) ||
	    !p11_get(device, device->keeper, object, CKA_LABEL, label, sizeof(label), &label_len))
		return false;
	if (is_wrap_key(device, r->type, label, label_len))
		return false;
	r->verbs = verbs_of(device, object);
	r->nbits = modulus_nbits(device, object, r->type);
	put_label(r, label, label_len);
	if (!r->verbs || wants_a_person(device, object, r->label))
		return false;
	if (object_class == CKO_PRIVATE_KEY && !find_public(device, object, key_type, found))
		return false;
	put_copy(found, label, label_len);
	return true;
}

/* -- all of them -------------------------------------------------------------------------- */

void p11_forget_found(struct hufu_device *device)
{
	free(device->found);
	device->found = NULL;
	device->nfound = 0;
}

static int by_name(const void *a, const void *b)
{
	const struct hufu_resident *x = &((const struct p11_found *)a)->resident, *y = &((const struct p11_found *)b)->resident;
	size_t shorter = x->copy_len < y->copy_len ? x->copy_len : y->copy_len;
	int order = (int)x->type - (int)y->type;

	if (order == 0)
		order = memcmp(x->copy + NAME_AT, y->copy + NAME_AT, shorter - NAME_AT);
	return order ? order : (x->copy_len > y->copy_len) - (x->copy_len < y->copy_len);
}

/* Sorted: those that are alike stand side by side. */
static void drop_alike(struct hufu_device *device)
{
	size_t kept = 0;

	for (size_t i = 0; i < device->nfound;) {
		size_t next = i + 1;

		while (next < device->nfound && by_name(&device->found[i], &device->found[next]) == 0)
			next++;
		if (next == i + 1)
			device->found[kept++] = device->found[i];
		else
			device->host->log(HUFU_LOG_WARNING, device->name, "%zu keys have the same type, CKA_ID and label \"%s\": none of "
			                  "them can be named", next - i, device->found[i].resident.label);
		i = next;
	}
	device->nfound = kept;
}

static enum hufu_err add_class(struct hufu_lease *lease, CK_OBJECT_CLASS object_class)
{
	struct hufu_device *device = lease->device;
	struct p11_template t = {.n = 0};
	CK_OBJECT_HANDLE objects[FOUND_MAX];
	size_t n;

	p11_add_number(&t, CKA_CLASS, object_class);
	p11_add_flag(&t, CKA_TOKEN, true);
	enum hufu_err err = p11_answer(lease, p11_search(device, device->keeper, &t, objects, FOUND_MAX, &n));
	if (err != HUFU_OK)
		return err;
	if (n > FOUND_MAX)
		device->host->log(HUFU_LOG_WARNING, device->name, "of its keys %d are looked at", FOUND_MAX);
	for (size_t i = 0; i < n && i < FOUND_MAX; i++)
		if (look_at(device, object_class, objects[i], &device->found[device->nfound]))
			device->nfound++;
	return HUFU_OK;
}

static enum hufu_err look_for_all(struct hufu_lease *lease)
{
	struct hufu_device *device = lease->device;

	p11_forget_found(device);
	device->found = calloc(2 * FOUND_MAX, sizeof(*device->found));
	if (!device->found)
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = add_class(lease, CKO_PRIVATE_KEY);
	if (err == HUFU_OK)
		err = add_class(lease, CKO_SECRET_KEY);
	if (err != HUFU_OK)
		return err;
	qsort(device->found, device->nfound, sizeof(*device->found), by_name);
	drop_alike(device);
	return HUFU_OK;
}

static enum hufu_err give_locked(struct hufu_lease *lease, struct hufu_op *op, uint32_t nth)
{
	struct hufu_device *device = lease->device;
	enum hufu_err err = HUFU_OK;

	if (atomic_load(&device->connection) != lease->connection) {
		lease->lost = true;
		return HUFU_ERR_GONE;
	}
	if (nth == 0 || !device->found)
		err = look_for_all(lease);
	if (err != HUFU_OK)
		return err;
	if (nth >= device->nfound)
		return HUFU_ERR_NO_KEY;
	const struct p11_found *found = &device->found[nth];
	memcpy(op->out, &found->resident, op->out_len = sizeof(found->resident));
	memcpy(op->pub, found->pub, op->pub_len = found->pub_len);
	return HUFU_OK;
}

enum hufu_err p11_find(struct hufu_lease *lease, const struct p11_offer *offer, struct hufu_op *op)
{
	const struct hufu_param_find *param = op->param;

	(void)offer;
	if (!param || op->out_cap < sizeof(struct hufu_resident) || !op->pub)
		return HUFU_ERR_ARGUMENT;
	pthread_mutex_lock(&lease->device->lock);
	enum hufu_err err = give_locked(lease, op, param->nth);
	pthread_mutex_unlock(&lease->device->lock);
	return err;
}

/* -- by its copy ------------------------------------------------------------------------------ */

struct name {
	const uint8_t *print, *id, *label;
	size_t id_len, label_len;
};

static bool read_name(const struct hufu_key *key, struct name *name)
{
	struct reader r = reader_of(key->blob, key->blob_len);
	const uint8_t *start = read_bytes(&r, sizeof(magic));

	if (!start || memcmp(start, magic, sizeof(magic)) != 0 || read_u8(&r) != (uint8_t)key->type)
		return false;
	name->print = read_bytes(&r, PRINT_LEN);
	name->id_len = read_u8(&r);
	name->id = read_bytes(&r, name->id_len);
	name->label = r.p;
	name->label_len = r.left;
	return !r.bad && name->id_len <= HUFU_RESIDENT_ID_MAX;
}

/* Is it the key that was found under this name? One that shows no public half, the pool's proofs tell from others. */
static bool is_that_key(struct hufu_device *device, CK_OBJECT_HANDLE object, enum hufu_key_type type, CK_KEY_TYPE key_type,
                        const struct name *name)
{
	struct p11_found found = {.resident = {.type = type, .id_len = name->id_len}};
	uint8_t print[PRINT_LEN];

	memcpy(found.resident.id, name->id, name->id_len);
	if (!find_public(device, object, key_type, &found))
		return true;
	print_of(&found, print);
	if (memcmp(print, name->print, PRINT_LEN) == 0)
		return true;
	device->host->log(HUFU_LOG_ERROR, device->name, "key \"%.*s\" is not the one that was found under this label and CKA_ID: it is "
	                  "not used. Let hufu look for keys anew, or put the old one back", (int)name->label_len, (const char *)name->label);
	return false;
}

enum hufu_err p11_resident_locked(struct hufu_lease *lease, const struct hufu_key *key, CK_OBJECT_HANDLE *object)
{
	struct hufu_device *device = lease->device;
	struct p11_template t = {.n = 0};
	CK_OBJECT_CLASS object_class;
	CK_KEY_TYPE key_type;
	struct name name;
	size_t n;

	if (!read_name(key, &name) || !p11_key_kind(device, key->type, &object_class, &key_type))
		return HUFU_ERR_NO_KEY;
	p11_add_number(&t, CKA_CLASS, object_class);
	p11_add_number(&t, CKA_KEY_TYPE, key_type);
	p11_add_flag(&t, CKA_TOKEN, true);
	p11_add(&t, CKA_ID, name.id, name.id_len);
	p11_add(&t, CKA_LABEL, name.label, name.label_len);
	enum hufu_err err = p11_answer(lease, p11_search(device, device->keeper, &t, object, 1, &n));
	if (err != HUFU_OK)
		return err;
	if (n != 1 || (object_class == CKO_PRIVATE_KEY && !is_that_key(device, *object, key->type, key_type, &name)))
		return HUFU_ERR_NO_KEY;
	return HUFU_OK;
}
