/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a ticket is taken on every machine with the same master, from the client it was given to, until it ends; every
 * other one, and every one that was changed in any byte or cut anywhere, is expired and says nothing.
 */
#include "hufud/ticket.h"
#include "tenant_util.h"

#include "base/clock.h"

#define SOFT TENANT_CONF("soft", "device \"soft\" { driver = \"soft\" }\n")

static const struct ticket sample = {.client = {1, 2, 3}, .token_id = {4, 5}, .epoch = 7, .ends = INT64_MAX, .role = STORE_USER,
                                     .token_key = {8, 9}};
static const struct channel_peer owner = {.key_id = {1, 2, 3}}, other = {.key_id = {1, 2, 4}};

struct fixture {
	struct conf *conf;
	struct tenant *here;
	struct writer sealed;
};

static void begin(struct fixture *f, const struct ticket *ticket)
{
	f->conf = tenant_conf_of(SOFT);
	f->here = tenant_of(f->conf, "bank", tenant_master);
	writer_init(&f->sealed, false);
	CU_ASSERT_EQUAL(ticket_seal(f->here, ticket, &f->sealed), HUFU_OK);
	CU_ASSERT_TRUE(f->sealed.len <= TICKET_MAX);
}

static void end(struct fixture *f)
{
	writer_clear(&f->sealed);
	tenant_free(f->here);
	conf_free(f->conf);
}

static enum hufu_err opened(const struct fixture *f, const struct tenant *by, const struct channel_peer *peer)
{
	struct ticket ticket;
	return ticket_open(by, peer, f->sealed.data, f->sealed.len, &ticket);
}

static void good_everywhere(void)
{
	struct fixture f;
	struct ticket ticket;

	memset(&ticket, 0, sizeof(ticket)); /* and what lies between its members */
	begin(&f, &sample);
	struct tenant *there = tenant_of(f.conf, "bank", tenant_master);
	CU_ASSERT_EQUAL_FATAL(ticket_open(there, &owner, f.sealed.data, f.sealed.len, &ticket), HUFU_OK);
	CU_ASSERT_EQUAL(memcmp(&ticket, &sample, sizeof(ticket)), 0);
	tenant_free(there);
	end(&f);
}

static void bound(void)
{
	struct fixture f;
	uint8_t master[MASTER_LEN] = {1};

	begin(&f, &sample);
	struct tenant *others[] = {tenant_of(f.conf, "mint", tenant_master), tenant_of(f.conf, "bank", master)};
	CU_ASSERT_EQUAL(opened(&f, f.here, &other), HUFU_ERR_EXPIRED);
	for (size_t i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(opened(&f, others[i], &owner), HUFU_ERR_EXPIRED);
		tenant_free(others[i]);
	}
	end(&f);
}

static void ends(void)
{
	struct fixture f;
	struct ticket past = sample;

	past.ends = clock_wall_s();
	begin(&f, &past);
	CU_ASSERT_EQUAL(opened(&f, f.here, &owner), HUFU_ERR_EXPIRED);
	end(&f);
	past.ends = -1;
	begin(&f, &past);
	CU_ASSERT_EQUAL(opened(&f, f.here, &owner), HUFU_ERR_EXPIRED);
	end(&f);
}

static void damaged(void)
{
	static const struct ticket nothing;
	struct fixture f;
	struct ticket ticket;

	begin(&f, &sample);
	for (size_t i = 0; i < f.sealed.len; i++) {
		ticket = sample;
		f.sealed.data[i] ^= 0x10;
		CU_ASSERT_EQUAL(ticket_open(f.here, &owner, f.sealed.data, f.sealed.len, &ticket), HUFU_ERR_EXPIRED);
		f.sealed.data[i] ^= 0x10;
		CU_ASSERT_EQUAL(ticket_open(f.here, &owner, f.sealed.data, i, &ticket), HUFU_ERR_EXPIRED);
	}
	f.sealed.data[40] ^= 1;
	CU_ASSERT_EQUAL(ticket_open(f.here, &owner, f.sealed.data, f.sealed.len, &ticket), HUFU_ERR_EXPIRED);
	ticket = sample;
	f.sealed.data[40] ^= 1;
	CU_ASSERT_EQUAL(ticket_open(f.here, &other, f.sealed.data, f.sealed.len, &ticket), HUFU_ERR_EXPIRED);
	CU_ASSERT_EQUAL(memcmp(&ticket, &nothing, sizeof(ticket)), 0);
	end(&f);
}

static const struct unit_case cases[] = {
	{"every machine of the domain opens it, whole", good_everywhere},
	{"another client's, another tenant's, another master's is expired", bound},
	{"it ends", ends},
	{"a changed or a cut one is expired, and nothing of it is left", damaged},
	{0},
};

int main(void)
{
	return unit_main("ticket", cases);
}
