/* SPDX-License-Identifier: Apache-2.0 */
/* Each server of a conninfo, asked by itself. */
#include <stdio.h>
#include <string.h>

#include "store/postgres/postgres.h"

/* The n-th of a list with commas; a list of one goes for all. False: there is none. */
static bool item(const char *list, size_t n, char *out, size_t len)
{
	if (!list || (!strchr(list, ',') && n))
		n = 0;
	for (; list && n; n--) {
		list = strchr(list, ',');
		if (list)
			list++;
	}
	snprintf(out, len, "%.*s", list ? (int)strcspn(list, ",") : 0, list ? list : "");
	return list != NULL;
}

/* What a connection says of its server; the first line of libpq's words where there is none. */
static void tell(PGconn *conn, const char *name, store_report_fn report, void *arg)
{
	const char *standby = PQparameterStatus(conn, "in_hot_standby");
	const char *why = PQerrorMessage(conn);
	char line[512];

	if (PQstatus(conn) == CONNECTION_OK)
		snprintf(line, sizeof(line), "%s: %s, PostgreSQL %s", name, standby && !strcmp(standby, "on") ? "standby" : "primary",
		         PQparameterStatus(conn, "server_version"));
	else
		snprintf(line, sizeof(line), "%s: %.*s", name, (int)strcspn(why, "\n"), why);
	report(arg, line);
}

static void ask(const char *conninfo, const char *host, const char *addr, const char *port, store_report_fn report, void *arg)
{
	const char *keys[] = {"connect_timeout", "dbname", "host", "hostaddr", "port", "target_session_attrs", NULL};
	const char *values[] = {"2", conninfo, host, addr, port, "any", NULL};
	char name[320];

	snprintf(name, sizeof(name), "%s%s%s", host[0] ? host : addr[0] ? addr : "local", port[0] ? ":" : "", port);
	PGconn *conn = PQconnectdbParams(keys, values, 1);
	tell(conn, name, report, arg);
	PQfinish(conn);
}

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
	for (; options->keyword; options++)
		if (strcmp(options->keyword, keyword) == 0)
			return options->val && options->val[0] ? options->val : NULL;
	return NULL;
}

static size_t count(const char *list)
{
	size_t n = list != NULL;

	for (; list && *list; list++)
		n += *list == ',';
	return n;
}

void pg_servers(const struct store_conf *conf, store_report_fn report, void *arg)
{
	PQconninfoOption *options = PQconninfoParse(conf->conninfo, NULL);
	if (!options)
		return;
	const char *hosts = value_of(options, "host"), *addrs = value_of(options, "hostaddr"), *ports = value_of(options, "port");
	size_t n = count(hosts) > count(addrs) ? count(hosts) : count(addrs);

	for (size_t i = 0; i < (n ? n : 1); i++) {
		char host[256] = "", addr[64] = "", port[16] = "";
		item(hosts, i, host, sizeof(host));
		item(addrs, i, addr, sizeof(addr));
		item(ports, i, port, sizeof(port));
		ask(conf->conninfo, host, addr, port, report, arg);
	}
	PQconninfoFree(options);
}
