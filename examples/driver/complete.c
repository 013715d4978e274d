/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver to start from: random numbers, SM4, SM2 signatures, and keys that
 * live outside the card as sealed copies. Put your card's calls in place of this
 * one's (card_); docs/DRIVERS.md goes through the contract.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hufu/driver.h>
#include <hufu/mechanisms.h>

#include "card.h"

struct hufu_device {
	const struct hufu_host *host;
	struct card *card;
	uint64_t connection; /* no two openings in a process have the same */
	uint8_t group[16];
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
	{.mechanism = CKM_HUFU_SM4_CBC, .verbs = VERB(ENCRYPT) | VERB(DECRYPT), .min_nbits = 128, .max_nbits = 128},
	{.mechanism = CKM_HUFU_SM2_KEY_PAIR_GEN, .verbs = VERB(GENERATE), .min_nbits = 256, .max_nbits = 256},
	{.mechanism = CKM_HUFU_SM2, .verbs = VERB(SIGN), .min_nbits = 256, .max_nbits = 256},
};

#define NCAPS (sizeof(caps) / sizeof(caps[0]))

/* The group decides what becomes of the op, and of the device. What nobody foresaw may have had an effect: LOST. */
static enum hufu_err err_of(enum card_status status)
{
	switch (status) {
	case CARD_OK:
		return HUFU_OK;
	case CARD_SESSIONS_USED_UP:
		return HUFU_ERR_BUSY;
	case CARD_WRONG_COPY:
		return HUFU_ERR_NO_KEY;
	case CARD_WRONG_VALUE:
		return HUFU_ERR_KEY_VALUE;
	case CARD_NO_MEMORY:
		return HUFU_ERR_NO_MEMORY;
	case CARD_FAILED:
		return HUFU_ERR_GONE;
	}
	return HUFU_ERR_LOST;
}

/* -- key->loaded ------------------------------------------------------------------ */

/*
 * A handle for each connection that used the key, the newest first. Those of
 * earlier ones ended with them; they stay in the list, since other threads may
 * be reading it, until EVICT, when none is.
 */
struct loaded {
	uint64_t connection;
	struct card_key *handle;
	struct loaded *next;
};

static struct card_key *find(const struct loaded *loaded, uint64_t connection)
{
	while (loaded && loaded->connection != connection)
		loaded = loaded->next;
	return loaded ? loaded->handle : NULL;
}

/* Another lease may have been faster: then its handle is used, and this one given back. */
static struct card_key *publish(struct hufu_lease *lease, struct hufu_key *key, struct loaded *mine)
{
	void *head = __atomic_load_n(&key->loaded, __ATOMIC_ACQUIRE);

	do {
		struct card_key *other = find(head, mine->connection);
		if (other) {
			card_unload(lease->session, mine->handle);
			free(mine);
			return other;
		}
		mine->next = head;
	} while (!__atomic_compare_exchange_n(&key->loaded, &head, mine, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
	return mine->handle;
}

static enum hufu_err load(struct hufu_lease *lease, struct hufu_key *key, enum hufu_key_type type, struct card_key **handle)
{
	enum card_kind kind = type == HUFU_KEY_SM4 ? CARD_SM4 : CARD_SM2;

	if (!key || key->size < sizeof(*key))
		return HUFU_ERR_ARGUMENT;
	if (key->type != type)
		return HUFU_ERR_KEY_TYPE;
	*handle = find(__atomic_load_n(&key->loaded, __ATOMIC_ACQUIRE), lease->device->connection);
	if (*handle)
		return HUFU_OK;
	if (key->copy_kind != HUFU_COPY_BLOB || !key->blob)
		return HUFU_ERR_NO_KEY;
	struct loaded *mine = calloc(1, sizeof(*mine));
	if (!mine)
		return HUFU_ERR_NO_MEMORY;
	mine->connection = lease->device->connection;
	enum hufu_err err = err_of(card_load(lease->session, kind, key->blob, key->blob_len, &mine->handle));
	if (err == HUFU_OK)
		*handle = publish(lease, key, mine);
	else
		free(mine);
	return err;
}

static void unload(struct hufu_lease *lease, struct hufu_key *key)
{
	struct loaded *next, *loaded = __atomic_exchange_n(&key->loaded, NULL, __ATOMIC_ACQ_REL);

	for (; loaded; loaded = next) {
		next = loaded->next;
		if (lease && loaded->connection == lease->device->connection)
			card_unload(lease->session, loaded->handle);
		free(loaded);
	}
}

static enum hufu_err evict(struct hufu_lease *lease, struct hufu_key *key)
{
	if (key)
		unload(lease, key);
	return HUFU_OK;
}

/* The card is gone, and all connections are closed. */
static void card_driver_forget(struct hufu_key *key)
{
	unload(NULL, key);
}

/* -- ops -------------------------------------------------------------------------- */

/* Before the card is asked: an op that has too little room has no effect, and says how much it takes. */
static enum hufu_err room(struct hufu_op *op, size_t len)
{
	op->out_len = len;
	return len <= op->out_cap ? HUFU_OK : HUFU_ERR_BUFFER;
}

static enum hufu_err random_bytes(struct hufu_lease *lease, struct hufu_op *op)
{
	op->out_len = op->out_cap;
	return err_of(card_random(lease->session, op->out, op->out_cap));
}

/* GENERATE and IMPORT. The card seals the key; the core keeps the copy, and gives it to any card of the domain. */
static enum hufu_err make(struct hufu_lease *lease, struct hufu_op *op)
{
	bool pair = op->new_type == HUFU_KEY_SM2_PRIVATE, import = op->verb == HUFU_VERB_IMPORT;
	uint8_t point[CARD_POINT_LEN];

	if (!pair && op->new_type != HUFU_KEY_SM4)
		return import ? HUFU_ERR_UNSUPPORTED : HUFU_ERR_KEY_TYPE;
	if (!import && op->mechanism != (pair ? CKM_HUFU_SM2_KEY_PAIR_GEN : CKM_HUFU_SM4_KEY_GEN))
		return HUFU_ERR_KEY_TYPE;
	if (import && op->in_len != (pair ? CARD_SM2_LEN : CARD_SM4_LEN))
		return HUFU_ERR_KEY_SIZE;
	enum hufu_err err = room(op, CARD_SEAL_LEN + (pair ? CARD_SM2_LEN : CARD_SM4_LEN));
	if (err == HUFU_OK)
		err = err_of(card_make(lease->session, pair ? CARD_SM2 : CARD_SM4, import ? op->in : NULL, op->out, point));
	if (err == HUFU_OK && pair && op->pub)
		memcpy(op->pub, point, op->pub_len = sizeof(point));
	return err;
}

/* The card takes so much at a time; CBC goes on from the last block of ciphertext. */
static enum hufu_err sm4(struct hufu_lease *lease, struct hufu_op *op)
{
	const struct hufu_param_iv *param = op->param;
	bool encrypt = op->verb == HUFU_VERB_ENCRYPT, cbc = op->mechanism == CKM_HUFU_SM4_CBC;
	struct card_key *handle;

	if (cbc && !param)
		return HUFU_ERR_PARAM;
	if (op->in_len % 16)
		return encrypt ? HUFU_ERR_DATA_LEN : HUFU_ERR_CIPHERTEXT_LEN;
	enum hufu_err err = room(op, op->in_len);
	if (err == HUFU_OK)
		err = load(lease, op->key, HUFU_KEY_SM4, &handle);
	const uint8_t *iv = cbc ? param->iv : NULL;
	for (size_t done = 0, n; err == HUFU_OK && done < op->in_len; done += n) {
		n = op->in_len - done < CARD_DATA_MAX ? op->in_len - done : CARD_DATA_MAX;
		err = err_of(card_sm4(lease->session, handle, encrypt, iv, op->in + done, n, op->out + done));
		iv = cbc ? (encrypt ? op->out : op->in) + done + n - 16 : NULL;
	}
	return err;
}

static enum hufu_err sign(struct hufu_lease *lease, struct hufu_op *op)
{
	struct card_key *handle;

	if (op->in_len != 32)
		return HUFU_ERR_DATA_LEN;
	enum hufu_err err = room(op, 64);
	if (err == HUFU_OK)
		err = load(lease, op->key, HUFU_KEY_SM2_PRIVATE, &handle);
	return err == HUFU_OK ? err_of(card_sign(lease->session, handle, op->in, op->out)) : err;
}

static bool is_offered(const struct hufu_op *op)
{
	for (size_t i = 0; i < NCAPS; i++)
		if (caps[i].mechanism == op->mechanism && (unsigned)op->verb < 32 && caps[i].verbs & 1u << op->verb)
			return true;
	return false;
}

static enum hufu_err run_one(struct hufu_lease *lease, struct hufu_op *op)
{
	if (!is_offered(op))
		return HUFU_ERR_UNSUPPORTED;
	if (op->verb == HUFU_VERB_EVICT)
		return evict(lease, op->key);
	if (op->phase != HUFU_PHASE_WHOLE || (op->in_len && !op->in))
		return HUFU_ERR_ARGUMENT;
	/* Nothing was sent yet. A card whose calls take a time limit is given what is left. */
	if (op->deadline_ns && lease->device->host->now_ns() >= op->deadline_ns)
		return HUFU_ERR_BUSY;
	if (op->verb == HUFU_VERB_RANDOM)
		return random_bytes(lease, op);
	if (op->verb == HUFU_VERB_GENERATE || op->verb == HUFU_VERB_IMPORT)
		return make(lease, op);
	return op->verb == HUFU_VERB_SIGN ? sign(lease, op) : sm4(lease, op);
}

static void card_driver_run(struct hufu_lease *lease, struct hufu_op *const *ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct hufu_op *op = ops[i];

		op->out_len = op->pub_len = op->state_out_len = 0;
		op->outcome = run_one(lease, op);
		if (op->outcome != HUFU_OK && op->outcome != HUFU_ERR_BUFFER)
			op->out_len = 0;
	}
}

/* -- sessions --------------------------------------------------------------------- */

static enum hufu_err card_driver_lease(struct hufu_device *device, uint64_t deadline_ns, struct hufu_lease **out)
{
	struct hufu_lease *lease = calloc(1, sizeof(*lease));

	(void)deadline_ns;
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

static void card_driver_release(struct hufu_lease *lease)
{
	card_end(lease->session);
	free(lease);
}

/* On the session that max_leases leaves over, so that a card all in use answers too. */
static enum hufu_err card_driver_probe(struct hufu_device *device, uint64_t deadline_ns)
{
	struct hufu_lease *lease;
	uint8_t byte;
	enum hufu_err err = card_driver_lease(device, deadline_ns, &lease);

	if (err != HUFU_OK)
		return err;
	err = err_of(card_random(lease->session, &byte, sizeof(byte)));
	card_driver_release(lease);
	return err;
}

/* -- the device ------------------------------------------------------------------- */

/* key_file = /path in the device's section: what the cards of a domain have in common. */
static enum hufu_err read_secret(const struct hufu_host *host, const struct hufu_conf *conf, uint8_t secret[CARD_SECRET_LEN])
{
	const char *path = conf->get(conf, "key_file");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	bool is_whole = fd >= 0 && read(fd, secret, CARD_SECRET_LEN) == CARD_SECRET_LEN;

	if (fd >= 0)
		close(fd);
	if (is_whole)
		return HUFU_OK;
	host->log(HUFU_LOG_ERROR, conf->name, "key_file = %s: no %d bytes can be read. Name a file of as many random bytes",
	          path ? path : "(not set)", CARD_SECRET_LEN);
	return HUFU_ERR_CONFIG;
}

static enum hufu_err connect_card(const struct hufu_conf *conf, struct hufu_device *device)
{
	uint8_t *secret = device->host->secret_alloc(CARD_SECRET_LEN);

	if (!secret)
		return HUFU_ERR_NO_MEMORY;
	enum hufu_err err = read_secret(device->host, conf, secret);
	if (err == HUFU_OK)
		err = err_of(card_connect(secret, &device->card));
	device->host->secret_free(secret);
	return err == HUFU_OK ? err_of(card_group(device->card, device->group)) : err;
}

static void card_driver_close(struct hufu_device *device, uint64_t deadline_ns)
{
	(void)deadline_ns;
	if (device->card)
		card_disconnect(device->card);
	free(device);
}

static enum hufu_err card_driver_open(const struct hufu_host *host, const struct hufu_conf *conf, uint64_t deadline_ns,
                                      struct hufu_device **out)
{
	static uint64_t connections;
	struct hufu_device *device = calloc(1, sizeof(*device));

	if (!device)
		return HUFU_ERR_NO_MEMORY;
	device->host = host;
	device->connection = __atomic_add_fetch(&connections, 1, __ATOMIC_RELAXED);
	enum hufu_err err = connect_card(conf, device);
	if (err != HUFU_OK) {
		card_driver_close(device, deadline_ns);
		return err;
	}
	host->log(HUFU_LOG_WARNING, conf->name, "the example's card is this process's memory: it protects no key");
	*out = device;
	return HUFU_OK;
}

static enum hufu_err card_driver_info(struct hufu_device *device, struct hufu_device_info *info)
{
	if (info->size < sizeof(*info))
		return HUFU_ERR_ARGUMENT;
	*info = (struct hufu_device_info){
		.size = sizeof(*info), .vendor = "Example", .model = "template", .serial = "0", .firmware = "1",
		.max_leases = CARD_SESSIONS - 1, .caps = caps, .ncaps = NCAPS,
	};
	memcpy(info->domain_id, device->group, sizeof(info->domain_id));
	return HUFU_OK;
}

/*
 * No flags: each is a promise, and a card's library may hang, and its connection
 * does not survive a fork. Where keys lie in this host's memory,
 * HUFU_DRIVER_SOFTWARE says so.
 */
static const struct hufu_driver card_driver = {
	.size = sizeof(card_driver),
	.abi = HUFU_DRIVER_ABI,
	.name = "example",
	.open = card_driver_open,
	.close = card_driver_close,
	.info = card_driver_info,
	.probe = card_driver_probe,
	.lease = card_driver_lease,
	.release = card_driver_release,
	.run = card_driver_run,
	.forget = card_driver_forget,
};

const struct hufu_driver *hufu_driver_entry(void);
const struct hufu_driver *hufu_driver_entry(void)
{
	return &card_driver;
}
