/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log. One line a message, logged once, where an error becomes an answer:
 * what was wrong, where, what to do. Never a secret, never a PIN.
 *
 * Until the configuration is read, to syslog (facility AUTHPRIV). HUFU_LOG
 * overrides ("stderr", "file:/path", "syslog", "none", each with ":debug" and
 * the like behind a comma: "stderr,debug"), not in set-uid programs.
 * Thread-safe; the guest of somebody else's process: openlog is not called, no
 * descriptor of the application's is used but stderr.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "hufu/driver.h"

/* to: "syslog", "stderr", "none" or "file:/absolute/path". HUFU_ERR_CONFIG with a message in err. */
enum hufu_err log_configure(const char *to, enum hufu_level, char *err, size_t err_len) __attribute__((warn_unused_result));
void log_msg(enum hufu_level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* struct hufu_host's: names the device first. */
void log_device(enum hufu_level, const char *device, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* False: the message would go nowhere; spares building it. */
bool log_wants(enum hufu_level);
bool log_level_parse(const char *name, enum hufu_level *);
void log_close(void);

void log_before_fork(void);
void log_after_fork(void);

#define log_error(...) log_msg(HUFU_LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_msg(HUFU_LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_msg(HUFU_LOG_NOTICE, __VA_ARGS__)
#define log_info(...) log_msg(HUFU_LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_msg(HUFU_LOG_DEBUG, __VA_ARGS__)
/* "Cannot happen": logs file and line, gives HUFU_ERR_BUG. */
#define log_bug() log_bug_at(__FILE__, __LINE__)
enum hufu_err log_bug_at(const char *file, int line);

#endif
