/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For ossl-gateway.sh: programs that end, and let go of things, in every order that libcrypto allows. Exit code 0 when the key
 * signed wherever it should, whatever was let go of first; a crash at the end is the scenario's to see.
 *
 *	exit_orders ORDER URI MODULE
 *
 * OPENSSL_CONF names the provider; MODULE is hufu's PKCS#11 module.
 */
#include <dlfcn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hufu/pkcs11.h"

static const char *uri, *module;

static void need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "exit_orders: %s\n", what);
	ERR_print_errors_fp(stderr);
	_exit(1);
}

static EVP_PKEY *key_in(OSSL_LIB_CTX *context)
{
	OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, context, NULL, NULL, NULL, NULL, NULL, NULL);
	OSSL_STORE_INFO *info = NULL;

	need(store && OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY), "the URI");
	while (!info && !OSSL_STORE_eof(store))
		info = OSSL_STORE_load(store);
	need(info != NULL, "the key");
	EVP_PKEY *key = OSSL_STORE_INFO_get1_PKEY(info);
	OSSL_STORE_INFO_free(info);
	OSSL_STORE_close(store);
	return key;
}

static void sign_in(OSSL_LIB_CTX *context, EVP_PKEY *key)
{
	unsigned char signature[1024];
	size_t len = sizeof signature;
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	need(EVP_DigestSignInit_ex(md, NULL, "SHA256", context, NULL, key, NULL) == 1 &&
	     EVP_DigestSign(md, signature, &len, (const unsigned char *)"tally", 5) == 1, "to sign");
	EVP_MD_CTX_free(md);
}

static OSSL_LIB_CTX *context_new(OSSL_PROVIDER **base, OSSL_PROVIDER **hufu)
{
	OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();

	*base = OSSL_PROVIDER_load(context, "default");
	*hufu = OSSL_PROVIDER_load(context, "hufu");
	need(*base && *hufu, "the providers");
	return context;
}

/* -- orders --------------------------------------------------------------------------------- */

static void key_after_unload(void)
{
	OSSL_PROVIDER *base, *hufu;
	OSSL_LIB_CTX *context = context_new(&base, &hufu);
	EVP_PKEY *key = key_in(context);

	sign_in(context, key);
	need(OSSL_PROVIDER_unload(hufu) == 1, "to unload");
	EVP_PKEY_free(key);
	OSSL_PROVIDER_unload(base);
	OSSL_LIB_CTX_free(context);
}

/* Nothing is freed: atexit does what it does. */
static void nothing_freed(void)
{
	sign_in(NULL, key_in(NULL));
}

static void explicit_cleanup(void)
{
	EVP_PKEY *key = key_in(NULL);

	sign_in(NULL, key);
	EVP_PKEY_free(key);
	OPENSSL_cleanup();
}

static void cleanup_with_key(void)
{
	sign_in(NULL, key_in(NULL));
	OPENSSL_cleanup();
}

static EVP_PKEY *kept;

static void free_kept(void)
{
	EVP_PKEY_free(kept);
}

/* atexit runs the last registered first: this one before libcrypto's own, which was registered by the key. */
static void freed_at_exit(void)
{
	kept = key_in(NULL);
	sign_in(NULL, kept);
	need(atexit(free_kept) == 0, "atexit");
}

static void *sign_often(void *context)
{
	EVP_PKEY *key = key_in(context);

	for (int i = 0; i < 20; i++)
		sign_in(context, key);
	EVP_PKEY_free(key);
	return NULL;
}

/* Freed in the order in which they came, while their keys and those of the default context live. */
static void several_contexts(void)
{
	enum { N = 3 };
	OSSL_LIB_CTX *contexts[N];
	OSSL_PROVIDER *base[N], *hufu[N];
	pthread_t threads[N];
	EVP_PKEY *key = key_in(NULL);

	for (int i = 0; i < N; i++) {
		contexts[i] = context_new(&base[i], &hufu[i]);
		need(pthread_create(&threads[i], NULL, sign_often, contexts[i]) == 0, "a thread");
	}
	for (int i = 0; i < N; i++) {
		pthread_join(threads[i], NULL);
		OSSL_PROVIDER_unload(hufu[i]);
		OSSL_PROVIDER_unload(base[i]);
		OSSL_LIB_CTX_free(contexts[i]);
		sign_in(NULL, key);
	}
	EVP_PKEY_free(key);
}

static void again_and_again(void)
{
	for (int i = 0; i < 10; i++)
		key_after_unload();
}

/* -- with hufu's PKCS#11 module in the same process -------------------------------------------- */

static CK_FUNCTION_LIST *module_begin(void)
{
	void *library = dlopen(module, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;
	CK_FUNCTION_LIST *f = NULL;

	need(get && get(&f) == CKR_OK && f->C_Initialize(NULL) == CKR_OK, "the module");
	return f;
}

static void module_works(CK_FUNCTION_LIST *f)
{
	CK_SLOT_ID slots[8];
	CK_ULONG n = 8;
	CK_SESSION_HANDLE session;
	CK_MECHANISM digest = {CKM_SHA256, NULL, 0};
	CK_BYTE data[] = "tally", out[32];
	CK_ULONG len = sizeof out;

	need(f->C_GetSlotList(CK_TRUE, slots, &n) == CKR_OK && n > 0 &&
	     f->C_OpenSession(slots[0], CKF_SERIAL_SESSION, NULL, NULL, &session) == CKR_OK &&
	     f->C_GenerateRandom(session, out, sizeof out) == CKR_OK && f->C_DigestInit(session, &digest) == CKR_OK &&
	     f->C_Digest(session, data, sizeof data, out, &len) == CKR_OK && f->C_CloseSession(session) == CKR_OK, "the module at work");
}

static void module_beside(void)
{
	EVP_PKEY *key = key_in(NULL);
	CK_FUNCTION_LIST *f = module_begin();

	sign_in(NULL, key);
	module_works(f);
	sign_in(NULL, key);
	need(f->C_Finalize(NULL) == CKR_OK, "to finalize");
	sign_in(NULL, key);
	EVP_PKEY_free(key);
}

static void module_outlives(void)
{
	CK_FUNCTION_LIST *f = module_begin();

	module_works(f);
	key_after_unload();
	module_works(f);
}

static void module_alone(void)
{
	CK_FUNCTION_LIST *f = module_begin();

	module_works(f);
	need(f->C_Finalize(NULL) == CKR_OK, "to finalize");
}

/* -- processes ------------------------------------------------------------------------------------- */

static void child(void (*in_child)(EVP_PKEY *), EVP_PKEY *key)
{
	int status;
	pid_t pid = fork();

	need(pid >= 0, "fork");
	if (pid == 0) {
		in_child(key);
		exit(0);
	}
	need(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child");
}

static void sign_and_free(EVP_PKEY *key)
{
	sign_in(NULL, key);
	EVP_PKEY_free(key);
}

static void clean_up(EVP_PKEY *key)
{
	(void)key;
	OPENSSL_cleanup();
}

static void do_nothing(EVP_PKEY *key)
{
	(void)key;
}

static void children(void)
{
	EVP_PKEY *key = key_in(NULL);

	sign_in(NULL, key);
	child(do_nothing, key);
	child(sign_and_free, key);
	child(clean_up, key);
	sign_in(NULL, key);
}

static const struct {
	const char *name;
	void (*run)(void);
} orders[] = {
	{"key-after-unload", key_after_unload}, {"nothing-freed", nothing_freed}, {"explicit-cleanup", explicit_cleanup},
	{"cleanup-with-key", cleanup_with_key}, {"freed-at-exit", freed_at_exit}, {"several-contexts", several_contexts},
	{"again-and-again", again_and_again}, {"module-beside", module_beside}, {"module-outlives", module_outlives},
	{"module-alone", module_alone}, {"children", children},
};

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	uri = argv[2];
	module = argv[3];
	for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
		if (!strcmp(orders[i].name, argv[1])) {
			orders[i].run();
			return 0;
		}
	return 2;
}
