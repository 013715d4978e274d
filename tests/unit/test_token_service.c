/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a token that lives on machines is made, logged in to and used by requests alone, on any machine of the domain; a
 * login counts once however often it is asked; a ticket is its client's and dies with its PIN; keys are used as their
 * rows allow, whatever a client says, and no restriction is ever taken back. No server: requests are made by hand.
 */
#include "tenant_util.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "hufu/pkcs11-sm.h"
#include "hufud/access.h"
#include "hufud/token_internal.h"
#include "sm/sm2.h"

#define MAX_BODY WIRE_BODY_DEFAULT
#define SO_PIN "so-pin-for-test"
#define PIN "user-pin-for-test"

/* -- requests by hand: the identity is what the session says ------------------------------------ */

struct identity {
	const char *name;
	uint32_t roles;
	const char *denied;            /* label of a key that it may not sign with */
};

bool access_allows(const struct identity *identity, uint16_t wire_op, const char *key_label)
{
	return !identity->denied || wire_op != WIRE_OP_VERB + HUFU_VERB_SIGN || !key_label ||
		strcmp(identity->denied, key_label) != 0;
}

bool access_keeps(const struct identity *identity, const char *from, const char *to)
{
	return !identity->denied || strcmp(identity->denied, from) != 0 || strcmp(identity->denied, to) == 0;
}

uint32_t access_roles(const struct identity *identity)
{
	return identity->roles;
}

const char *access_name(const struct identity *identity)
{
	return identity->name;
}

struct asked {
	struct request req;            /* first */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool answered;
	struct writer reply;
};

void request_answer(struct request *req)
{
	struct asked *asked = (struct asked *)(void *)req;

	pthread_mutex_lock(&asked->lock);
	asked->answered = true;
	asked->reply = req->reply;
	pthread_cond_signal(&asked->wake);
	pthread_mutex_unlock(&asked->lock);
}

void request_progress(struct request *req, uint32_t extend_ms)
{
	(void)req;
	(void)extend_ms;
}

/* A client, and what it holds of its login. */
struct client {
	struct identity identity;
	struct channel_peer peer;
	struct tenant *tenant;
	uint8_t ticket[WIRE_TICKET_MAX];
	size_t ticket_len;
	uint8_t recorded[16];          /* the key of its last request, as the audit trail names it */
};

static void exchange(struct client *client, uint16_t op, const struct writer *frame, struct writer *reply)
{
	struct session session = {.peer = &client->peer, .identity = &client->identity, .tenant = client->tenant,
	                          .role = WIRE_TOKEN,
	                          .max_body = MAX_BODY};
	struct asked asked = {.req = {.session = &session, .id = 7, .op = op, .deadline_ns = clock_now_ns() + 60 * NS_PER_S,
	                              .arrived_ns = clock_now_ns(), .body = frame->data + WIRE_HEADER_LEN,
	                              .len = frame->len - WIRE_HEADER_LEN}};

	pthread_mutex_init(&asked.lock, NULL);
	pthread_cond_init(&asked.wake, NULL);
	service_token.run(&asked.req);
	pthread_mutex_lock(&asked.lock);
	while (!asked.answered)
		pthread_cond_wait(&asked.wake, &asked.lock);
	pthread_mutex_unlock(&asked.lock);
	CU_ASSERT_TRUE_FATAL(asked.reply.len >= WIRE_HEADER_LEN);
	memcpy(client->recorded, asked.req.key_uuid, sizeof(client->recorded));
	*reply = asked.reply;
}

/* *answer: wire_store_reply_free. */
static enum hufu_err ask(struct client *client, struct wire_store *r, struct wire_store_reply **answer)
{
	struct writer frame, reply;

	writer_init(&frame, true);
	CU_ASSERT_EQUAL_FATAL(wire_store_put(&frame, 7, 0, MAX_BODY, r), HUFU_OK);
	exchange(client, r->op, &frame, &reply);
	CU_ASSERT_EQUAL_FATAL(wire_store_get_reply(r->op, reply.data + WIRE_HEADER_LEN, reply.len - WIRE_HEADER_LEN, answer),
	                      HUFU_OK);
	writer_clear(&frame);
	writer_clear(&reply);
	return (*answer)->status.err;
}

static enum hufu_err tell(struct client *client, struct wire_store *r)
{
	struct wire_store_reply *answer;
	enum hufu_err err = ask(client, r, &answer);

	wire_store_reply_free(answer);
	return err;
}

static enum hufu_err run(struct client *client, struct hufu_op *op)
{
	const struct wire_extra extra = {.ticket = client->ticket, .ticket_len = client->ticket_len};
	struct wire_load load;
	struct writer frame, reply;

	op->size = sizeof(*op);
	writer_init(&frame, true);
	CU_ASSERT_EQUAL_FATAL(wire_op_put(&frame, 7, 0, MAX_BODY, op, &extra), HUFU_OK);
	exchange(client, (uint16_t)(WIRE_OP_VERB + op->verb), &frame, &reply);
	wire_op_get_reply(op, reply.data + WIRE_HEADER_LEN, reply.len - WIRE_HEADER_LEN, &load);
	writer_clear(&frame);
	writer_clear(&reply);
	return op->outcome;
}

/* -- two machines of one domain, and clients ------------------------------------------------------- */

struct bed {
	char dir[64], text[1024];
	struct conf *conf;
	struct tenant *machine[2];     /* over one store */
	struct client user, other;
};

static void bed_init(struct bed *bed, const char *policy)
{
	snprintf(bed->dir, sizeof(bed->dir), "/tmp/hufu-test-token-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(bed->dir));
	snprintf(bed->text, sizeof(bed->text),
	         "machine { listen = \"unix:/run/h.sock\" master = \"file:/m\" lanes = 4 }\n"
	         "identity \"all\" { user = \"0\" tokens = { \"*\" } roles = { user } }\n device \"soft\" { driver = \"soft\" }\n"
	         "token \"bank\" { store = \"sqlite:%s/bank.db\" devices = { \"soft\" } policy = %s user_tries = 5 }\n", bed->dir,
	         policy);
	bed->conf = tenant_conf_of(bed->text);
	for (size_t i = 0; i < 2; i++)
		bed->machine[i] = tenant_of(bed->conf, "bank", tenant_master);
	bed->user = (struct client){.identity = {"app", ACCESS_USER | ACCESS_SO, NULL}, .peer = {.key_id = {1}},
	                            .tenant = bed->machine[0]};
	bed->other = (struct client){.identity = {"thief", ACCESS_USER, NULL}, .peer = {.key_id = {2}}, .tenant = bed->machine[0]};
}

static void bed_clear(struct bed *bed)
{
	char command[160];

	for (size_t i = 0; i < 2; i++)
		tenant_free(bed->machine[i]);
	conf_free(bed->conf);
	for (const char *const *suffix = (const char *const[]){"", "-wal", "-shm", NULL}; *suffix; suffix++) {
		snprintf(command, sizeof(command), "%s/bank.db%s", bed->dir, *suffix);
		unlink(command);
	}
	rmdir(bed->dir);
}

static enum hufu_err init(struct client *client)
{
	struct wire_store r = {.op = WIRE_STORE_INIT, .pin = (const uint8_t *)SO_PIN, .pin_len = strlen(SO_PIN)};

	memset(r.label, ' ', sizeof(r.label));
	return tell(client, &r);
}

static enum hufu_err login_as(struct client *client, enum store_role role, const char *pin, uint8_t op_id)
{
	struct wire_store r = {.op = WIRE_STORE_LOGIN, .role = role, .pin = (const uint8_t *)pin, .pin_len = strlen(pin),
	                       .op_id = {op_id, 1}};
	struct wire_store_reply *answer;
	enum hufu_err err = ask(client, &r, &answer);

	if (err == HUFU_OK) {
		CU_ASSERT_TRUE_FATAL(answer->ticket_len > 0);
		memcpy(client->ticket, answer->ticket, answer->ticket_len);
		client->ticket_len = answer->ticket_len;
	}
	wire_store_reply_free(answer);
	return err;
}

static struct wire_store with_ticket(const struct client *client, uint16_t op)
{
	return (struct wire_store){.op = op, .ticket = client->ticket, .ticket_len = client->ticket_len};
}

static enum hufu_err init_pin(struct client *client, const char *pin)
{
	struct wire_store r = with_ticket(client, WIRE_STORE_INIT_PIN);

	r.pin = (const uint8_t *)pin;
	r.pin_len = strlen(pin);
	return tell(client, &r);
}

static enum hufu_err set_pin(struct client *client, const char *old, const char *pin)
{
	struct wire_store r = {.op = WIRE_STORE_SET_PIN, .role = STORE_USER, .old_pin = (const uint8_t *)old,
	                       .old_pin_len = strlen(old),
	                       .pin = (const uint8_t *)pin, .pin_len = strlen(pin)};

	return tell(client, &r);
}

static uint32_t tries_left(struct client *client)
{
	struct wire_store r = {.op = WIRE_STORE_TOKEN};
	struct wire_store_reply *answer;

	CU_ASSERT_EQUAL(ask(client, &r, &answer), HUFU_OK);
	uint32_t left = answer->token.roles[STORE_USER].tries_left;
	wire_store_reply_free(answer);
	return left;
}

/* A token whose user has a PIN and is logged in. */
static void bed_login(struct bed *bed, const char *policy)
{
	bed_init(bed, policy);
	CU_ASSERT_EQUAL_FATAL(init(&bed->user), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(login_as(&bed->user, STORE_SO, SO_PIN, 1), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(init_pin(&bed->user, PIN), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(login_as(&bed->user, STORE_USER, PIN, 2), HUFU_OK);
}

/* -- keys ------------------------------------------------------------------------------------------------ */

static const uint8_t yes = 1, no = 0;

struct key {
	struct store_attr attrs[16];
	struct store_draft draft;
	uint8_t sealed[1024], pub[HUFU_PUB_MAX], point[67];
	struct store_copy copy;
	uint8_t uuid[16];
	uint64_t version;
	enum hufu_key_type type;
};

static struct store_attr *attr_of(struct key *key, uint64_t type)
{
	for (size_t i = 0; i < key->draft.nattrs; i++)
		if (key->attrs[i].type == type)
			return &key->attrs[i];
	return &key->attrs[key->draft.nattrs++];
}

static void set(struct key *key, uint64_t type, bool value)
{
	*attr_of(key, type) = (struct store_attr){.type = type, .value = value ? &yes : &no, .len = 1};
}

static void generate(struct client *client, struct key *key, enum hufu_key_type type)
{
	bool sm2 = type == HUFU_KEY_SM2_PRIVATE;
	struct hufu_op op = {.verb = HUFU_VERB_GENERATE, .mechanism = sm2 ? CKM_HUFU_SM2_KEY_PAIR_GEN : CKM_HUFU_SM4_KEY_GEN,
	                     .new_type = type,
	                     .out = key->sealed, .out_cap = sizeof(key->sealed), .pub = key->pub, .op_id = {9}};

	memset(key, 0, sizeof(*key));
	op.out = key->sealed;
	CU_ASSERT_EQUAL_FATAL(run(client, &op), HUFU_OK);
	key->type = type;
	key->copy = (struct store_copy){.kind = HUFU_COPY_BLOB, .data = key->sealed, .len = op.out_len};
	key->draft = (struct store_draft){.private_object = true, .object_class = sm2 ? CKO_PRIVATE_KEY : CKO_SECRET_KEY,
	                                  .key_type = sm2 ? CKK_HUFU_SM2 : CKK_HUFU_SM4, .attrs = key->attrs, .copies = &key->copy,
	                                  .ncopies = 1, .op_id = {3, 3}};
	set(key, CKA_SENSITIVE, true);
	set(key, CKA_EXTRACTABLE, false);
	if (sm2) {
		memcpy(key->point, "\x04\x41\x04", 3);
		memcpy(key->point + 3, key->pub, 64);
		*attr_of(key, CKA_EC_POINT) = (struct store_attr){.type = CKA_EC_POINT, .value = key->point,
		                                                  .len = sizeof(key->point)};
	}
}

static enum hufu_err insert(struct client *client, struct key *key)
{
	struct wire_store r = with_ticket(client, WIRE_STORE_INSERT);
	struct wire_store_reply *answer;

	r.drafts = &key->draft;
	r.ndrafts = 1;
	enum hufu_err err = ask(client, &r, &answer);
	if (err == HUFU_OK) {
		CU_ASSERT_EQUAL_FATAL(answer->nuuids, 1);
		memcpy(key->uuid, answer->uuids[0], 16);
		key->version = 1;
	}
	wire_store_reply_free(answer);
	return err;
}

static enum hufu_err update(struct client *client, struct key *key)
{
	struct wire_store r = with_ticket(client, WIRE_STORE_UPDATE);
	struct store_draft draft = key->draft;

	draft.ncopies = 0;
	memcpy(r.uuid, key->uuid, 16);
	r.version = key->version;
	r.drafts = &draft;
	r.ndrafts = 1;
	enum hufu_err err = tell(client, &r);
	key->version += err == HUFU_OK;
	return err;
}

/* A change that is refused leaves the client's copy as it was. */
static enum hufu_err try_to_set(struct client *client, const struct key *key, uint64_t type, bool value)
{
	struct key changed = *key;

	changed.draft.attrs = changed.attrs;
	set(&changed, type, value);
	return update(client, &changed);
}

static struct hufu_key row_key(const struct key *key)
{
	struct hufu_key k = {.size = sizeof(k), .version = key->version, .type = key->type, .copy_kind = HUFU_COPY_INDEX,
	                     .blob = key->uuid,
	                     .blob_len = sizeof(key->uuid)};

	memcpy(k.uuid, key->uuid, sizeof(k.uuid));
	return k;
}

static enum hufu_err sign_with(struct client *client, const struct key *key, struct hufu_key k)
{
	static const uint8_t e[32] = {1, 2, 3};
	struct sm2_public public;
	uint8_t signature[64];
	struct hufu_op op = {.verb = HUFU_VERB_SIGN, .mechanism = CKM_HUFU_SM2, .key = &k, .in = e, .in_len = sizeof(e),
	                     .out = signature,
	                     .out_cap = sizeof(signature), .repeatable = true};
	enum hufu_err err = run(client, &op);

	if (err == HUFU_OK) {
		CU_ASSERT_EQUAL(sm2_public_init(&public, key->pub), SM2_OK);
		CU_ASSERT_EQUAL(sm2_verify(&public, e, signature), SM2_OK);
	}
	return err;
}

static enum hufu_err sign(struct client *client, const struct key *key)
{
	return sign_with(client, key, row_key(key));
}

static enum hufu_err with_sm4(struct client *client, const struct key *key, enum hufu_verb verb)
{
	static const uint8_t in[16];
	struct hufu_key k = row_key(key);
	uint8_t out[64];
	struct hufu_op op = {.verb = verb, .mechanism = verb == HUFU_VERB_EXPORT ? 0 : CKM_HUFU_SM4_ECB, .key = &k, .in = in,
	                     .in_len = verb == HUFU_VERB_EXPORT ? 0 : sizeof(in), .out = out, .out_cap = sizeof(out),
	                     .repeatable = true};

	return run(client, &op);
}

/* -- the token ----------------------------------------------------------------------------------------------- */

static void made_by_requests(void)
{
	struct bed bed;
	struct wire_store token = {.op = WIRE_STORE_TOKEN};

	bed_init(&bed, "standard");
	CU_ASSERT_EQUAL(tell(&bed.user, &token), HUFU_ERR_STORE_MISSING);
	CU_ASSERT_EQUAL(init(&bed.other), HUFU_ERR_PIN_LOCKED); /* an identity that is no security officer's */
	CU_ASSERT_EQUAL(init(&bed.user), HUFU_OK);
	CU_ASSERT_EQUAL(tell(&bed.user, &token), HUFU_OK);
	CU_ASSERT_EQUAL(login_as(&bed.user, STORE_USER, PIN, 1), HUFU_ERR_PIN_UNSET);
	CU_ASSERT_EQUAL(login_as(&bed.other, STORE_SO, SO_PIN, 1), HUFU_ERR_PIN_LOCKED);
	CU_ASSERT_EQUAL(login_as(&bed.user, STORE_SO, SO_PIN, 2), HUFU_OK);
	CU_ASSERT_EQUAL(init_pin(&bed.user, PIN), HUFU_OK);
	CU_ASSERT_EQUAL(login_as(&bed.user, STORE_USER, PIN, 3), HUFU_OK);
	CU_ASSERT_EQUAL(init_pin(&bed.user, PIN), HUFU_ERR_LOCKED); /* that is the security officer's */
	bed_clear(&bed);
}

static void counted_once(void)
{
	struct bed bed;

	bed_login(&bed, "standard");
	CU_ASSERT_EQUAL(login_as(&bed.user, STORE_USER, "wrong", 7), HUFU_ERR_PIN);
	CU_ASSERT_EQUAL(tries_left(&bed.user), 4);
	for (int i = 0; i < 3; i++) /* the answer was lost */
		CU_ASSERT_EQUAL(login_as(&bed.user, STORE_USER, "wrong", 7), HUFU_ERR_PIN);
	CU_ASSERT_EQUAL(tries_left(&bed.user), 4);
	CU_ASSERT_EQUAL(login_as(&bed.other, STORE_USER, "wrong", 7), HUFU_ERR_PIN); /* another's is another */
	CU_ASSERT_EQUAL(login_as(&bed.user, STORE_USER, "wronk", 7), HUFU_ERR_PIN);
	CU_ASSERT_EQUAL(tries_left(&bed.user), 2);
	CU_ASSERT_EQUAL(login_as(&bed.user, STORE_USER, PIN, 8), HUFU_OK);
	CU_ASSERT_EQUAL(login_as(&bed.user, STORE_USER, PIN, 8), HUFU_OK);
	CU_ASSERT_EQUAL(tries_left(&bed.user), 5);
	bed_clear(&bed);
}

/* The answer that a former PIN had is worth nothing once there is another; nor is what the new one was told when it was none. */
static void answered_for_its_pin(void)
{
	struct bed bed;

	bed_login(&bed, "standard");
	CU_ASSERT_EQUAL(login_as(&bed.user, STORE_USER, PIN, 8), HUFU_OK);
	CU_ASSERT_EQUAL(login_as(&bed.other, STORE_USER, "another pin of it", 9), HUFU_ERR_PIN);
	CU_ASSERT_EQUAL(set_pin(&bed.user, PIN, "another pin of it"), HUFU_OK);
	CU_ASSERT_EQUAL(login_as(&bed.user, STORE_USER, PIN, 8), HUFU_ERR_PIN);
	CU_ASSERT_EQUAL(login_as(&bed.other, STORE_USER, "another pin of it", 9), HUFU_OK);
	bed_clear(&bed);
}

/* -- tickets --------------------------------------------------------------------------------------------------- */

static void good_on_all_machines(void)
{
	struct bed bed;
	struct key key;

	bed_login(&bed, "standard");
	generate(&bed.user, &key, HUFU_KEY_SM2_PRIVATE);
	set(&key, CKA_SIGN, true);
	CU_ASSERT_EQUAL(insert(&bed.user, &key), HUFU_OK);
	bed.user.tenant = bed.machine[1]; /* which never saw the PIN */
	CU_ASSERT_EQUAL(sign(&bed.user, &key), HUFU_OK);
	bed_clear(&bed);
}

static void bound_to_client_and_pin(void)
{
	struct bed bed;
	struct key key;

	bed_login(&bed, "standard");
	generate(&bed.user, &key, HUFU_KEY_SM2_PRIVATE);
	set(&key, CKA_SIGN, true);
	CU_ASSERT_EQUAL(insert(&bed.user, &key), HUFU_OK);
	memcpy(bed.other.ticket, bed.user.ticket, sizeof(bed.other.ticket));
	bed.other.ticket_len = bed.user.ticket_len;
	CU_ASSERT_EQUAL(sign(&bed.other, &key), HUFU_ERR_EXPIRED);
	bed.other.ticket_len = 0;
	CU_ASSERT_EQUAL(sign(&bed.other, &key), HUFU_ERR_EXPIRED);
	bed.user.ticket[50] ^= 1;
	CU_ASSERT_EQUAL(sign(&bed.user, &key), HUFU_ERR_EXPIRED);
	bed.user.ticket[50] ^= 1;
	CU_ASSERT_EQUAL(sign(&bed.user, &key), HUFU_OK);
	CU_ASSERT_EQUAL(set_pin(&bed.user, PIN, "another pin of it"), HUFU_OK);
	CU_ASSERT_EQUAL(sign(&bed.user, &key), HUFU_ERR_EXPIRED);
	CU_ASSERT_EQUAL(login_as(&bed.user, STORE_USER, "another pin of it", 9), HUFU_OK);
	CU_ASSERT_EQUAL(sign(&bed.user, &key), HUFU_OK);
	bed_clear(&bed);
}

/* A machine that looked at the store a moment ago does not take a ticket of a newer PIN for a dead one. */
static void good_though_not_heard_of(void)
{
	static const char *const pins[] = {PIN, "another pin of it"};
	struct bed bed;
	struct key key;

	bed_login(&bed, "standard");
	generate(&bed.user, &key, HUFU_KEY_SM2_PRIVATE);
	set(&key, CKA_SIGN, true);
	CU_ASSERT_EQUAL(insert(&bed.user, &key), HUFU_OK);
	for (unsigned i = 0; i < 10; i++) {
		bed.user.tenant = bed.machine[1];
		CU_ASSERT_EQUAL(sign(&bed.user, &key), HUFU_OK);
		bed.user.tenant = bed.machine[0];
		struct wire_store_reply *answer;
		struct wire_store r = with_ticket(&bed.user, WIRE_STORE_SET_PIN);
		r.role = STORE_USER;
		r.old_pin = (const uint8_t *)pins[i % 2];
		r.old_pin_len = strlen(pins[i % 2]);
		r.pin = (const uint8_t *)pins[(i + 1) % 2];
		r.pin_len = strlen(pins[(i + 1) % 2]);
		CU_ASSERT_EQUAL_FATAL(ask(&bed.user, &r, &answer), HUFU_OK);
		CU_ASSERT_TRUE_FATAL(answer->ticket_len != 0);
		memcpy(bed.user.ticket, answer->ticket, answer->ticket_len);
		wire_store_reply_free(answer);
		bed.user.tenant = bed.machine[1];
		CU_ASSERT_EQUAL(sign(&bed.user, &key), HUFU_OK);
	}
	bed_clear(&bed);
}

static void renewed_and_given_back(void)
{
	struct bed bed;
	struct wire_store_reply *answer;

	bed_login(&bed, "standard");
	struct client former = bed.user;
	struct wire_store r = with_ticket(&former, WIRE_STORE_RENEW);
	CU_ASSERT_EQUAL_FATAL(ask(&bed.user, &r, &answer), HUFU_OK);
	memcpy(bed.user.ticket, answer->ticket, answer->ticket_len);
	wire_store_reply_free(answer);
	r = with_ticket(&former, WIRE_STORE_LOGOUT);
	CU_ASSERT_EQUAL(tell(&bed.user, &r), HUFU_OK);
	r = with_ticket(&former, WIRE_STORE_RENEW);
	CU_ASSERT_EQUAL(tell(&bed.user, &r), HUFU_ERR_EXPIRED);
	r = with_ticket(&bed.user, WIRE_STORE_CHANGES);
	CU_ASSERT_EQUAL(ask(&bed.user, &r, &answer), HUFU_OK);
	CU_ASSERT_TRUE(answer->logged_in);
	wire_store_reply_free(answer);
	r = with_ticket(&former, WIRE_STORE_CHANGES);
	CU_ASSERT_EQUAL(ask(&bed.user, &r, &answer), HUFU_OK);
	CU_ASSERT_FALSE(answer->logged_in);
	wire_store_reply_free(answer);
	bed_clear(&bed);
}

/* -- rows ---------------------------------------------------------------------------------------------------------- */

static int64_t far_away(void)
{
	return INT64_MAX / 2;
}

/* By a lane: waited for, with a bound that only a failure reaches. */
static void shut_with_the_last_ticket(void)
{
	struct facts facts;
	struct pool_key *known;
	uint64_t version;
	struct bed bed;
	struct key key;
	bool open = true;

	bed_login(&bed, "standard");
	generate(&bed.user, &key, HUFU_KEY_SM2_PRIVATE);
	set(&key, CKA_SIGN, true);
	CU_ASSERT_EQUAL(insert(&bed.user, &key), HUFU_OK);
	CU_ASSERT_EQUAL(sign(&bed.user, &key), HUFU_OK);
	struct token_side *side = tenant_token(bed.machine[0]);
	token_side_tend(side);
	CU_ASSERT_EQUAL(sign(&bed.user, &key), HUFU_OK);
	clock_inject_wall(far_away);
	token_side_tend(side);
	for (int i = 0; i < 3000 && open; i++) {
		clock_sleep_ns(10 * NS_PER_MS);
		open = row_cache_get_stale(side_rows(side), key.uuid, &facts, &known, &version);
		if (open)
			pool_key_rele(known);
	}
	CU_ASSERT_FALSE(open);
	CU_ASSERT_EQUAL(sign(&bed.user, &key), HUFU_ERR_EXPIRED);
	clock_inject_wall(NULL);
	bed_clear(&bed);
}

static void copies_stay(void)
{
	struct bed bed;
	struct key key;
	struct wire_store_reply *answer;

	bed_login(&bed, "standard");
	generate(&bed.user, &key, HUFU_KEY_SM4);
	CU_ASSERT_EQUAL(insert(&bed.user, &key), HUFU_OK);
	struct wire_store r = with_ticket(&bed.user, WIRE_STORE_GET);
	memcpy(r.uuid, key.uuid, 16);
	CU_ASSERT_EQUAL_FATAL(ask(&bed.user, &r, &answer), HUFU_OK);
	struct store_row *row = wire_store_row(answer, "machines");
	CU_ASSERT_PTR_NOT_NULL_FATAL(row);
	CU_ASSERT(row->ncopies == 1 && row->copies[0].kind == HUFU_COPY_INDEX && row->copies[0].len == 16);
	CU_ASSERT_EQUAL(memcmp(row->copies[0].data, key.uuid, 16), 0);
	CU_ASSERT_STRING_EQUAL(row->copies[0].domain, "machines");
	CU_ASSERT(row->version == 1 && row->by_login && row->private_object && row->nattrs == key.draft.nattrs);
	store_row_free(row);
	wire_store_reply_free(answer);
	r.ticket_len = 0;
	CU_ASSERT_EQUAL(tell(&bed.user, &r), HUFU_ERR_LOCKED);
	bed_clear(&bed);
}

static void inserted_once(void)
{
	struct bed bed;
	struct key first, second;

	bed_login(&bed, "standard");
	generate(&bed.user, &first, HUFU_KEY_SM4);
	generate(&bed.user, &second, HUFU_KEY_SM4); /* the same request, tried elsewhere: another key, one row */
	CU_ASSERT_EQUAL(insert(&bed.user, &first), HUFU_OK);
	bed.user.tenant = bed.machine[1];
	CU_ASSERT_EQUAL(insert(&bed.user, &second), HUFU_OK);
	CU_ASSERT_EQUAL(memcmp(first.uuid, second.uuid, 16), 0);
	second.draft.request[0] = 1;
	CU_ASSERT_EQUAL(insert(&bed.user, &second), HUFU_ERR_CONFLICT);
	/* Another identity's op id is another. */
	CU_ASSERT_EQUAL(login_as(&bed.other, STORE_USER, PIN, 3), HUFU_OK);
	second.draft.request[0] = 0;
	CU_ASSERT_EQUAL(insert(&bed.other, &second), HUFU_OK);
	CU_ASSERT_NOT_EQUAL(memcmp(first.uuid, second.uuid, 16), 0);
	bed_clear(&bed);
}

static void foreign_copies_are_none(void)
{
	struct bed bed;
	struct key key;

	bed_login(&bed, "standard");
	generate(&bed.user, &key, HUFU_KEY_SM4);
	key.sealed[60] ^= 1;
	CU_ASSERT_EQUAL(insert(&bed.user, &key), HUFU_ERR_NO_KEY);
	key.sealed[60] ^= 1;
	key.draft.key_type = CKK_AES; /* it is a key of SM4 */
	CU_ASSERT_EQUAL(insert(&bed.user, &key), HUFU_ERR_KEY_TYPE);
	key.draft.key_type = CKK_HUFU_SM4;
	key.draft.policy = 0x10; /* hardware-only: it never was */
	CU_ASSERT_EQUAL(insert(&bed.user, &key), HUFU_ERR_KEY_USE);
	generate(&bed.user, &key, HUFU_KEY_SM2_PRIVATE);
	key.point[20] ^= 1; /* another's public half */
	CU_ASSERT_EQUAL(insert(&bed.user, &key), HUFU_ERR_KEY_USE);
	bed_clear(&bed);
}

static void changes_are_seen(void)
{
	struct bed bed;
	struct key key;

	bed_login(&bed, "standard");
	generate(&bed.user, &key, HUFU_KEY_SM2_PRIVATE);
	set(&key, CKA_SIGN, true);
	CU_ASSERT_EQUAL(insert(&bed.user, &key), HUFU_OK);
	CU_ASSERT_EQUAL(sign(&bed.user, &key), HUFU_OK);
	set(&key, CKA_SIGN, false);
	CU_ASSERT_EQUAL(update(&bed.user, &key), HUFU_OK);
	CU_ASSERT_EQUAL(sign(&bed.user, &key), HUFU_ERR_KEY_USE);
	key.version--;
	CU_ASSERT_EQUAL(update(&bed.user, &key), HUFU_ERR_CONFLICT);
	key.version++;
	struct wire_store r = with_ticket(&bed.user, WIRE_STORE_DELETE);
	memcpy(r.uuid, key.uuid, 16);
	r.version = key.version;
	CU_ASSERT_EQUAL(tell(&bed.user, &r), HUFU_OK);
	CU_ASSERT_EQUAL(sign(&bed.user, &key), HUFU_ERR_NO_KEY);
	bed_clear(&bed);
}

/* -- what attributes allow -------------------------------------------------------------------------------------------- */

static void used_as_allowed(void)
{
	struct bed bed;
	struct key key;

	bed_login(&bed, "standard");
	generate(&bed.user, &key, HUFU_KEY_SM4);
	set(&key, CKA_DECRYPT, true);
	CU_ASSERT_EQUAL(insert(&bed.user, &key), HUFU_OK);
	CU_ASSERT_EQUAL(with_sm4(&bed.user, &key, HUFU_VERB_DECRYPT), HUFU_OK);
	CU_ASSERT_EQUAL(with_sm4(&bed.user, &key, HUFU_VERB_ENCRYPT), HUFU_ERR_KEY_USE);
	CU_ASSERT_EQUAL(with_sm4(&bed.user, &key, HUFU_VERB_EXPORT), HUFU_ERR_KEY_USE);
	key.type = HUFU_KEY_AES;
	CU_ASSERT_EQUAL(with_sm4(&bed.user, &key, HUFU_VERB_DECRYPT), HUFU_ERR_KEY_TYPE);
	bed_clear(&bed);
}

static void leaves_as_allowed(void)
{
	struct bed bed;
	struct key key;

	bed_login(&bed, "standard");
	generate(&bed.user, &key, HUFU_KEY_SM4);
	set(&key, CKA_EXTRACTABLE, true);
	CU_ASSERT_EQUAL(insert(&bed.user, &key), HUFU_OK);
	CU_ASSERT_EQUAL(with_sm4(&bed.user, &key, HUFU_VERB_EXPORT), HUFU_OK);
	set(&key, CKA_WRAP_WITH_TRUSTED, true);
	CU_ASSERT_EQUAL(update(&bed.user, &key), HUFU_OK);
	CU_ASSERT_EQUAL(with_sm4(&bed.user, &key, HUFU_VERB_EXPORT), HUFU_ERR_KEY_USE);
	bed_clear(&bed);
}

static void nothing_is_taken_back(void)
{
	struct bed bed;
	struct key key;

	bed_login(&bed, "standard");
	generate(&bed.user, &key, HUFU_KEY_SM4);
	set(&key, CKA_NEVER_EXTRACTABLE, false);
	set(&key, CKA_WRAP_WITH_TRUSTED, true);
	CU_ASSERT_EQUAL(insert(&bed.user, &key), HUFU_OK);
	CU_ASSERT_EQUAL(try_to_set(&bed.user, &key, CKA_SENSITIVE, false), HUFU_ERR_KEY_USE);
	CU_ASSERT_EQUAL(try_to_set(&bed.user, &key, CKA_EXTRACTABLE, true), HUFU_ERR_KEY_USE);
	CU_ASSERT_EQUAL(try_to_set(&bed.user, &key, CKA_WRAP_WITH_TRUSTED, false), HUFU_ERR_KEY_USE);
	CU_ASSERT_EQUAL(try_to_set(&bed.user, &key, CKA_NEVER_EXTRACTABLE, true), HUFU_ERR_KEY_USE);
	CU_ASSERT_EQUAL(try_to_set(&bed.user, &key, CKA_TRUSTED, true), HUFU_ERR_KEY_USE);
	CU_ASSERT_EQUAL(try_to_set(&bed.user, &key, CKA_ENCRYPT, true), HUFU_OK);
	key.version++;
	/* Nor by a copy. */
	struct key copy = key;
	copy.draft.attrs = copy.attrs;
	copy.draft.copies = &copy.copy;
	copy.draft.op_id[0] = 77;
	copy.copy = (struct store_copy){.kind = HUFU_COPY_INDEX, .data = key.uuid, .len = 16};
	set(&copy, CKA_ENCRYPT, true);
	CU_ASSERT_EQUAL(insert(&bed.user, &copy), HUFU_OK);
	CU_ASSERT_EQUAL(with_sm4(&bed.user, &copy, HUFU_VERB_ENCRYPT), HUFU_OK);
	copy.draft.op_id[0] = 78;
	set(&copy, CKA_EXTRACTABLE, true);
	CU_ASSERT_EQUAL(insert(&bed.user, &copy), HUFU_ERR_KEY_USE);
	bed_clear(&bed);
}

/* A session's copy of a key has a uuid of its own, which the trail must not take for the key's. */
static void recorded_by_its_row(void)
{
	struct bed bed;
	struct key key;

	bed_login(&bed, "standard");
	generate(&bed.user, &key, HUFU_KEY_SM2_PRIVATE);
	set(&key, CKA_SIGN, true);
	CU_ASSERT_EQUAL(insert(&bed.user, &key), HUFU_OK);
	struct hufu_key k = row_key(&key);
	memset(k.uuid, 0xee, sizeof(k.uuid));
	CU_ASSERT_EQUAL(sign_with(&bed.user, &key, k), HUFU_OK);
	CU_ASSERT_EQUAL(memcmp(bed.user.recorded, key.uuid, sizeof(key.uuid)), 0);
	CU_ASSERT_EQUAL(sign_with(&bed.user, &key, k), HUFU_OK); /* on the loop, from memory */
	CU_ASSERT_EQUAL(memcmp(bed.user.recorded, key.uuid, sizeof(key.uuid)), 0);
	CU_ASSERT_EQUAL(sign_with(&bed.other, &key, k), HUFU_ERR_EXPIRED);
	CU_ASSERT_EQUAL(memcmp(bed.other.recorded, key.uuid, sizeof(key.uuid)), 0);
	bed_clear(&bed);
}

/* Put there past the machine, which would not take such a row. */
static void without_a_public_half(void)
{
	struct store_conf conf;
	struct store *store;
	struct bed bed;
	struct key key;
	uint8_t d[32] = {1};
	const struct store_copy copy = {.kind = HUFU_COPY_BLOB, .domain = "soft", .data = d, .len = sizeof(d)};

	bed_login(&bed, "standard");
	generate(&bed.user, &key, HUFU_KEY_SM2_PRIVATE);
	set(&key, CKA_SIGN, true);
	key.point[66] ^= 1;
	key.draft.copies = &copy;
	conf = store_conf_of(tenant_conf(bed.machine[0]));
	CU_ASSERT_EQUAL_FATAL(store_open(&conf, &store), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(store_login(store, STORE_USER, (const uint8_t *)PIN, strlen(PIN)), HUFU_OK);
	CU_ASSERT_EQUAL_FATAL(store_insert(store, &key.draft, key.uuid), HUFU_OK);
	store_close(store);
	key.version = 1;
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(sign(&bed.user, &key), HUFU_ERR_KEY_VALUE);
	bed_clear(&bed);
}

static void name(struct key *key, const char *label)
{
	*attr_of(key, CKA_LABEL) = (struct store_attr){.type = CKA_LABEL, .value = (const uint8_t *)label, .len = strlen(label)};
}

static void named_by_rules(void)
{
	struct bed bed;
	struct key key;

	bed_login(&bed, "standard");
	generate(&bed.user, &key, HUFU_KEY_SM2_PRIVATE);
	set(&key, CKA_SIGN, true);
	name(&key, "root");
	CU_ASSERT_EQUAL(insert(&bed.user, &key), HUFU_OK);
	CU_ASSERT_EQUAL(sign(&bed.user, &key), HUFU_OK);
	bed.user.identity.denied = "root";
	CU_ASSERT_EQUAL(sign(&bed.user, &key), HUFU_ERR_UNSUPPORTED);
	/* Nor under another name, nor by a copy under one. */
	struct key renamed = key;
	renamed.draft.attrs = renamed.attrs;
	name(&renamed, "mine");
	CU_ASSERT_EQUAL(update(&bed.user, &renamed), HUFU_ERR_UNSUPPORTED);
	renamed.draft.copies = &renamed.copy;
	renamed.draft.op_id[0] = 55;
	renamed.copy = (struct store_copy){.kind = HUFU_COPY_INDEX, .data = key.uuid, .len = 16};
	CU_ASSERT_EQUAL(insert(&bed.user, &renamed), HUFU_ERR_UNSUPPORTED);
	CU_ASSERT_EQUAL(sign(&bed.user, &key), HUFU_ERR_UNSUPPORTED);
	bed.user.identity.denied = "other";
	CU_ASSERT_EQUAL(sign(&bed.user, &key), HUFU_OK);
	bed_clear(&bed);
}

static void strict_wants_latches(void)
{
	struct bed bed;
	struct key key;

	bed_login(&bed, "strict");
	generate(&bed.user, &key, HUFU_KEY_SM4);
	set(&key, CKA_ENCRYPT, true);
	set(&key, CKA_WRAP, true);
	set(&key, CKA_UNWRAP, true);
	set(&key, CKA_EXTRACTABLE, true);
	CU_ASSERT_EQUAL(insert(&bed.user, &key), HUFU_OK);
	CU_ASSERT_EQUAL(with_sm4(&bed.user, &key, HUFU_VERB_ENCRYPT), HUFU_ERR_KEY_USE);
	set(&key, CKA_HUFU_HAS_ENCRYPTED, true);
	CU_ASSERT_EQUAL(update(&bed.user, &key), HUFU_OK);
	CU_ASSERT_EQUAL(with_sm4(&bed.user, &key, HUFU_VERB_ENCRYPT), HUFU_OK);
	CU_ASSERT_EQUAL(try_to_set(&bed.user, &key, CKA_HUFU_HAS_ENCRYPTED, false), HUFU_ERR_KEY_USE);
	CU_ASSERT_EQUAL(try_to_set(&bed.user, &key, CKA_HUFU_HAS_WRAPPED, true), HUFU_ERR_KEY_USE);
	CU_ASSERT_EQUAL(try_to_set(&bed.user, &key, CKA_DECRYPT, true), HUFU_ERR_KEY_USE);
	CU_ASSERT_EQUAL(with_sm4(&bed.user, &key, HUFU_VERB_DECRYPT), HUFU_ERR_KEY_USE); /* though it unwraps */
	CU_ASSERT_EQUAL(with_sm4(&bed.user, &key, HUFU_VERB_EXPORT), HUFU_ERR_KEY_USE);  /* though it is extractable */
	bed_clear(&bed);
}

/* What stands in its place is no store. */
static void spoil(const char *dir)
{
	char path[96];

	for (const char *const *suffix = (const char *const[]){"-wal", "-shm", "", NULL}; *suffix; suffix++) {
		snprintf(path, sizeof(path), "%s/bank.db%s", dir, *suffix);
		unlink(path);
	}
	FILE *f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	for (int i = 0; i < 512; i++)
		fputs("no store", f);
	fclose(f);
}

/* A store that is gone keeps nobody from using what is known; it is only changes that wait. */
static void store_down(void)
{
	struct bed bed;
	struct key key;

	bed_login(&bed, "standard");
	generate(&bed.user, &key, HUFU_KEY_SM2_PRIVATE);
	set(&key, CKA_SIGN, true);
	CU_ASSERT_EQUAL(insert(&bed.user, &key), HUFU_OK);
	CU_ASSERT_EQUAL(sign(&bed.user, &key), HUFU_OK);
	spoil(bed.dir);
	clock_sleep_ns(150 * NS_PER_MS); /* what was known is no longer fresh */
	CU_ASSERT_EQUAL(sign(&bed.user, &key), HUFU_OK);
	CU_ASSERT_NOT_EQUAL(update(&bed.user, &key), HUFU_OK);
	CU_ASSERT_EQUAL(sign(&bed.user, &key), HUFU_OK);
	bed_clear(&bed);
}

static const struct unit_case cases[] = {
	{"a token is made, and its user's PIN set, by whoever may be its security officer", made_by_requests},
	{"a login that is asked for again, since its answer was lost, counts once", counted_once},
	{"a login's answer is not kept for another PIN than the one that was tried", answered_for_its_pin},
	{"a ticket of a PIN that a machine has not heard of yet is good there", good_though_not_heard_of},
	{"a ticket opens on every machine what the login opened on one", good_on_all_machines},
	{"a ticket is its client's alone, whole, and dies with the PIN", bound_to_client_and_pin},
	{"a ticket is renewed without the PIN, and one that was given back is not taken", renewed_and_given_back},
	{"what tickets opened is shut when the last has ended, though nobody asks", shut_with_the_last_ticket},
	{"copies of keys stay on the machine: the row's uuid names them", copies_stay},
	{"an op id makes one row, on whichever machines it is tried, for one identity", inserted_once},
	{"only this tenant's sealed copies make keys, and of what they are", foreign_copies_are_none},
	{"what is changed or destroyed is so at the next use", changes_are_seen},
	{"a key is used as its attributes say", used_as_allowed},
	{"the audit trail names the row that was used, whatever the client calls its key", recorded_by_its_row},
	{"a row whose public half is none is no key", without_a_public_half},
	{"a key's value leaves only where whoever asks could wrap it for himself", leaves_as_allowed},
	{"restrictions are never taken back, by no change and no copy", nothing_is_taken_back},
	{"what is denied of a key by its label stays denied, whatever name it is given", named_by_rules},
	{"under strict a key's use is kept with it before it is used so", strict_wants_latches},
	{"with the store down known keys go on, and changes are refused", store_down},
	{0},
};

int main(void)
{
	char why[128];

	return log_configure("none", HUFU_LOG_ERROR, why, sizeof(why)) != HUFU_OK ? 99 : unit_main("token_service", cases);
}
