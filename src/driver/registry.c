/* SPDX-License-Identifier: Apache-2.0 */
/* Names of drivers to drivers. */
#include "driver/driver.h"

#include "config.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#ifdef HUFU_FAULT_DRIVER
#include "driver/fault/fault.h"
#endif

static const struct hufu_driver *const built_in[] = {
	&driver_soft,
	&driver_sdf,
	&driver_p11,
	&driver_net,
#ifdef HUFU_FAULT_DRIVER
	&driver_fault,
	&driver_fault_soft,
	&driver_fault_hang,
#endif
};

#define NBUILT_IN (sizeof(built_in) / sizeof(built_in[0]))
#define REGISTERED_MAX 16

static struct {
	pthread_mutex_t lock;
	const struct hufu_driver *drivers[REGISTERED_MAX];
	size_t n;
} registered = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool complete(const struct hufu_driver *driver)
{
	return driver->name && driver->open && driver->close && driver->info && driver->probe && driver->lease && driver->release &&
	       driver->run;
}

/* The two members that stand in every ABI first: nothing beyond them is looked at before they agree. */
static bool acceptable(const char *what, const struct hufu_driver *driver, char *err, size_t err_len)
{
	if (driver->size < offsetof(struct hufu_driver, name) || driver->abi != HUFU_DRIVER_ABI) {
		snprintf(err, err_len,
		         "%s was built for driver ABI %u, this hufu has %u. Get the driver that fits hufu " PACKAGE_VERSION, what,
		         driver->size < offsetof(struct hufu_driver, name) ? 0 : driver->abi, HUFU_DRIVER_ABI);
		return false;
	}
	if (driver->size < sizeof(*driver)) {
		snprintf(err, err_len,
		         "%s describes itself in %zu bytes where driver ABI %u has %zu. Build it against the driver.h of that ABI",
		         what, driver->size, HUFU_DRIVER_ABI, sizeof(*driver));
		return false;
	}
	if (!complete(driver)) {
		snprintf(err, err_len, "%s leaves out a function that hufu/driver.h demands. Only cancel and forget may be NULL", what);
		return false;
	}
	return true;
}

/* RTLD_NODELETE: threads of a vendor's library, and thread-local destructors, outlive any dlclose. */
static const struct hufu_driver *load(const char *path, char *err, size_t err_len)
{
	char why[384];

	if (conf_check_file(path, why, sizeof(why)) != HUFU_OK) {
		snprintf(err, err_len, "driver %s is not trusted: %s", path, why);
		return NULL;
	}
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!library) {
		snprintf(err, err_len,
		         "driver %s cannot be loaded: %s. Check that it was built for this machine and that its libraries are "
		         "installed",
		         path, dlerror());
		return NULL;
	}
	hufu_driver_entry_fn entry;
	void *symbol = dlsym(library, HUFU_DRIVER_ENTRY);
	memcpy(&entry, &symbol, sizeof(entry)); /* ISO C has no cast from an object's pointer to a function's */
	const struct hufu_driver *driver = symbol ? entry() : NULL;
	if (!driver) {
		snprintf(err, err_len, "%s is no driver of hufu: %s. Name the shared object that its vendor made for hufu", path,
		         symbol ? HUFU_DRIVER_ENTRY " gave nothing" : "it has no " HUFU_DRIVER_ENTRY);
		dlclose(library);
		return NULL;
	}
	return acceptable(path, driver, err, err_len) ? driver : NULL;
}

static const struct hufu_driver *named(const char *name)
{
	const struct hufu_driver *found = NULL;

	for (size_t i = 0; i < NBUILT_IN; i++)
		if (strcmp(built_in[i]->name, name) == 0)
			return built_in[i];
	pthread_mutex_lock(&registered.lock);
	for (size_t i = 0; i < registered.n; i++)
		if (strcmp(registered.drivers[i]->name, name) == 0)
			found = registered.drivers[i];
	pthread_mutex_unlock(&registered.lock);
	return found;
}

const struct hufu_driver *driver_find(const char *name, char *err, size_t err_len)
{
	const struct hufu_driver *driver = named(name);

	if (!driver && name[0] == '/')
		return load(name, err, err_len);
	if (!driver)
		snprintf(err, err_len,
		         "this build of hufu has no driver \"%s\". Write soft, sdf, p11, net or the absolute path of a driver's .so%s", name,
		         strncmp(name, "fault", 5) == 0 ? "; configure --enable-fault-driver builds it in" : "");
	return driver;
}

enum hufu_err driver_register(const struct hufu_driver *driver)
{
	char why[256];
	enum hufu_err err = HUFU_OK;

	if (!acceptable("driver", driver, why, sizeof(why)))
		return HUFU_ERR_CONFIG;
	if (named(driver->name))
		return HUFU_ERR_EXISTS;
	pthread_mutex_lock(&registered.lock);
	if (registered.n < REGISTERED_MAX)
		registered.drivers[registered.n++] = driver;
	else
		err = HUFU_ERR_NO_MEMORY;
	pthread_mutex_unlock(&registered.lock);
	return err;
}
