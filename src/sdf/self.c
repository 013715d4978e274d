/* SPDX-License-Identifier: Apache-2.0 */
#include "sdf/self.h"
#include "base/log.h"
#include "token/slot.h"

#include <dlfcn.h>
#include <string.h>
#include <sys/stat.h>

static const char *library_of(const struct conf_device *device)
{
	for (char **option = device->options; option && *option; option += 2)
		if (strcmp(option[0], "library") == 0)
			return option[1];
	return NULL;
}

/* By the file, whatever names and links lead to it. */
static bool is_self(const char *library, const struct stat *self)
{
	struct stat st;
	return library && stat(library, &st) == 0 && st.st_dev == self->st_dev && st.st_ino == self->st_ino;
}

bool self_is_no_device(const struct conf *conf, CK_SLOT_ID slot)
{
	Dl_info info;
	struct stat self;
	const struct conf_token *token = slot_section(slot);
	/* POSIX: an address of this object; dladdr wants it as data. */
	if (!token || !dladdr((const void *)(uintptr_t)&self_is_no_device, &info) || stat(info.dli_fname, &self) != 0)
		return true;
	for (size_t i = 0; i < token->ndevices; i++) {
		const struct conf_device *device = &conf->devices[token->devices[i]];
		if (!is_self(library_of(device), &self))
			continue;
		log_error("device \"%s\" of token \"%s\" is this library itself, %s: it would ask itself for ever. Name the "
		          "vendor's library", device->name, token->name, info.dli_fname);
		return false;
	}
	return true;
}
