/* SPDX-License-Identifier: Apache-2.0 */
/* A vendor's shared object, as test_registry loads it; SAMPLE says what is wrong with it. */
#include "hufu/driver.h"

#define SAMPLE_GOOD 0
#define SAMPLE_OLD 1
#define SAMPLE_SHORT 2
#define SAMPLE_INCOMPLETE 3
#define SAMPLE_NOTHING 4
#define SAMPLE_NO_ENTRY 5

static enum hufu_err sample_open(const struct hufu_host *host, const struct hufu_conf *conf, uint64_t deadline_ns,
                                 struct hufu_device **dev)
{
	(void)host;
	(void)conf;
	(void)deadline_ns;
	(void)dev;
	return HUFU_ERR_GONE;
}

static void sample_close(struct hufu_device *dev, uint64_t deadline_ns)
{
	(void)dev;
	(void)deadline_ns;
}

static enum hufu_err sample_info(struct hufu_device *dev, struct hufu_device_info *info)
{
	(void)dev;
	(void)info;
	return HUFU_ERR_GONE;
}

static enum hufu_err sample_probe(struct hufu_device *dev, uint64_t deadline_ns)
{
	(void)dev;
	(void)deadline_ns;
	return HUFU_ERR_GONE;
}

static enum hufu_err sample_lease(struct hufu_device *dev, uint64_t deadline_ns, struct hufu_lease **lease)
{
	(void)dev;
	(void)deadline_ns;
	(void)lease;
	return HUFU_ERR_GONE;
}

static void sample_release(struct hufu_lease *lease)
{
	(void)lease;
}

static void sample_run(struct hufu_lease *lease, struct hufu_op *const *ops, size_t n)
{
	(void)lease;
	(void)ops;
	(void)n;
}

static const struct hufu_driver sample = {
	.size = SAMPLE == SAMPLE_SHORT ? sizeof(sample) - sizeof(void *) : sizeof(sample),
	.abi = SAMPLE == SAMPLE_OLD ? HUFU_DRIVER_ABI + 1 : HUFU_DRIVER_ABI,
	.name = "sample",
	.flags = HUFU_DRIVER_RETURNS_BY_DEADLINE,
	.open = sample_open,
	.close = sample_close,
	.info = sample_info,
	.probe = sample_probe,
	.lease = sample_lease,
	.release = sample_release,
	.run = SAMPLE == SAMPLE_INCOMPLETE ? 0 : sample_run,
};

#if SAMPLE == SAMPLE_NO_ENTRY
#define ENTRY another_name
#else
#define ENTRY hufu_driver_entry
#endif
__attribute__((visibility("default"))) const struct hufu_driver *ENTRY(void);
const struct hufu_driver *ENTRY(void)
{
	return SAMPLE == SAMPLE_NOTHING ? 0 : &sample;
}
