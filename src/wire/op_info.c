/* SPDX-License-Identifier: Apache-2.0 */
/* INFO: what a machine can do, as struct hufu_device_info. */
#include "wire/op_internal.h"

#include <stdlib.h>
#include <string.h>

#define CAPS_MAX 1024u
#define VERBS_ALL ((2u << HUFU_VERB_LOGOUT) - 2u)
#define FLAGS_TOLD HUFU_DRIVER_SOFTWARE /* all others are promises that this host's driver makes itself */

/* -- out ----------------------------------------------------------------------------- */

static void put_capability(const struct hufu_capability *cap, Hufu__Wire__Capability *message)
{
	hufu__wire__capability__init(message);
	message->mechanism = cap->mechanism;
	message->verbs = cap->verbs;
	message->min_nbits = cap->min_nbits;
	message->max_nbits = cap->max_nbits;
	message->multi_part = cap->multi_part != 0;
	message->permanent = cap->permanent != 0;
	message->max_in = cap->max_in;
	message->cost_us = cap->cost_us;
}

/* For n rows, and pointers to them, as protobuf-c wants its lists. */
struct rows {
	Hufu__Wire__Capability *message[CAPS_MAX];
	Hufu__Wire__Capability row[CAPS_MAX];
};

static void put_capabilities(const struct hufu_device_info *info, struct rows *rows, Hufu__Wire__InfoReply *reply)
{
	for (size_t i = 0; i < info->ncaps; i++) {
		put_capability(&info->caps[i], &rows->row[i]);
		rows->message[i] = &rows->row[i];
	}
	reply->capabilities = rows->message;
	reply->n_capabilities = info->ncaps;
}

static void put_info(const struct hufu_device_info *info, Hufu__Wire__InfoReply *reply)
{
	reply->vendor = text_of(info->vendor);
	reply->model = text_of(info->model);
	reply->serial = text_of(info->serial);
	reply->firmware = text_of(info->firmware);
	reply->domain_id = bytes_of(info->domain_id, sizeof(info->domain_id));
	reply->max_leases = info->max_leases;
	reply->key_cache = info->key_cache;
}

enum hufu_err wire_info_put_reply(struct writer *out, uint64_t id, const struct hufu_device_info *info, uint32_t driver_flags,
                                  const struct wire_load *load)
{
	struct wire_header header = {.type = WIRE_REPLY, .id = id, .op = WIRE_OP_INFO};
	Hufu__Wire__InfoReply reply = HUFU__WIRE__INFO_REPLY__INIT;
	const struct wire_status done = wire_status_of(HUFU_OK);
	struct rows *rows = info->ncaps <= CAPS_MAX ? malloc(sizeof(*rows)) : NULL;
	Hufu__Wire__Status status_message;
	Hufu__Wire__Load load_message;

	if (!rows)
		return info->ncaps <= CAPS_MAX ? HUFU_ERR_NO_MEMORY : HUFU_ERR_DATA_LEN;
	status_put(&done, &status_message);
	reply.status = &status_message;
	if (load) {
		load_put(load, &load_message);
		reply.load = &load_message;
	}
	put_info(info, &reply);
	put_capabilities(info, rows, &reply);
	reply.flags = driver_flags & FLAGS_TOLD;
	enum hufu_err err = wire_pack(out, &header, &reply.base);
	free(rows);
	return err;
}

/* -- in -------------------------------------------------------------------------------- */

/* Verbs of a later version are passed over, a row without any known one stays, and offers nothing. */
static bool get_capability(const Hufu__Wire__Capability *message, struct hufu_capability *cap)
{
	*cap = (struct hufu_capability){.mechanism = message->mechanism, .verbs = message->verbs & VERBS_ALL,
	                                .min_nbits = message->min_nbits, .max_nbits = message->max_nbits,
	                                .multi_part = message->multi_part != 0, .permanent = message->permanent != 0,
	                                .max_in = message->max_in, .cost_us = message->cost_us};
	return !(message->verbs & 1u) && message->min_nbits <= message->max_nbits;
}

static enum hufu_err get_capabilities(const Hufu__Wire__InfoReply *reply, struct hufu_device_info *info,
                                      struct hufu_capability **caps)
{
	*caps = NULL;
	if (reply->n_capabilities > CAPS_MAX)
		return HUFU_ERR_CORRUPT;
	struct hufu_capability *rows = calloc(reply->n_capabilities + 1, sizeof(*rows));
	if (!rows)
		return HUFU_ERR_NO_MEMORY;
	for (size_t i = 0; i < reply->n_capabilities; i++)
		if (!get_capability(reply->capabilities[i], &rows[i])) {
			free(rows);
			return HUFU_ERR_CORRUPT;
		}
	info->caps = *caps = rows;
	info->ncaps = reply->n_capabilities;
	return HUFU_OK;
}

static bool get_info(const Hufu__Wire__InfoReply *reply, struct hufu_device_info *info)
{
	*info = (struct hufu_device_info){.size = sizeof(*info), .max_leases = reply->max_leases, .key_cache = reply->key_cache};
	return text_get(reply->vendor, info->vendor, sizeof(info->vendor)) &&
	       text_get(reply->model, info->model, sizeof(info->model)) &&
	       text_get(reply->serial, info->serial, sizeof(info->serial)) &&
	       text_get(reply->firmware, info->firmware, sizeof(info->firmware)) &&
	       bytes_get(&reply->domain_id, info->domain_id, sizeof(info->domain_id), true);
}

enum hufu_err wire_info_get_reply(const uint8_t *body, size_t len, struct hufu_device_info *info, struct hufu_capability **caps,
                                  uint32_t *driver_flags, struct wire_load *load)
{
	ProtobufCMessage *message;
	enum hufu_err err = wire_unpack(&hufu__wire__info_reply__descriptor, body, len, &message);

	*caps = NULL;
	load_get(NULL, load);
	if (err != HUFU_OK)
		return err;
	const Hufu__Wire__InfoReply *reply = (const void *)message;
	load_get(reply->load, load);
	*driver_flags = reply->flags & FLAGS_TOLD;
	err = status_get(reply->status);
	if (err == HUFU_OK)
		err = get_info(reply, info) ? get_capabilities(reply, info, caps) : HUFU_ERR_CORRUPT;
	wire_free(message);
	return err;
}
