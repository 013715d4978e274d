/* SPDX-License-Identifier: Apache-2.0 */
/* Health tests of an entropy source over 8-bit samples, GM/T 0105-2021. */
#include <string.h>

#include "sm/drbg.h"

#define RCT_CUTOFF 41  /* equal samples in a row */
#define APT_WINDOW 512
#define APT_CUTOFF 410 /* of a window's samples that equal its first */

void drbg_health_init(struct drbg_health *h)
{
	memset(h, 0, sizeof(*h));
}

/* The first sample counts one whether or not it equals the zero of a fresh state. */
static bool repetition_ok(struct drbg_health *h, uint8_t sample)
{
	if (sample == h->rct_sample) {
		h->rct_count++;
	} else {
		h->rct_sample = sample;
		h->rct_count = 1;
	}
	return h->rct_count < RCT_CUTOFF;
}

static bool proportion_ok(struct drbg_health *h, uint8_t sample)
{
	if (!h->started || h->apt_seen == APT_WINDOW) {
		h->apt_sample = sample;
		h->apt_count = h->apt_seen = 0;
	}
	h->apt_seen++;
	if (sample == h->apt_sample)
		h->apt_count++;
	return h->apt_count < APT_CUTOFF;
}

bool drbg_health_feed(struct drbg_health *h, const uint8_t *samples, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!repetition_ok(h, samples[i]) || !proportion_ok(h, samples[i]))
			h->failed = true;
		h->started = true;
	}
	return !h->failed;
}
