/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The drivers at hand, and what this host lends them. The contract of a driver
 * itself: hufu/driver.h.
 */
#ifndef DRIVER_DRIVER_H
#define DRIVER_DRIVER_H

#include "base/conf.h"
#include "hufu/driver.h"

/*
 * By name: a built-in driver, one that driver_register added, or the absolute
 * path of a vendor's shared object (conf_check_file's rule; it is never
 * unloaded). NULL with a message in err: what was wrong and what to do.
 */
const struct hufu_driver *driver_find(const char *name, char *err, size_t err_len) MUST_CHECK;

/*
 * Adds a driver that this build has not: tests and the lab. It must outlive the
 * process's last pool; before threads start. HUFU_ERR_EXISTS: the name is taken.
 * HUFU_ERR_CONFIG: no driver of this ABI.
 */
enum hufu_err driver_register(const struct hufu_driver *) MUST_CHECK;

/* What every driver's open is given. */
const struct hufu_host *driver_host(void);

/* A device's section as a driver sees it; a view that lives as long as the section. */
struct hufu_conf driver_conf(const struct conf_device *);

extern const struct hufu_driver driver_soft, driver_sdf, driver_p11, driver_net;

#endif
