/* SPDX-License-Identifier: Apache-2.0 */
/* hufu bench net, as it is shown. */
#ifndef BENCH_NET_H
#define BENCH_NET_H

#include "tools/tool.h"

#include <jansson.h>

/* Takes the document over: what hufu-lab measured, and "pkcs11". */
enum status net_report(const struct args *, json_t *doc) MUST_USE;

#endif
