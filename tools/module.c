/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/module.h"
#include "tools/report.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static enum status load_error(const char *path)
{
	const char *why = dlerror();

	return fail(ST_NOT_FOUND, "Name a PKCS#11 module with --module PATH.", "cannot load the module %s: %s", path,
	            why ? why : "unknown error");
}

/* ISO C has no cast from an object to a function pointer; dlsym's manual does it this way. */
static void symbol(void *library, const char *name, void *function)
{
	void *p = dlsym(library, name);

	memcpy(function, &p, sizeof p);
}

/*
 * The default interface of 3.0 (5.5 of PKCS#11 3.1: NULL name, NULL version)
 * if the module has one; it begins with the functions of 2.40.
 */
static CK_FUNCTION_LIST *function_list(void *library)
{
	CK_RV (*get_interface)(CK_UTF8CHAR *, CK_VERSION *, CK_INTERFACE **, CK_FLAGS);
	CK_RV (*get_list)(CK_FUNCTION_LIST **);
	CK_INTERFACE *interface = NULL;
	CK_FUNCTION_LIST *list = NULL;

	symbol(library, "C_GetInterface", &get_interface);
	if (get_interface && get_interface(NULL, NULL, &interface, 0) == CKR_OK && interface && interface->pInterfaceName &&
	    !strcmp((const char *)interface->pInterfaceName, "PKCS 11"))
		return interface->pFunctionList;
	symbol(library, "C_GetFunctionList", &get_list);
	if (get_list && get_list(&list) == CKR_OK)
		return list;
	return NULL;
}

enum status module_load(const char *path, struct module *m)
{
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};

	*m = (struct module){0};
	if (!path)
		path = HUFU_MODULE_PATH;
	m->path = strdup(path);
	if (!m->path)
		return fail_memory();
	/* Never unloaded: modules leave threads and exit handlers behind. */
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!library)
		return load_error(path);
	CK_FUNCTION_LIST *f = function_list(library);
	if (!f)
		return fail(ST_NOT_FOUND, "Name a PKCS#11 module with --module PATH.",
		            "%s is no PKCS#11 module: it has no C_GetFunctionList", path);
	CK_RV rv = f->C_Initialize(&args);
	if (rv != CKR_OK)
		return fail_rv(rv, "initialising the module %s", path);
	m->f = f;
	m->interface = f->version;
	rv = f->C_GetInfo(&m->info);
	return rv == CKR_OK ? ST_OK : fail_rv(rv, "asking the module %s for its name", path);
}

enum status module_open(const struct args *args, struct module *m)
{
	return module_load(arg_get(args, "module"), m);
}

void module_close(struct module *m)
{
	if (m->f)
		m->f->C_Finalize(NULL);
	free(m->path);
	*m = (struct module){0};
}

static enum status slot_ids(const struct module *m, CK_SLOT_ID **ids, CK_ULONG *n)
{
	CK_RV rv;

	*ids = NULL;
	*n = 0;
	/* The list may grow between the question and the answer. */
	do {
		rv = m->f->C_GetSlotList(CK_FALSE, NULL, n);
		if (rv != CKR_OK)
			break;
		CK_SLOT_ID *more = reallocarray(*ids, *n + 1, sizeof **ids);
		if (!more) {
			free(*ids);
			*ids = NULL;
			return fail_memory();
		}
		*ids = more;
		rv = m->f->C_GetSlotList(CK_FALSE, *ids, n);
	} while (rv == CKR_BUFFER_TOO_SMALL);
	if (rv == CKR_OK)
		return ST_OK;
	free(*ids);
	*ids = NULL;
	return fail_rv(rv, "listing the slots of %s", m->path);
}

enum status module_slots(const struct module *m, struct slot **slots, CK_ULONG *n)
{
	CK_SLOT_ID *ids;
	enum status status = slot_ids(m, &ids, n);

	*slots = NULL;
	if (status)
		return status;
	*slots = calloc(*n + 1, sizeof **slots);
	for (CK_ULONG i = 0; *slots && i < *n; i++) {
		struct slot *slot = &(*slots)[i];
		slot->id = ids[i];
		CK_RV rv = m->f->C_GetSlotInfo(ids[i], &slot->info);
		if (rv != CKR_OK)
			note("slot 0x%lx says nothing of itself (CKR 0x%lx)", ids[i], rv);
		slot->present = rv == CKR_OK && (slot->info.flags & CKF_TOKEN_PRESENT) &&
		                m->f->C_GetTokenInfo(ids[i], &slot->token) == CKR_OK;
	}
	free(ids);
	return *slots ? ST_OK : fail_memory();
}

bool module_offers(const struct module *m, CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_FLAGS use)
{
	CK_MECHANISM_INFO info;

	return m->f->C_GetMechanismInfo(slot, type, &info) == CKR_OK && (info.flags & use) == use;
}
