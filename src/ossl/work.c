/* SPDX-License-Identifier: Apache-2.0 */
#include "ossl/work.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "ossl/pause.h"
#include "token/mech.h"
#include "token/operation.h"

/* One operation: what it is of, and its two calls. */
struct job {
	const CK_MECHANISM *mechanism;
	const uint8_t *in;
	size_t in_len;
	uint8_t *out;
	CK_ULONG out_len;               /* room, then the length */
	CK_OBJECT_HANDLE key;
	CK_RV (*begin)(struct session *, const struct job *); /* NULL: one call does all */
	CK_RV (*finish)(struct session *, struct job *);
};

/* What an error was raised for already. */
#define CKR_TOLD CKR_VENDOR_DEFINED

static CK_RV authorise(struct key *key, struct session *session)
{
	struct login_from from = {.uri = key->uri};

	if (!key->always_authenticate)
		return CKR_OK;
	return login_for_operation(key->provider, key->desk, session, &from) ? CKR_OK : CKR_TOLD;
}

static CK_RV begin(struct key *key, struct session *session, const struct job *job)
{
	CK_RV rv = job->begin ? job->begin(session, job) : CKR_OK;

	return rv == CKR_OK && job->begin ? authorise(key, session) : rv;
}

/* An application may give up a job that waits, and its buffers with it, while the operation goes on: see pause.h. */
static CK_RV finish_with_copies(struct session *session, struct job *job)
{
	struct job own = *job;
	uint8_t *in = malloc(job->in_len + 1);

	own.in = in;
	own.out = secret_alloc(job->out_len);
	CK_RV rv = in && own.out ? CKR_OK : CKR_HOST_MEMORY;
	if (rv == CKR_OK) {
		if (job->in_len)
			memcpy(in, job->in, job->in_len);
		rv = job->finish(session, &own);
	}
	job->out_len = own.out_len;
	if (rv == CKR_OK)
		memcpy(job->out, own.out, own.out_len);
	secret_free(own.out);
	free(in);
	return rv;
}

struct attempt {
	struct key *key;
	struct job *job;
	struct pause pause;
	CK_RV rv;
};

static CK_RV finish(struct attempt *attempt, struct session *session)
{
	pause_begin(&attempt->pause, session);
	CK_RV rv = attempt->pause.stack ? finish_with_copies(session, attempt->job) : attempt->job->finish(session, attempt->job);
	pause_end(&attempt->pause);
	return rv;
}

static void run_attempt(void *arg)
{
	struct attempt *attempt = arg;
	struct session *session = key_enter(attempt->key, &attempt->job->key);

	attempt->rv = session ? begin(attempt->key, session, attempt->job) : CKR_TOLD;
	if (attempt->rv == CKR_OK)
		attempt->rv = finish(attempt, session);
	if (session)
		desk_give(attempt->key->desk, session);
}

static CK_RV try(struct key *key, struct job *job)
{
	struct attempt attempt = {.key = key, .job = job};

	return pause_run(&attempt.pause, run_attempt, &attempt) ? attempt.rv : CKR_HOST_MEMORY;
}

/* What a fresh look at key and login may put right: the object was replaced, somebody logged out, the token began anew. */
static bool is_stale(CK_RV rv)
{
	return rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_USER_NOT_LOGGED_IN ||
	       rv == CKR_OPERATION_NOT_INITIALIZED;
}

static CK_RV run(struct key *key, struct job *job)
{
	CK_ULONG room = job->out_len;
	CK_RV rv = try(key, job);

	if (!is_stale(rv))
		return rv;
	/* Unless another thread has looked it up again already. */
	atomic_compare_exchange_strong(&key->handle, &job->key, CK_INVALID_HANDLE);
	job->out_len = room;
	return try(key, job);
}

int work_failed(const struct key *key, CK_RV rv, const char *what)
{
	char title[160];

	return rv == CKR_TOLD ? 0 : fail_rv(key->provider, rv, "%s with %s", what, key_title(key, title));
}

/* -- signatures ------------------------------------------------------------------------ */

static CK_RV begin_sign(struct session *session, const struct job *job)
{
	return sign_init(session, job->mechanism, job->key);
}

static CK_RV finish_sign(struct session *session, struct job *job)
{
	return sign_once(session, job->in, job->in_len, job->out, &job->out_len);
}

CK_RV work_sign_silently(struct key *key, const CK_MECHANISM *mechanism, const uint8_t *in, size_t len, uint8_t *sig,
                         size_t *sig_len)
{
	struct job job = {.mechanism = mechanism, .in = in, .in_len = len, .out = sig, .out_len = *sig_len,
	                  .begin = begin_sign, .finish = finish_sign};
	CK_RV rv = run(key, &job);

	if (rv == CKR_OK)
		*sig_len = job.out_len;
	return rv;
}

int work_sign(struct key *key, const CK_MECHANISM *mechanism, const uint8_t *in, size_t len, uint8_t *sig, size_t *sig_len)
{
	CK_RV rv = work_sign_silently(key, mechanism, in, len, sig, sig_len);

	return rv == CKR_OK ? 1 : work_failed(key, rv, "sign");
}

/* -- decryption ------------------------------------------------------------------------ */

static CK_RV begin_decrypt(struct session *session, const struct job *job)
{
	return crypt_init(session, OP_DECRYPT, job->mechanism, job->key);
}

static CK_RV finish_decrypt(struct session *session, struct job *job)
{
	return crypt_once(session, OP_DECRYPT, job->in, job->in_len, job->out, &job->out_len);
}

CK_RV work_decrypt_silently(struct key *key, const CK_MECHANISM *mechanism, const uint8_t *in, size_t len, uint8_t *out,
                            size_t *out_len)
{
	struct job job = {.mechanism = mechanism, .in = in, .in_len = len, .out = out, .out_len = *out_len,
	                  .begin = begin_decrypt, .finish = finish_decrypt};
	CK_RV rv = run(key, &job);

	if (rv == CKR_OK)
		*out_len = job.out_len;
	return rv;
}

int work_decrypt(struct key *key, const CK_MECHANISM *mechanism, const uint8_t *in, size_t len, uint8_t *out, size_t *out_len)
{
	CK_RV rv = work_decrypt_silently(key, mechanism, in, len, out, out_len);

	return rv == CKR_OK ? 1 : work_failed(key, rv, "decrypt");
}

/* -- agreements ------------------------------------------------------------------------ */

static CK_RV make_secret(struct session *session, const struct job *job, CK_OBJECT_HANDLE *made)
{
	static const CK_OBJECT_CLASS secret = CKO_SECRET_KEY;
	static const CK_KEY_TYPE generic = CKK_GENERIC_SECRET;
	static const CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
#define IS(type, value) {(type), (void *)(uintptr_t)&(value), sizeof(value)}
	const CK_ATTRIBUTE templ[] = {
		IS(CKA_CLASS, secret), IS(CKA_KEY_TYPE, generic), IS(CKA_VALUE_LEN, job->out_len), IS(CKA_TOKEN, no),
		IS(CKA_PRIVATE, no), IS(CKA_SENSITIVE, no), IS(CKA_EXTRACTABLE, yes), /* an ephemeral pair's owner may not be logged in */
	};
#undef IS
	return key_derive(session, job->mechanism, job->key, templ, sizeof templ / sizeof *templ, made);
}

static CK_RV finish_derive(struct session *session, struct job *job)
{
	CK_ATTRIBUTE value = {CKA_VALUE, job->out, job->out_len};
	CK_OBJECT_HANDLE made;
	CK_RV rv = make_secret(session, job, &made);

	if (rv != CKR_OK)
		return rv;
	rv = object_get_attributes(session, made, &value, 1);
	object_destroy(session, made);
	return rv == CKR_OK && value.ulValueLen != job->out_len ? CKR_FUNCTION_FAILED : rv;
}

int work_derive(struct key *key, const CK_MECHANISM *mechanism, uint8_t *out, size_t len)
{
	struct job job = {.mechanism = mechanism, .out = out, .out_len = len, .finish = finish_derive};
	CK_RV rv = run(key, &job);

	if (rv == CKR_OK)
		return 1;
	secret_wipe(out, len);
	return work_failed(key, rv, "agree on a secret");
}

/* -- questions ------------------------------------------------------------------------- */

static CK_ATTRIBUTE_TYPE permission_of(CK_FLAGS use)
{
	return use & CKF_SIGN ? CKA_SIGN : use & CKF_DECRYPT ? CKA_DECRYPT : CKA_DERIVE;
}

static bool can_with(struct session *session, CK_OBJECT_HANDLE handle, CK_MECHANISM_TYPE type, CK_FLAGS use)
{
	const CK_MECHANISM mechanism = {.mechanism = type};
	const struct mech *mech;
	struct own_mechanism own;
	struct object *object;

	if (mech_check(session->token, &mechanism, use, &own, &mech) != CKR_OK ||
	    object_find(session, handle, CKR_KEY_HANDLE_INVALID, &object) != CKR_OK)
		return false;
	bool can = mech_fits_key(mech, object) == CKR_OK && attrs_bool(&object->attrs, permission_of(use), false);
	object_rele(object);
	return can;
}

struct question {
	struct key *key;
	CK_MECHANISM_TYPE type;
	CK_FLAGS use;
	bool can;
};

static void ask(void *arg)
{
	struct question *question = arg;
	CK_OBJECT_HANDLE handle;
	struct session *session = key_enter(question->key, &handle);

	if (!session)
		return;
	question->can = can_with(session, handle, question->type, question->use);
	desk_give(question->key->desk, session);
}

bool work_can(struct key *key, CK_MECHANISM_TYPE type, CK_FLAGS use)
{
	struct question question = {.key = key, .type = type, .use = use};
	struct pause pause;

	return pause_run(&pause, ask, &question) && question.can;
}
