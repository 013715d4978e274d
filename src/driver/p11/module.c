/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/p11/p11.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/conf.h"

static struct {
	pthread_mutex_t lock;       /* of the list; a module stays on it */
	struct p11_module *first;
	bool minds_forks;
} modules = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Whoever held a lock is not in the child; nor are the parent's devices, which are abandoned there. */
static void after_fork_child(void)
{
	pthread_mutex_init(&modules.lock, NULL);
	for (struct p11_module *module = modules.first; module; module = module->next) {
		pthread_mutex_init(&module->call_lock, NULL);
		pthread_mutex_init(&module->init_lock, NULL);
		module->users = 0;
	}
}

void p11_enter(struct p11_module *module)
{
	if (module->serial)
		pthread_mutex_lock(&module->call_lock);
}

CK_RV p11_leave(struct p11_module *module, CK_RV rv)
{
	if (module->serial)
		pthread_mutex_unlock(&module->call_lock);
	return rv;
}

/* -- loading ------------------------------------------------------------------------ */

/* Is this the shared object that we are in? */
static bool is_self(const struct stat *st)
{
	static const char here;
	Dl_info info;
	struct stat own;

	return dladdr(&here, &info) && info.dli_fname && stat(info.dli_fname, &own) == 0 && own.st_dev == st->st_dev &&
	       own.st_ino == st->st_ino;
}

/* All that this driver calls. */
static bool is_complete(const CK_FUNCTION_LIST *f)
{
	return f->C_Initialize && f->C_Finalize && f->C_GetInfo && f->C_GetSlotList && f->C_GetTokenInfo && f->C_GetMechanismList &&
	       f->C_GetMechanismInfo && f->C_OpenSession && f->C_CloseSession && f->C_GetSessionInfo && f->C_Login && f->C_Logout &&
	       f->C_CreateObject && f->C_DestroyObject && f->C_GetAttributeValue && f->C_FindObjectsInit && f->C_FindObjects &&
	       f->C_FindObjectsFinal && f->C_EncryptInit && f->C_Encrypt && f->C_DecryptInit && f->C_Decrypt && f->C_SignInit &&
	       f->C_Sign && f->C_VerifyInit && f->C_Verify && f->C_GenerateKey && f->C_GenerateKeyPair && f->C_WrapKey &&
	       f->C_UnwrapKey && f->C_GenerateRandom;
}

/* A module of 3.0 must have both; some have the newer entry alone. */
static CK_FUNCTION_LIST *functions_of(void *library)
{
	CK_RV (*get_list)(CK_FUNCTION_LIST **);
	CK_RV (*get_interface)(CK_UTF8CHAR *, CK_VERSION *, CK_INTERFACE **, CK_FLAGS);
	CK_FUNCTION_LIST *list = NULL;
	CK_INTERFACE *interface = NULL;
	CK_UTF8CHAR name[] = "PKCS 11";
	void *symbol = dlsym(library, "C_GetFunctionList");

	memcpy(&get_list, &symbol, sizeof(get_list)); /* ISO C has no cast from an object's pointer to a function's */
	if (symbol && get_list(&list) == CKR_OK && list)
		return list;
	symbol = dlsym(library, "C_GetInterface");
	memcpy(&get_interface, &symbol, sizeof(get_interface));
	if (symbol && get_interface(name, NULL, &interface, 0) == CKR_OK && interface)
		return interface->pFunctionList; /* lists of 3.x begin as those of 2.40 */
	return NULL;
}

/* RTLD_NODELETE: threads of a vendor's library, and thread-local destructors, outlive any dlclose. */
static CK_FUNCTION_LIST *load(const struct hufu_host *host, const char *device, const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

	if (!library) {
		host->log(HUFU_LOG_ERROR, device, "module %s cannot be loaded: %s. Check that it was built for this machine and that its "
		          "libraries are installed", path, dlerror());
		return NULL;
	}
	CK_FUNCTION_LIST *functions = functions_of(library);
	if (functions && functions->version.major >= 2 && is_complete(functions))
		return functions;
	host->log(HUFU_LOG_ERROR, device, "%s is no PKCS#11 module%s. Name the shared object that the vendor made for PKCS#11", path,
	          functions ? ", for functions that every module has are missing" : "");
	dlclose(library);
	return NULL;
}

/* -- initialising ----------------------------------------------------------------------- */

/* In a forked child a module must be initialised again (PKCS#11 3.1 5.4.1). */
static CK_RV initialise(struct p11_module *module)
{
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};

	if (module->pid == getpid())
		return CKR_OK;
	CK_RV rv = P11_CALL(module, C_Initialize, module->serial ? NULL : &args);
	module->ours = rv == CKR_OK;
	if (rv == CKR_CRYPTOKI_ALREADY_INITIALIZED) /* the application uses it, too: it is its to finalise */
		rv = CKR_OK;
	if (rv == CKR_OK)
		module->pid = getpid();
	return rv;
}

static void finalise(struct p11_module *module)
{
	if (module->ours && module->pid == getpid())
		(void)P11_CALL(module, C_Finalize, NULL);
	module->ours = false;
	module->pid = 0;
}

CK_RV p11_module_initialise_again(struct p11_module *module)
{
	CK_INFO info;

	pthread_mutex_lock(&module->init_lock);
	CK_RV rv = P11_CALL(module, C_GetInfo, &info);
	if (rv == CKR_CRYPTOKI_NOT_INITIALIZED) { /* nobody was faster */
		module->pid = 0;
		rv = initialise(module);
	}
	pthread_mutex_unlock(&module->init_lock);
	return rv;
}

/* Another copy of hufu would hold the same stores a second time. */
static bool is_hufu(struct p11_module *module)
{
	static const char name[] = "hufu                            ";
	CK_INFO info = {0};

	return P11_CALL(module, C_GetInfo, &info) == CKR_OK && memcmp(info.manufacturerID, name, sizeof(info.manufacturerID)) == 0;
}

static enum hufu_err start_locked(const struct hufu_host *host, const char *device, const char *path, struct p11_module *module)
{
	CK_RV rv = initialise(module);

	if (rv != CKR_OK) {
		host->log(HUFU_LOG_ERROR, device, "module %s does not initialise: it answers 0x%lx", path, rv);
		return HUFU_ERR_GONE;
	}
	if (module->users == 0 && is_hufu(module)) {
		host->log(HUFU_LOG_ERROR, device, "module %s is hufu itself. Name the module of a device", path);
		finalise(module);
		return HUFU_ERR_CONFIG;
	}
	module->users++;
	return HUFU_OK;
}

/* -- opening ------------------------------------------------------------------------------- */

static struct p11_module *known(const struct stat *st)
{
	struct p11_module *module = modules.first;

	while (module && (module->dev != st->st_dev || module->ino != st->st_ino))
		module = module->next;
	return module;
}

static enum hufu_err add(const struct hufu_host *host, const char *device, const char *path, const struct stat *st, bool serial,
                         struct p11_module **out)
{
	CK_FUNCTION_LIST *functions = load(host, device, path);

	if (!functions)
		return HUFU_ERR_CONFIG;
	struct p11_module *module = calloc(1, sizeof(*module));
	if (!module)
		return HUFU_ERR_NO_MEMORY;
	module->functions = functions;
	module->dev = st->st_dev;
	module->ino = st->st_ino;
	module->serial = serial;
	pthread_mutex_init(&module->call_lock, NULL);
	pthread_mutex_init(&module->init_lock, NULL);
	module->next = modules.first;
	modules.first = module;
	*out = module;
	return HUFU_OK;
}

static enum hufu_err check(const struct hufu_host *host, const char *device, const char *path, struct stat *st)
{
	char why[384];

	if (conf_check_file(path, why, sizeof(why)) != HUFU_OK)
		host->log(HUFU_LOG_ERROR, device, "module %s is not trusted: %s", path, why);
	else if (stat(path, st) != 0)
		host->log(HUFU_LOG_ERROR, device, "module %s is not there", path);
	else if (is_self(st))
		host->log(HUFU_LOG_ERROR, device, "module %s is hufu itself. Name the module of a device", path);
	else
		return HUFU_OK;
	return HUFU_ERR_CONFIG;
}

/* The one that is loaded already, or a new one. */
static enum hufu_err have(const struct hufu_host *host, const char *device, const char *path, bool serial, struct p11_module **out)
{
	struct stat st;
	enum hufu_err err = check(host, device, path, &st);

	if (err != HUFU_OK)
		return err;
	pthread_mutex_lock(&modules.lock);
	if (!modules.minds_forks)
		modules.minds_forks = pthread_atfork(NULL, NULL, after_fork_child) == 0;
	*out = known(&st);
	if (!*out)
		err = add(host, device, path, &st, serial, out);
	pthread_mutex_unlock(&modules.lock);
	return err;
}

enum hufu_err p11_module_open(const struct hufu_host *host, const char *device, const char *path, bool serial,
                              struct p11_module **out)
{
	struct p11_module *module;
	enum hufu_err err = have(host, device, path, serial, &module);

	if (err != HUFU_OK)
		return err;
	pthread_mutex_lock(&module->init_lock);
	if (module->users == 0) /* nobody calls it: what was said for devices that are closed is over */
		module->serial = serial;
	if (module->serial == serial) {
		err = start_locked(host, device, path, module);
	} else {
		host->log(HUFU_LOG_ERROR, device, "module %s is in use with the other locking: give all its devices the same", path);
		err = HUFU_ERR_CONFIG;
	}
	pthread_mutex_unlock(&module->init_lock);
	if (err == HUFU_OK)
		*out = module;
	return err;
}

void p11_module_close(struct p11_module *module)
{
	pthread_mutex_lock(&module->init_lock);
	if (--module->users == 0)
		finalise(module);
	pthread_mutex_unlock(&module->init_lock);
}
