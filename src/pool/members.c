/* SPDX-License-Identifier: Apache-2.0 */
/* The pool's own copies of its configuration: the caller's may be replaced while the pool works. */
#include "pool/internal.h"

#include <stdlib.h>
#include <string.h>

/* What was in force before; others may still read it. */
struct retired {
	struct retired *next;
	const struct conf_token *token;
};

/* -- copies of sections ------------------------------------------------------- */

static bool copy_text(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return *to || !from;
}

static size_t count_texts(char *const *texts)
{
	size_t n = 0;

	while (texts && texts[n])
		n++;
	return n;
}

static bool copy_options(struct conf_device *to, char *const *from)
{
	size_t n = count_texts(from);

	to->options = from ? calloc(n + 1, sizeof(*to->options)) : NULL;
	if (from && !to->options)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!copy_text(&to->options[i], from[i]))
			return false;
	return true;
}

void member_conf_free(const struct conf_device *conf)
{
	struct conf_device *own = (struct conf_device *)(uintptr_t)conf; /* made below, by nobody else */

	if (!own)
		return;
	for (char **option = own->options; option && *option; option++)
		free(*option);
	free(own->options);
	free(own->name);
	free(own->driver);
	free(own->domain);
	free(own->token);
	free(own);
}

const struct conf_device *member_conf_copy(const struct conf_device *from)
{
	struct conf_device *to = malloc(sizeof(*to));

	if (!to)
		return NULL;
	*to = *from;
	to->name = to->driver = to->domain = to->token = NULL;
	to->options = NULL;
	if (copy_text(&to->name, from->name) && copy_text(&to->driver, from->driver) && copy_text(&to->domain, from->domain) &&
	    copy_text(&to->token, from->token) && copy_options(to, from->options))
		return to;
	member_conf_free(to);
	return NULL;
}

static void token_free(const struct conf_token *token)
{
	struct conf_token *own = (struct conf_token *)(uintptr_t)token;

	if (own)
		free(own->name);
	free(own);
}

/* Its name and its numbers: files and the list of devices are others' matter. */
static struct conf_token *token_copy(const struct conf_token *from)
{
	struct conf_token *to = malloc(sizeof(*to));

	if (!to)
		return NULL;
	*to = *from;
	to->store = to->host_secret = NULL;
	to->devices = NULL;
	to->ndevices = 0;
	if (!copy_text(&to->name, from->name)) {
		free(to);
		return NULL;
	}
	return to;
}

/* -- the token's settings ------------------------------------------------------ */

enum hufu_err members_set_token(struct pool *pool, const struct conf_token *conf)
{
	struct conf_token *token = token_copy(conf);
	const struct conf_token *before = atomic_load(&pool->token);
	struct retired *retired = before ? malloc(sizeof(*retired)) : NULL;

	if (!token || (before && !retired)) {
		token_free(token);
		free(retired);
		return HUFU_ERR_NO_MEMORY;
	}
	if (retired) {
		*retired = (struct retired){.next = pool->retired, .token = before};
		pool->retired = retired;
	}
	atomic_store(&pool->deadline_ns, token->deadline_ms * NS_PER_MS);
	atomic_store(&pool->token, token);
	return HUFU_OK;
}

void members_free_settings(struct pool *pool)
{
	struct retired *next;

	for (struct retired *retired = pool->retired; retired; retired = next) {
		next = retired->next;
		token_free(retired->token);
		free(retired);
	}
	token_free(atomic_load(&pool->token));
}
