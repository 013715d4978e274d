/* SPDX-License-Identifier: Apache-2.0 */
/* HELLO, HELLO_OK, and what a machine signs to show its domain. */
#include "wire/op_internal.h"

#include <string.h>

#include "sm/sm3.h"

#define PROOF_LABEL "hufu domain proof 1"

enum hufu_err wire_hello_put(struct writer *out, const struct wire_hello *hello)
{
	struct wire_header header = {.type = WIRE_HELLO};
	Hufu__Wire__Hello message = HUFU__WIRE__HELLO__INIT;

	message.version_min = hello->version_min;
	message.version_max = hello->version_max;
	message.features = hello->features;
	message.max_body = hello->max_body;
	message.role = (Hufu__Wire__Role)hello->role;
	message.token = text_of(hello->token);
	message.nonce = bytes_of(hello->nonce, sizeof(hello->nonce));
	message.client = text_of(hello->client);
	message.process = hello->process;
	return wire_pack(out, &header, &message.base);
}

static bool get_hello(const Hufu__Wire__Hello *message, struct wire_hello *hello)
{
	*hello = (struct wire_hello){.version_min = message->version_min, .version_max = message->version_max,
	                             .max_body = message->max_body, .features = message->features, .process = message->process,
	                             .role = (enum wire_role)message->role};
	return message->version_min >= 1 && message->version_min <= message->version_max && message->role >= HUFU__WIRE__ROLE__DEVICES &&
	       message->role <= HUFU__WIRE__ROLE__HOST && text_get(message->token, hello->token, sizeof(hello->token)) &&
	       text_get(message->client, hello->client, sizeof(hello->client)) &&
	       bytes_get(&message->nonce, hello->nonce, sizeof(hello->nonce), false);
}

enum hufu_err wire_hello_get(const uint8_t *body, size_t len, struct wire_hello *hello)
{
	ProtobufCMessage *message;
	enum hufu_err err = len <= WIRE_HELLO_MAX ? wire_unpack(&hufu__wire__hello__descriptor, body, len, &message) : HUFU_ERR_CORRUPT;

	if (err != HUFU_OK)
		return err;
	err = get_hello((const void *)message, hello) ? HUFU_OK : HUFU_ERR_CORRUPT;
	wire_free(message);
	return err;
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= bytes[i];
	return !any;
}

enum hufu_err wire_hello_ok_put(struct writer *out, const struct wire_hello_ok *ok)
{
	struct wire_header header = {.type = WIRE_HELLO_OK};
	Hufu__Wire__HelloOk message = HUFU__WIRE__HELLO_OK__INIT;
	Hufu__Wire__Status status;

	status_put(&ok->status, &status);
	message.status = &status;
	message.version = ok->version;
	message.features = ok->features;
	message.max_body = ok->max_body;
	message.window = ok->window;
	message.machine = text_of(ok->machine);
	message.token = text_of(ok->token);
	message.start = ok->start;
	message.nonce = bytes_of(ok->nonce, sizeof(ok->nonce));
	if (!is_zero(ok->domain_point, sizeof(ok->domain_point))) {
		message.domain_point = bytes_of(ok->domain_point, sizeof(ok->domain_point));
		message.domain_proof = bytes_of(ok->domain_proof, sizeof(ok->domain_proof));
	}
	message.profile = text_of(ok->profile);
	return wire_pack(out, &header, &message.base);
}

/* The beginning of it, in as many whole characters as there is room for: it is for the log. */
static void text_cut(const char *text, char *out, size_t cap)
{
	size_t len = strnlen(text, cap);

	if (len == cap)
		for (len = cap - 1; len && (text[len] & 0xc0) == 0x80;)
			len--;
	memcpy(out, text, len);
	memset(out + len, 0, cap - len);
}

static void get_refusal(const Hufu__Wire__HelloOk *message, struct wire_hello_ok *ok)
{
	const Hufu__Wire__Status *status = message->status;

	ok->status = (struct wire_status){.err = status_get(status)};
	if (!status)
		return;
	ok->status.certainty = (uint8_t)status->certainty;
	ok->status.scope = (uint8_t)status->scope;
	ok->status.retry_ms = status->retry_ms;
	ok->status.vendor_code = status->vendor_code;
	text_cut(status->text, ok->why, sizeof(ok->why));
}

/* A refusal has nothing but its status. */
static bool get_hello_ok(const Hufu__Wire__HelloOk *message, struct wire_hello_ok *ok)
{
	*ok = (struct wire_hello_ok){.version = message->version, .max_body = message->max_body, .window = message->window,
	                             .features = message->features, .start = message->start};
	get_refusal(message, ok);
	if (ok->status.err != HUFU_OK)
		return true;
	return message->version >= 1 && message->max_body >= WIRE_HELLO_MAX && message->max_body <= WIRE_BODY_MAX &&
	       message->window >= 1 && text_get(message->machine, ok->machine, sizeof(ok->machine)) &&
	       text_get(message->token, ok->token, sizeof(ok->token)) && text_get(message->profile, ok->profile, sizeof(ok->profile)) &&
	       bytes_get(&message->nonce, ok->nonce, sizeof(ok->nonce), false) &&
	       message->domain_point.len == message->domain_proof.len &&
	       bytes_get(&message->domain_point, ok->domain_point, sizeof(ok->domain_point), true) &&
	       bytes_get(&message->domain_proof, ok->domain_proof, sizeof(ok->domain_proof), true);
}

enum hufu_err wire_hello_ok_get(const uint8_t *body, size_t len, struct wire_hello_ok *ok)
{
	ProtobufCMessage *message;
	enum hufu_err err = len <= WIRE_HELLO_MAX ? wire_unpack(&hufu__wire__hello_ok__descriptor, body, len, &message) : HUFU_ERR_CORRUPT;

	if (err != HUFU_OK)
		return err;
	err = get_hello_ok((const void *)message, ok) ? HUFU_OK : HUFU_ERR_CORRUPT;
	wire_free(message);
	return err;
}

static void hash_text(struct sm3 *hash, const char *text)
{
	const uint8_t len = (uint8_t)strlen(text); /* at most 64 */

	sm3_update(hash, &len, sizeof(len));
	sm3_update(hash, text, len);
}

void wire_domain_digest(const uint8_t binding[32], const struct wire_hello *hello, const struct wire_hello_ok *ok, uint8_t e[32])
{
	const uint8_t role = (uint8_t)hello->role;
	struct sm3 hash;

	sm3_init(&hash);
	hash_text(&hash, PROOF_LABEL);
	sm3_update(&hash, binding, 32);
	sm3_update(&hash, hello->nonce, sizeof(hello->nonce));
	sm3_update(&hash, ok->nonce, sizeof(ok->nonce));
	sm3_update(&hash, &role, sizeof(role));
	hash_text(&hash, ok->token);
	sm3_final(&hash, e);
}
