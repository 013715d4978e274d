/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl/login.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/secret.h"
#include "sm/sm3.h"
#include "token/pin_file.h"
#include "token/slot.h"

#define PATH_LEN 4096

struct attempt {
	const struct provider *provider;
	struct desk *desk;
	struct session *session;
	const struct login_from *from;
	CK_USER_TYPE type;              /* CKU_USER, CKU_CONTEXT_SPECIFIC */
	uint8_t *pin;                   /* secret memory of PIN_FILE_MAX bytes */
	size_t pin_len;
};

/* -- PINs that were refused ---------------------------------------------------------------- */

#define REFUSED_MAX 32

/* One login at a time of those that nobody types, so that many threads make one try. */
static struct {
	pthread_mutex_t lock;
	bool salted;
	uint8_t salt[16];
	struct {
		CK_SLOT_ID slot;
		uint8_t digest[SM3_DIGEST_LEN];
	} list[REFUSED_MAX];
	size_t n;                       /* that were ever put on it; the oldest make room */
} refused = {.lock = PTHREAD_MUTEX_INITIALIZER};

static pthread_once_t fork_handled = PTHREAD_ONCE_INIT;

static void before_fork(void)
{
	pthread_mutex_lock(&refused.lock);
}

static void after_fork_parent(void)
{
	pthread_mutex_unlock(&refused.lock);
}

static void after_fork_child(void)
{
	pthread_mutex_init(&refused.lock, NULL);
}

static void handle_fork(void)
{
	pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

/* Salted: a wrong PIN may be the right one of something else. */
static void digest_locked(const struct attempt *login, uint8_t digest[SM3_DIGEST_LEN])
{
	struct sm3 sm3;

	if (!refused.salted)
		refused.salted = getrandom(refused.salt, sizeof refused.salt, 0) == (ssize_t)sizeof refused.salt;
	sm3_init(&sm3);
	sm3_update(&sm3, refused.salt, sizeof refused.salt);
	sm3_update(&sm3, login->pin, login->pin_len);
	sm3_final(&sm3, digest);
}

static bool is_refused_locked(const struct attempt *login)
{
	uint8_t digest[SM3_DIGEST_LEN];
	size_t n = refused.n < REFUSED_MAX ? refused.n : REFUSED_MAX;

	digest_locked(login, digest);
	for (size_t i = 0; i < n; i++)
		if (refused.list[i].slot == desk_slot(login->desk) && memcmp(refused.list[i].digest, digest, sizeof digest) == 0)
			return true;
	return false;
}

static void remember_refused_locked(const struct attempt *login)
{
	size_t i = refused.n++ % REFUSED_MAX;

	refused.list[i].slot = desk_slot(login->desk);
	digest_locked(login, refused.list[i].digest);
}

/* -- trying one ------------------------------------------------------------------------------ */

static int try_pin(const struct attempt *login, const char *where)
{
	CK_RV rv = session_login(login->session, login->type, login->pin, login->pin_len, NULL, 0);

	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return 1;
	return fail_rv(login->provider, rv, "log in to the token \"%s\" with the PIN of %s", desk_token(login->desk), where);
}

static int try_unattended_locked(const struct attempt *login, const char *where)
{
	const char *token = desk_token(login->desk);
	CK_TOKEN_INFO info = {.flags = 0};

	if (login->type == CKU_USER && token_login(login->session->token) == LOGIN_USER) /* another thread was first */
		return 1;
	CK_RV rv = slot_describe_token(login->session->token, &info);
	if (rv != CKR_OK)
		return fail_rv(login->provider, rv, "look at the token \"%s\"", token);
	/* Every right PIN makes the count whole again: so nobody has logged in since it was refused. */
	if ((info.flags & CKF_USER_PIN_COUNT_LOW) && is_refused_locked(login))
		return fail(login->provider, REASON_PIN_WRONG, "the token \"%s\" has refused the PIN of %s, which is not tried again: "
		            "correct it there", token, where);
	rv = session_login_sparing(login->session, login->type, login->pin, login->pin_len);
	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return 1;
	if (rv == CKR_FUNCTION_REJECTED)
		return fail(login->provider, REASON_PIN_LOCKED, "one try is left before the user PIN of the token \"%s\" is locked, and is "
		            "not spent on the PIN of %s: log in once by hand (\"hufu key list --login\")", token, where);
	if (rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LEN_RANGE)
		remember_refused_locked(login);
	return fail_rv(login->provider, rv, "log in to the token \"%s\" with the PIN of %s", token, where);
}

static int try_unattended(const struct attempt *login, const char *where)
{
	pthread_once(&fork_handled, handle_fork);
	pthread_mutex_lock(&refused.lock);
	int done = try_unattended_locked(login, where);
	pthread_mutex_unlock(&refused.lock);
	return done;
}

/* -- where it comes from ------------------------------------------------------------------------ */

/* RFC 7512 2.4: a file: URI, or a bare path. NULL: something else, which is a program's to understand, and no file. */
static const char *path_of(const char *source)
{
	if (strncmp(source, "file:", 5) == 0)
		source += 5;
	if (strncmp(source, "///", 3) == 0) /* an empty host */
		source += 2;
	return source[0] == '/' && source[1] != '/' ? source : NULL;
}

static int from_file(struct attempt *login, const char *path, enum pin_file kind)
{
	char why[512];

	if (!pin_file_read(path, kind, login->pin, &login->pin_len, why, sizeof why))
		return fail(login->provider, REASON_PIN_SOURCE, "the PIN of the token \"%s\" in %s: %s", desk_token(login->desk), path, why);
	return try_unattended(login, path);
}

static int from_source(struct attempt *login, const char *source)
{
	const char *path = path_of(source);

	if (!path)
		return fail(login->provider, REASON_PIN_SOURCE, "pin-source \"%s\" is no absolute file: write pin-source=file:/PATH", source);
	return from_file(login, path, PIN_FILE_OWN);
}

static int from_value(struct attempt *login, const char *value)
{
	login->pin_len = strlen(value);
	if (login->pin_len == 0 || login->pin_len > PIN_FILE_MAX)
		return fail(login->provider, REASON_PIN_SOURCE, "pin-value of the URI is no PIN: its length is wrong");
	memcpy(login->pin, value, login->pin_len);
	return try_unattended(login, "the URI's pin-value");
}

static int from_credential(struct attempt *login, const char *name)
{
	const char *directory = secure_getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_LEN];

	if (!directory || directory[0] != '/')
		return fail(login->provider, REASON_PIN_SOURCE, "there are no systemd credentials here: use LoadCredential= or "
		            "LoadCredentialEncrypted= in the unit");
	int n = snprintf(path, sizeof path, "%s/%s", directory, name);
	if (!name[0] || strchr(name, '/') || n < 0 || (size_t)n >= sizeof path)
		return fail(login->provider, REASON_PIN_SOURCE, "\"%s\" is no credential's name", name);
	return from_file(login, path, PIN_FILE_CREDENTIAL);
}

static bool ask(struct attempt *login)
{
	char what[64];
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PASSPHRASE_PARAM_INFO, what, 0),
		OSSL_PARAM_construct_end(),
	};

	snprintf(what, sizeof what, "the token \"%s\"", desk_token(login->desk));
	return login->from->ask((char *)login->pin, PIN_FILE_MAX, &login->pin_len, params, login->from->ask_arg) == 1 &&
	       login->pin_len > 0 && login->pin_len <= PIN_FILE_MAX;
}

static enum login_result choose(struct attempt *login)
{
	const struct settings *settings = &login->provider->settings;
	const struct uri *uri = login->from->uri;

	if (uri && uri_pin_source(uri))
		return from_source(login, uri_pin_source(uri)) ? LOGIN_DONE : LOGIN_FAILED;
	if (uri && uri_pin_value(uri))
		return from_value(login, uri_pin_value(uri)) ? LOGIN_DONE : LOGIN_FAILED;
	if (settings->credential)
		return from_credential(login, settings->credential) ? LOGIN_DONE : LOGIN_FAILED;
	if (settings->pin_source)
		return from_source(login, settings->pin_source) ? LOGIN_DONE : LOGIN_FAILED;
	if (!login->from->ask || !ask(login))
		return LOGIN_NO_PIN;
	return try_pin(login, "your answer") ? LOGIN_DONE : LOGIN_FAILED;
}

static enum login_result log_in(const struct provider *provider, struct desk *desk, struct session *session,
                                const struct login_from *from, CK_USER_TYPE type)
{
	struct attempt login = {provider, desk, session, from, type, .pin = secret_alloc(PIN_FILE_MAX)};

	if (!login.pin)
		fail(provider, REASON_INTERNAL, "no memory");
	enum login_result result = login.pin ? choose(&login) : LOGIN_FAILED;
	secret_free(login.pin);
	return result;
}

static int fail_without_pin(const struct provider *provider, const struct desk *desk)
{
	return fail(provider, REASON_PIN_SOURCE, "the token \"%s\" wants its user PIN, and there is none: give pin-source in the URI, or "
	            "in the provider's section of openssl.cnf", desk_token(desk));
}

enum login_result login_user_if_possible(const struct provider *provider, struct desk *desk, struct session *session,
                                         const struct login_from *from)
{
	if (token_login(session->token) == LOGIN_USER)
		return LOGIN_DONE;
	return log_in(provider, desk, session, from, CKU_USER);
}

int login_user(const struct provider *provider, struct desk *desk, struct session *session, const struct login_from *from)
{
	enum login_result result = login_user_if_possible(provider, desk, session, from);

	if (result == LOGIN_NO_PIN)
		return fail_without_pin(provider, desk);
	return result == LOGIN_DONE;
}

int login_for_operation(const struct provider *provider, struct desk *desk, struct session *session, const struct login_from *from)
{
	enum login_result result = log_in(provider, desk, session, from, CKU_CONTEXT_SPECIFIC);

	if (result == LOGIN_NO_PIN)
		return fail_without_pin(provider, desk);
	return result == LOGIN_DONE;
}
