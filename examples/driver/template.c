/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least that is a driver: random numbers, and SM4 keys that live outside the
 * card as sealed copies. Put your card's calls in place of this one's (card_). A
 * key is loaded for each op, which is simple and right; complete.c keeps keys
 * loaded, and makes and uses SM2 pairs. docs/DRIVERS.md goes through the contract.
 */
#include <stdio.h>
#include <stdlib.h>

#include <hufu/driver.h>
#include <hufu/mechanisms.h>

#include "card.h"

struct hufu_device {
	const struct hufu_host *host;
	struct card *card;
};

struct hufu_lease {
	struct hufu_device *device;
	struct card_session *session;
};

#define VERB(name) (1u << HUFU_VERB_##name)

static const struct hufu_capability caps[] = {
	{.verbs = VERB(RANDOM) | VERB(IMPORT) | VERB(EVICT)},
	{.mechanism = CKM_HUFU_SM4_KEY_GEN, .verbs = VERB(GENERATE), .min_nbits = 128, .max_nbits = 128},
	{.mechanism = CKM_HUFU_SM4_ECB, .verbs = VERB(ENCRYPT) | VERB(DECRYPT), .min_nbits = 128, .max_nbits = 128},
};

/* The group of an error decides what becomes of the op and of the device. What nobody foresaw may have had an effect: LOST. */
static enum hufu_err err_of(enum card_status status)
{
	static const enum hufu_err errs[] = {
		[CARD_OK] = HUFU_OK, [CARD_SESSIONS_USED_UP] = HUFU_ERR_BUSY, [CARD_WRONG_COPY] = HUFU_ERR_NO_KEY,
		[CARD_WRONG_VALUE] = HUFU_ERR_KEY_VALUE, [CARD_NO_MEMORY] = HUFU_ERR_NO_MEMORY, [CARD_FAILED] = HUFU_ERR_GONE,
	};

	return (size_t)status < sizeof(errs) / sizeof(errs[0]) ? errs[status] : HUFU_ERR_LOST;
}

/* -- ops -------------------------------------------------------------------------- */

/* GENERATE and IMPORT. The card seals the key; the core keeps the copy, and gives it to any card of the domain. */
static enum hufu_err make(struct hufu_lease *lease, struct hufu_op *op)
{
	const uint8_t *value = op->verb == HUFU_VERB_IMPORT ? op->in : NULL;
	uint8_t no_point[CARD_POINT_LEN];

	if (op->new_type != HUFU_KEY_SM4)
		return HUFU_ERR_UNSUPPORTED;
	if (value && op->in_len != CARD_SM4_LEN)
		return HUFU_ERR_KEY_SIZE;
	op->out_len = CARD_SEAL_LEN + CARD_SM4_LEN;
	if (op->out_cap < op->out_len)
		return HUFU_ERR_BUFFER;
	return err_of(card_make(lease->session, CARD_SM4, value, op->out, no_point));
}

static enum hufu_err crypt(struct hufu_lease *lease, struct hufu_op *op)
{
	bool encrypt = op->verb == HUFU_VERB_ENCRYPT;
	struct card_key *handle;

	if (op->key->type != HUFU_KEY_SM4 || op->key->copy_kind != HUFU_COPY_BLOB)
		return HUFU_ERR_NO_KEY;
	if (op->in_len % 16)
		return encrypt ? HUFU_ERR_DATA_LEN : HUFU_ERR_CIPHERTEXT_LEN;
	op->out_len = op->in_len;
	if (op->out_cap < op->out_len)
		return HUFU_ERR_BUFFER;
	enum hufu_err err = err_of(card_load(lease->session, CARD_SM4, op->key->blob, op->key->blob_len, &handle));
	if (err != HUFU_OK)
		return err;
	for (size_t done = 0, n; err == HUFU_OK && done < op->in_len; done += n) {
		n = op->in_len - done < CARD_DATA_MAX ? op->in_len - done : CARD_DATA_MAX;
		err = err_of(card_sm4(lease->session, handle, encrypt, NULL, op->in + done, n, op->out + done));
	}
	card_unload(lease->session, handle);
	return err;
}

static enum hufu_err run_one(struct hufu_lease *lease, struct hufu_op *op)
{
	switch (op->verb) {
	case HUFU_VERB_RANDOM:
		op->out_len = op->out_cap;
		return err_of(card_random(lease->session, op->out, op->out_cap));
	case HUFU_VERB_GENERATE:
	case HUFU_VERB_IMPORT:
		return make(lease, op);
	case HUFU_VERB_ENCRYPT:
	case HUFU_VERB_DECRYPT:
		return op->mechanism == CKM_HUFU_SM4_ECB && op->phase == HUFU_PHASE_WHOLE ? crypt(lease, op) : HUFU_ERR_UNSUPPORTED;
	case HUFU_VERB_EVICT:
		return HUFU_OK; /* nothing is kept in key->loaded */
	default:
		return HUFU_ERR_UNSUPPORTED;
	}
}

static void run(struct hufu_lease *lease, struct hufu_op *const *ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct hufu_op *op = ops[i];
		bool late = op->deadline_ns && lease->device->host->now_ns() >= op->deadline_ns;

		op->out_len = op->pub_len = op->state_out_len = 0;
		op->outcome = late && op->verb != HUFU_VERB_EVICT ? HUFU_ERR_BUSY : run_one(lease, op);
		if (op->outcome != HUFU_OK && op->outcome != HUFU_ERR_BUFFER)
			op->out_len = 0;
	}
}

/* -- sessions and the device -------------------------------------------------------- */

static enum hufu_err lease(struct hufu_device *device, uint64_t deadline_ns, struct hufu_lease **out)
{
	struct hufu_lease *lease = calloc(1, sizeof(*lease));

	(void)deadline_ns; /* of a card whose calls take a time limit */
	if (!lease)
		return HUFU_ERR_NO_MEMORY;
	lease->device = device;
	enum hufu_err err = err_of(card_begin(device->card, &lease->session));
	if (err == HUFU_OK)
		*out = lease;
	else
		free(lease);
	return err;
}

static void release(struct hufu_lease *lease)
{
	card_end(lease->session);
	free(lease);
}

static enum hufu_err probe(struct hufu_device *device, uint64_t deadline_ns)
{
	struct hufu_lease *one;
	enum hufu_err err = lease(device, deadline_ns, &one);

	if (err == HUFU_OK)
		release(one);
	return err;
}

static void close_device(struct hufu_device *device, uint64_t deadline_ns)
{
	(void)deadline_ns;
	if (device->card)
		card_disconnect(device->card);
	free(device);
}

/* key_file = /path in the device's section: what the cards of a domain have in common. */
static enum hufu_err open_device(const struct hufu_host *host, const struct hufu_conf *conf, uint64_t deadline_ns,
                                 struct hufu_device **out)
{
	const char *path = conf->get(conf, "key_file");
	uint8_t *secret = host->secret_alloc(CARD_SECRET_LEN);
	struct hufu_device *device = calloc(1, sizeof(*device));
	FILE *file = path ? fopen(path, "re") : NULL;
	enum hufu_err err = !secret || !device ? HUFU_ERR_NO_MEMORY : HUFU_OK;

	if (file)
		setbuf(file, NULL); /* no second copy of the secret in stdio's memory */
	if (err == HUFU_OK && (!file || fread(secret, CARD_SECRET_LEN, 1, file) != 1)) {
		host->log(HUFU_LOG_ERROR, conf->name, "key_file = %s cannot be read. Name a file of %d random bytes",
		          path ? path : "(not set)", CARD_SECRET_LEN);
		err = HUFU_ERR_CONFIG;
	}
	if (file)
		fclose(file);
	if (err == HUFU_OK)
		err = err_of(card_connect(secret, &device->card));
	host->secret_free(secret);
	if (err == HUFU_OK) {
		device->host = host;
		*out = device;
	} else if (device) {
		close_device(device, deadline_ns);
	}
	return err;
}

static enum hufu_err info(struct hufu_device *device, struct hufu_device_info *info)
{
	if (info->size < sizeof(*info))
		return HUFU_ERR_ARGUMENT;
	*info = (struct hufu_device_info){
		.size = sizeof(*info), .vendor = "Example", .model = "template", .serial = "0", .firmware = "1",
		.max_leases = CARD_SESSIONS - 1, .caps = caps, .ncaps = sizeof(caps) / sizeof(caps[0]),
	};
	return card_group(device->card, info->domain_id) == CARD_OK ? HUFU_OK : HUFU_ERR_GONE;
}

/* No flags: each is a promise, and a card's library may hang, and its connection does not survive a fork. */
static const struct hufu_driver driver = {
	.size = sizeof(driver), .abi = HUFU_DRIVER_ABI, .name = "template", .open = open_device, .close = close_device,
	.info = info, .probe = probe, .lease = lease, .release = release, .run = run,
};

const struct hufu_driver *hufu_driver_entry(void);
const struct hufu_driver *hufu_driver_entry(void)
{
	return &driver;
}
