/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's own keys of a device's section: hufu.conf(5). */
#include "driver/sdf/sdf.h"

#include <stdlib.h>

#define DEFAULT_INDEXES "1-64"

struct parse {
	const struct hufu_host *host;
	const struct hufu_conf *conf;
	bool failed;
};

static const char *get(const struct parse *p, const char *key)
{
	const char *value = p->conf->get(p->conf, key);

	return value && value[0] ? value : NULL;
}

static void fail(struct parse *p, const char *key, const char *value, const char *todo)
{
	p->host->log(HUFU_LOG_ERROR, p->conf->name, "%s = \"%s\" %s", key, value, todo);
	p->failed = true;
}

/* Decimal digits, and nothing else that strtoul would take. */
static bool read_index(const char **at, uint32_t *index)
{
	uint32_t x = 0;
	const char *s = *at;

	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++) {
		x = 10 * x + (uint32_t)(*s - '0');
		if (x > SDF_INDEX_MAX)
			return false;
	}
	*at = s;
	*index = x;
	return x != 0;
}

static void skip_spaces(const char **at)
{
	while (**at == ' ' || **at == '\t')
		(*at)++;
}

/* "3" or "1-10". */
static bool read_range(const char **at, struct index_set *set)
{
	uint32_t first, last;

	skip_spaces(at);
	if (!read_index(at, &first))
		return false;
	last = first;
	if (**at == '-') {
		(*at)++;
		if (!read_index(at, &last) || last < first)
			return false;
	}
	for (uint32_t i = first; i <= last; i++)
		index_add(set, i);
	skip_spaces(at);
	return true;
}

static void read_set(struct parse *p, const char *key, const char *value, struct index_set *set)
{
	const char *at = value;
	bool good = true;

	while (at && good && *at) {
		good = read_range(&at, set);
		if (good && *at == ',')
			good = *++at != '\0';
		else if (good && *at)
			good = false;
	}
	if (!good)
		fail(p, key, value, "is no list of indexes. Write numbers from 1 to 1023 and ranges of them, such as \"1-10,20\"");
}

static uint32_t read_one(struct parse *p, const char *key)
{
	const char *value = get(p, key), *at = value;
	uint32_t index = 0;

	if (value && (!read_index(&at, &index) || *at))
		fail(p, key, value, "is no index of a key. Write a number from 1 to 1023");
	return index;
}

static const char *read_path(struct parse *p, const char *key)
{
	const char *value = get(p, key);

	if (value && value[0] != '/')
		fail(p, key, value, "is no absolute path. Write one that begins with /");
	return value;
}

static void read_opt_in(struct parse *p, struct settings *s)
{
	const char *value = get(p, "opt_in");

	for (const char *at = value; at && *at;) {
		size_t len = strcspn(at, ", \t");

		if (len == 3 && strncmp(at, "gcm", len) == 0)
			s->gcm = true;
		else if (len == 4 && strncmp(at, "cmac", len) == 0)
			s->cmac = true;
		else if (len) {
			fail(p, "opt_in", value, "opts in to what is not known. Write gcm, cmac, or \"gcm,cmac\"");
			return;
		}
		at += len;
		at += strspn(at, ", \t");
	}
}

enum hufu_err settings_read(const struct hufu_host *host, const struct hufu_conf *conf, struct settings *s)
{
	struct parse p = {.host = host, .conf = conf};

	*s = (struct settings){.library = read_path(&p, "library"), .profile = get(&p, "profile"),
	                       .open_config = read_path(&p, "open_config"), .kek_index = read_one(&p, "kek_index"),
	                       .isk_index = read_one(&p, "isk_index")};
	if (!s->library) {
		host->log(HUFU_LOG_ERROR, conf->name,
		          "library is not set. Write library = \"/path\" of the vendor's GM/T 0018 library");
		p.failed = true;
	}
	if (!s->profile)
		s->profile = "gmt0018-2012";
	const char *indexes = get(&p, "indexes");
	read_set(&p, "indexes", indexes ? indexes : DEFAULT_INDEXES, &s->indexes);
	read_set(&p, "keks", get(&p, "keks"), &s->keks);
	read_set(&p, "rsa_indexes", get(&p, "rsa_indexes"), &s->rsa_indexes);
	if (s->kek_index)
		index_add(&s->keks, s->kek_index);
	read_opt_in(&p, s);
	return p.failed ? HUFU_ERR_CONFIG : HUFU_OK;
}
