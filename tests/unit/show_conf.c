/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For test_conf, which makes it set-uid: 0 when HUFU_CONF and HUFU_LOG were
 * passed over, 1 when one was heeded, 77 when the system gives no set-uid.
 */
#include "base/conf.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

int main(void)
{
	const char *path = getenv("HUFU_CONF"), *log = getenv("HUFU_LOG");
	struct conf *conf = NULL;
	if (!getauxval(AT_SECURE))
		return 77;
	if (!path || !log)
		return 2;
	bool heeded = conf_load(NULL, NULL, &conf) == HUFU_OK && (!conf->path || strcmp(conf->path, path) == 0);
	log_debug("this goes to syslog, if anywhere");
	char *file = strndup(log + strlen("file:"), strcspn(log, ",") - strlen("file:"));
	if (!file || access(file, F_OK) == 0)
		heeded = true;
	free(file);
	conf_free(conf);
	return heeded;
}
