/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver for hufu to start from: one device that makes SM4 keys and encrypts
 * with them. The device is libcrypto here; where a comment says "device", put
 * the calls of your own. docs/DRIVERS.md explains the contract, <hufu/driver.h> is it.
 *
 *	make
 *	hufu driver qualify ./template.so
 *	device "card" { driver = "/usr/lib/hufu/template.so"  domain = "cards" }
 */
#include <hufu/driver.h>
#include <hufu/mechanisms.h>

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define BIT(verb) (1u << HUFU_VERB_##verb)
#define KEY_LEN 16

/* What hufu may ask for. A missing row is never asked. */
static const struct hufu_capability capabilities[] = {
	{.mechanism = 0, .verbs = BIT(RANDOM)},
	{.mechanism = 0, .verbs = BIT(IMPORT), .min_nbits = 128, .max_nbits = 128},
	{.mechanism = CKM_HUFU_SM4_KEY_GEN, .verbs = BIT(GENERATE), .min_nbits = 128, .max_nbits = 128},
	{.mechanism = CKM_HUFU_SM4_ECB, .verbs = BIT(ENCRYPT) | BIT(DECRYPT), .min_nbits = 128, .max_nbits = 128, .max_in = 1u << 20},
	{.mechanism = CKM_HUFU_SM4_CBC, .verbs = BIT(ENCRYPT) | BIT(DECRYPT), .min_nbits = 128, .max_nbits = 128, .max_in = 1u << 20},
};

struct hufu_device {
	const struct hufu_host *host;
	char serial[32];
};

/* A session on the device. One thread uses it at a time. */
struct hufu_lease {
	struct hufu_device *dev;
	EVP_CIPHER_CTX *cipher;
};

/* A key as the device has it: key->loaded. A real one would keep a handle here, and which connection it belongs to. */
struct loaded {
	uint8_t value[KEY_LEN];
};

static enum hufu_err card_open(const struct hufu_host *host, const struct hufu_conf *conf, uint64_t deadline_ns,
                               struct hufu_device **out)
{
	const char *serial = conf->get(conf, "serial"); /* a setting of our own, in the device's section */
	struct hufu_device *dev = calloc(1, sizeof *dev);

	(void)deadline_ns;
	if (!dev)
		return HUFU_ERR_NO_MEMORY;
	if (serial && strlen(serial) >= sizeof dev->serial) {
		host->log(HUFU_LOG_ERROR, conf->name, "serial = \"%s\" is too long. Shorten it", serial);
		free(dev);
		return HUFU_ERR_CONFIG;
	}
	/* Connect to the device. HUFU_ERR_GONE where it cannot be reached, HUFU_ERR_DENIED where it refuses us. */
	dev->host = host;
	strncpy(dev->serial, serial ? serial : "0", sizeof dev->serial - 1);
	*out = dev;
	return HUFU_OK;
}

static void card_close(struct hufu_device *dev, uint64_t deadline_ns)
{
	(void)deadline_ns;
	free(dev);
}

static enum hufu_err card_info(struct hufu_device *dev, struct hufu_device_info *info)
{
	memcpy(info->vendor, "Example", sizeof "Example");
	memcpy(info->model, "template", sizeof "template");
	memcpy(info->serial, dev->serial, sizeof dev->serial);
	info->max_leases = 0;
	info->caps = capabilities;
	info->ncaps = sizeof capabilities / sizeof *capabilities;
	return HUFU_OK;
}

static enum hufu_err card_probe(struct hufu_device *dev, uint64_t deadline_ns)
{
	(void)dev;
	(void)deadline_ns;
	return HUFU_OK; /* Ask the device something cheap. HUFU_ERR_GONE where it does not answer. */
}

static enum hufu_err card_lease(struct hufu_device *dev, uint64_t deadline_ns, struct hufu_lease **out)
{
	struct hufu_lease *lease = calloc(1, sizeof *lease);

	(void)deadline_ns;
	if (lease && !(lease->cipher = EVP_CIPHER_CTX_new())) {
		free(lease);
		lease = NULL;
	}
	if (!lease)
		return HUFU_ERR_NO_MEMORY;
	lease->dev = dev;
	*out = lease;
	return HUFU_OK;
}

static void card_release(struct hufu_lease *lease)
{
	EVP_CIPHER_CTX_free(lease->cipher);
	free(lease);
}

/* The copy of a key is what every device of the domain can open. A real one would be wrapped under a key that never leaves them. */
static enum hufu_err make_copy(struct hufu_op *op, const uint8_t *value, size_t len)
{
	if (op->new_type != HUFU_KEY_SM4)
		return HUFU_ERR_UNSUPPORTED;
	if (len != KEY_LEN)
		return HUFU_ERR_KEY_SIZE;
	if (op->out_cap < KEY_LEN)
		return HUFU_ERR_BUFFER;
	memcpy(op->out, value, KEY_LEN);
	op->out_len = KEY_LEN;
	op->copy_kind = HUFU_COPY_BLOB;
	return HUFU_OK;
}

static enum hufu_err generate(const struct hufu_host *host, struct hufu_op *op)
{
	uint8_t *value = host->secret_alloc(KEY_LEN);
	enum hufu_err err = value ? host->random(value, KEY_LEN) : HUFU_ERR_NO_MEMORY;

	if (!err)
		err = make_copy(op, value, KEY_LEN);
	host->secret_free(value);
	return err;
}

/* Several leases may load the same key at once: the first one's stays, the others free their own. */
static enum hufu_err load(const struct hufu_host *host, struct hufu_key *key, const struct loaded **out)
{
	struct loaded *there = __atomic_load_n(&key->loaded, __ATOMIC_ACQUIRE), *mine;
	void *none = NULL;

	*out = there;
	if (there)
		return HUFU_OK;
	if (key->type != HUFU_KEY_SM4 || key->blob_len != KEY_LEN)
		return HUFU_ERR_NO_KEY; /* no copy that this device could open */
	if (!(mine = host->secret_alloc(sizeof *mine)))
		return HUFU_ERR_NO_MEMORY;
	memcpy(mine->value, key->blob, KEY_LEN);
	if (!__atomic_compare_exchange_n(&key->loaded, &none, mine, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		host->secret_free(mine);
		mine = none;
	}
	*out = mine;
	return HUFU_OK;
}

static enum hufu_err encrypt(struct hufu_lease *lease, struct hufu_op *op)
{
	bool ecb = op->mechanism == CKM_HUFU_SM4_ECB, encrypts = op->verb == HUFU_VERB_ENCRYPT;
	const struct hufu_param_iv *param = op->param;
	const struct loaded *key;
	int len;

	if ((!ecb && op->mechanism != CKM_HUFU_SM4_CBC) || op->phase != HUFU_PHASE_WHOLE)
		return HUFU_ERR_UNSUPPORTED;
	if (op->in_len % KEY_LEN || op->in_len > 1u << 20)
		return encrypts ? HUFU_ERR_DATA_LEN : HUFU_ERR_CIPHERTEXT_LEN;
	if (op->out_cap < op->in_len)
		return HUFU_ERR_BUFFER;
	enum hufu_err err = load(lease->dev->host, op->key, &key);
	if (err)
		return err;
	/* The device. Where the answer did not come HUFU_ERR_LOST, where it cannot be right HUFU_ERR_CORRUPT. */
	if (EVP_CipherInit_ex(lease->cipher, ecb ? EVP_sm4_ecb() : EVP_sm4_cbc(), NULL, key->value, ecb ? NULL : param->iv, encrypts) != 1 ||
	    EVP_CIPHER_CTX_set_padding(lease->cipher, 0) != 1 ||
	    EVP_CipherUpdate(lease->cipher, op->out, &len, op->in, (int)op->in_len) != 1 || (size_t)len != op->in_len)
		return HUFU_ERR_LOST;
	op->out_len = op->in_len;
	return HUFU_OK;
}

static enum hufu_err draw(const struct hufu_host *host, struct hufu_op *op)
{
	op->out_len = op->out_cap;
	return host->random(op->out, op->out_cap); /* The device's generator. */
}

static void evict(const struct hufu_host *host, struct hufu_key *key)
{
	host->secret_free(__atomic_exchange_n(&key->loaded, NULL, __ATOMIC_ACQ_REL));
}

static enum hufu_err run_one(struct hufu_lease *lease, struct hufu_op *op)
{
	const struct hufu_host *host = lease->dev->host;

	if (op->verb == HUFU_VERB_EVICT)
		return evict(host, op->key), HUFU_OK;
	if (op->deadline_ns && host->now_ns() >= op->deadline_ns)
		return HUFU_ERR_BUSY; /* nothing was done: it may go elsewhere */
	switch ((int)op->verb) {
	case HUFU_VERB_RANDOM:
		return draw(host, op);
	case HUFU_VERB_GENERATE:
		return op->mechanism == CKM_HUFU_SM4_KEY_GEN ? generate(host, op) : HUFU_ERR_UNSUPPORTED;
	case HUFU_VERB_IMPORT:
		return make_copy(op, op->in, op->in_len);
	case HUFU_VERB_ENCRYPT:
	case HUFU_VERB_DECRYPT:
		return encrypt(lease, op);
	default:
		return HUFU_ERR_UNSUPPORTED;
	}
}

static void card_run(struct hufu_lease *lease, struct hufu_op *const *ops, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ops[i]->outcome = run_one(lease, ops[i]);
}

/* libcrypto returns in no time. A device that may hang leaves out the first flag, one that keeps its keys the second. */
static const struct hufu_driver driver = {
	.size = sizeof driver,
	.abi = HUFU_DRIVER_ABI,
	.name = "template",
	.flags = HUFU_DRIVER_RETURNS_BY_DEADLINE | HUFU_DRIVER_SOFTWARE,
	.open = card_open,
	.close = card_close,
	.info = card_info,
	.probe = card_probe,
	.lease = card_lease,
	.release = card_release,
	.run = card_run,
};

__attribute__((visibility("default"))) const struct hufu_driver *hufu_driver_entry(void);

const struct hufu_driver *hufu_driver_entry(void)
{
	return &driver;
}
