/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SDF_AGREE_H
#define SDF_AGREE_H

struct agreement;

/* NULL is ignored. The ephemeral key is the core session's, and goes with it or with key_end. */
void agreement_free(struct agreement *);

#endif
