/* SPDX-License-Identifier: Apache-2.0 */
/* Outcomes of a pool as a machine tells them. */
#include "hufud/access.h"
#include "hufud/tenant_internal.h"
#include "wire/hufu.pb-c.h"

static struct wire_status not_executed(enum hufu_err err, uint8_t scope)
{
	struct wire_status status = wire_status_of(err);

	status.certainty = HUFU__WIRE__CERTAINTY__NOT_EXECUTED;
	status.scope = scope;
	return status;
}

static struct wire_status unknown(enum hufu_err err)
{
	struct wire_status status = wire_status_of(err);

	status.certainty = HUFU__WIRE__CERTAINTY__UNKNOWN;
	return status;
}

struct wire_status answer_status(enum hufu_err err, uint32_t attempts)
{
	switch (hufu_err_group(err)) {
	case HUFU_GROUP_OK:
	case HUFU_GROUP_CALLER:
	case HUFU_GROUP_UNSUPPORTED:
	case HUFU_GROUP_BUSY:
	case HUFU_GROUP_BUG:
		return wire_status_of(err);
	case HUFU_GROUP_NO_KEY:
		return not_executed(err, HUFU__WIRE__SCOPE__KEY);
	case HUFU_GROUP_DENIED:
	case HUFU_GROUP_EXPIRED:
	case HUFU_GROUP_GONE:
		return not_executed(HUFU_ERR_NO_DEVICE, HUFU__WIRE__SCOPE__MACHINE);
	case HUFU_GROUP_LOST:
	case HUFU_GROUP_CORRUPT:
		return unknown(HUFU_ERR_LOST);
	case HUFU_GROUP_HOST:
		break;
	}
	if (attempts == 0)
		return not_executed(err, err == HUFU_ERR_NO_DEVICE ? HUFU__WIRE__SCOPE__MACHINE : HUFU__WIRE__SCOPE__OP);
	return unknown(err);
}

enum hufu_err request_allowed(struct request *req, const char *key_label)
{
	if (access_allows(req->session->identity, req->op, key_label))
		return HUFU_OK;
	req->denied = true;
	return HUFU_ERR_UNSUPPORTED;
}

void answer_error(struct request *req, enum hufu_err err)
{
	struct wire_load load;

	req->outcome = answer_status(err, 0);
	tenant_load(req->session->tenant, &load);
	writer_init(&req->reply, true);
	if (wire_put_status(&req->reply, req->id, req->op, &req->outcome, &load) != HUFU_OK)
		writer_clear(&req->reply);
	request_answer(req);
}
