/* SPDX-License-Identifier: Apache-2.0 */
/* What GCM is with any block cipher: SP 800-38D, GB/T 36624. */
#ifndef DRIVER_SOFT_GCM_H
#define DRIVER_SOFT_GCM_H

#include "driver/soft/soft.h"

#define GCM_TEXT_MAX ((UINT64_C(1) << 36) - 32) /* bytes */

bool gcm_tag_len_allowed(size_t len);
/* HUFU_ERR_PARAM. */
enum hufu_err gcm_check_param(const struct hufu_param_gcm *) MUST_CHECK;

#endif
