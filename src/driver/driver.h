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

/* -- devices in processes of their own (isolation = process) ---------------------- */

/*
 * In place of the device's own driver: driver net, in the role host. software: the device's own is, as far as this process
 * can know without loading it.
 */
const struct hufu_driver *driver_hosted(bool software);
/* Where its host is, for open. */
struct driver_host_address {
	char address[128];         /* unix:/path */
	char server_uid[16];
};
/* HUFU_ERR_GONE: hufud hosts no such device here, or whoever does is not to be trusted with it; why says it. */
enum hufu_err driver_host_find(const struct conf_device *, struct driver_host_address *, char *why, size_t why_len) MUST_CHECK;
/* A view of both. */
struct hufu_conf driver_hosted_conf(const struct conf_device *, const struct driver_host_address *);

extern const struct hufu_driver driver_soft, driver_sdf, driver_p11, driver_net;

#endif
