/* SPDX-License-Identifier: Apache-2.0 */
/* What several chapters need: verdicts on codes, keys that we know, threads. */
#include "base/clock.h"
#include "sm/sm2.h"
#include "tools/qualify/examine.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool tell_code(const struct card *card, const char *id, const char *what, uint32_t code)
{
	if (code == CARD_MISSING)
		tell(RESULT_skipped, id, "%s: the library has no such function, or it hung before", what);
	else
		tell(code == SDR_OK ? RESULT_pass : RESULT_fault, id, "%s: %s", what, code_text(card, code));
	return code == SDR_OK;
}

uint32_t id_to_try(enum sdf_alg alg, uint32_t own, unsigned nth)
{
	static const uint32_t known[SDF_ALGS][3] = {
	        [SDF_ALG_SM2_SIGN] = {SGD_SM2_1, 0x20100},
	        [SDF_ALG_SM2_ENCRYPT] = {SGD_SM2_3, 0x20400},
	        [SDF_ALG_SM3] = {SGD_SM3},
	        [SDF_ALG_SM4_ECB] = {SGD_SM4_ECB, 0x2001},
	        [SDF_ALG_SM4_CBC] = {SGD_SM4_CBC, 0x2002},
	        [SDF_ALG_SM4_CFB] = {SGD_SM4_CFB, 0x2004},
	        [SDF_ALG_SM4_OFB] = {SGD_SM4_OFB, 0x2008},
	        [SDF_ALG_SM4_CTR] = {SGD_SM4_CTR, 0x2020},
	        [SDF_ALG_SM4_MAC] = {SGD_SM4_MAC, 0x2010},
	        [SDF_ALG_SM4_GCM] = {SGD_SM4_GCM, 0x480},
	        [SDF_ALG_SM4_CCM] = {SGD_SM4_CCM},
	};

	if (own && nth-- == 0)
		return own;
	for (unsigned i = 0; i < 3 && known[alg][i]; i++)
		if (known[alg][i] != own && nth-- == 0)
			return known[alg][i];
	return 0;
}

void tell_alg(enum sdf_alg alg, uint32_t id)
{
	tell_fact("alg", json_pack("{s:I,s:I}", "alg", (json_int_t)alg, "id", (json_int_t)id));
}

bool known_key_load(struct card *card, void *session, const char *id, struct known_key *key)
{
	key->handle = NULL;
	if (!card_can_import(card)) {
		tell(RESULT_skipped, id,
		     "no key that we know can be loaded: it takes ImportKeyWithISK_ECC and an encryption pair at an "
		     "index (--index), or SDF_ImportKey in the profile");
		return false;
	}
	host_fill(key->value, sizeof key->value);
	uint32_t code = card_import(card, session, key->value, sizeof key->value, &key->handle);
	if (code == SDR_OK && key->handle)
		return true;
	tell(RESULT_fault, id, "loading a key that we know under the encryption key of index %u: %s%s", card->encrypt_index,
	     code_text(card, code), card->request->password ? "" : "; if the index has a password, give it by --password-file");
	return false;
}

/* -- threads ------------------------------------------------------------------------------ */

#define CREW_MAX 64

struct member {
	struct crew *crew;
	pthread_t thread;
	uint32_t number;
	void *device, *session;     /* device: its own, or NULL */
};

struct crew_run {
	struct crew *crew;
	struct member members[CREW_MAX];
	uint32_t n;
	uint64_t begun_ns;
};

static void work(struct member *m)
{
	struct crew *crew = m->crew;

	for (uint32_t i = 0; i < crew->rounds && !atomic_load(&crew->stop); i++) {
		uint32_t code = SDR_OK;
		bool good = crew->round(crew->card, m->session, m->number, &code);
		uint64_t done = atomic_fetch_add(&crew->done, 1);
		if (code != SDR_OK) {
			atomic_fetch_add(&crew->errors, 1);
			atomic_store(&crew->code, code);
		} else if (!good) {
			atomic_fetch_add(&crew->wrong, 1);
		}
		tell_at(done + 1, (uint64_t)crew->rounds * crew->threads);
	}
}

static void *member_main(void *arg)
{
	struct member *m = arg;

	work(m);
	board_quit();
	return NULL;
}

static void leave(struct member *m)
{
	struct card *card = m->crew->card;

	card_close_session(card, m->session);
	if (m->device)
		(void)CALL(card, CloseDevice, m->device);
}

/* Sessions are opened one after the other: opening at once is a chapter of its own. */
static bool enter(struct crew *crew, struct member *m)
{
	uint32_t code = SDR_OK;

	if (crew->own_device)
		code = card_open(crew->card, &m->device);
	if (code == SDR_OK)
		code = card_session(crew->card, m->device ? m->device : crew->card->device, &m->session);
	if (code == SDR_OK && crew->card->request->password && crew->card->sign_index)
		code = card_right(crew->card, m->session, crew->card->sign_index);
	if (code != SDR_OK) {
		tell(RESULT_info, "crew", "%s for thread %u: %s", crew->own_device ? "no device" : "no session", m->number,
		     code_text(crew->card, code));
		leave(m);
		return false;
	}
	return m->session != NULL;
}

struct crew_run *crew_start(struct crew *crew)
{
	struct crew_run *run = calloc(1, sizeof *run);

	if (!run)
		_exit(1);
	run->crew = crew;
	while (run->n < crew->threads && run->n < CREW_MAX) {
		run->members[run->n] = (struct member){.crew = crew, .number = run->n};
		if (!enter(crew, &run->members[run->n]))
			break;
		run->n++;
	}
	crew->threads = run->n;
	run->begun_ns = clock_now_ns();
	for (uint32_t i = 0; i < run->n; i++)
		if (pthread_create(&run->members[i].thread, NULL, member_main, &run->members[i]))
			_exit(1);
	return run;
}

double crew_end(struct crew_run *run)
{
	for (uint32_t i = 0; i < run->n; i++)
		pthread_join(run->members[i].thread, NULL);
	double seconds = (double)(clock_now_ns() - run->begun_ns) / 1e9;
	for (uint32_t i = 0; i < run->n; i++)
		leave(&run->members[i]);
	free(run);
	return seconds;
}

double crew_run(struct crew *crew)
{
	return crew_end(crew_start(crew));
}

bool round_sign(struct card *card, void *session, uint32_t thread, uint32_t *code)
{
	struct sm2_public key;
	uint8_t e[32], sig[64];

	(void)thread;
	host_fill(e, sizeof e);
	*code = card_sign(card, session, card->sign_index, e, sig);
	return *code == SDR_OK && sm2_public_init(&key, card->sign_point) == SM2_OK && sm2_verify(&key, e, sig) == SM2_OK;
}

/* Two draws of one value: the sessions are mixed up, or worse. */
bool round_random(struct card *card, void *session, uint32_t thread, uint32_t *code)
{
	uint8_t a[32], b[32];

	(void)thread;
	*code = card_random(card, session, a, sizeof a);
	if (*code == SDR_OK)
		*code = card_random(card, session, b, sizeof b);
	return *code == SDR_OK && memcmp(a, b, sizeof a);
}
