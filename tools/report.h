/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user is told. An error says what was wrong and where, then what to
 * do next; one of PKCS#11 names its CKR_ code and explains it in a sentence.
 * With -o json the error also goes to stdout, as {"schema":"hufu-error/1",...}.
 */
#ifndef REPORT_H
#define REPORT_H

#include "base/err.h"
#include "hufu/pkcs11.h"
#include "tools/tool.h"

#include <jansson.h>
#include <stdio.h>

void report_json(bool);
/* Messages go there; NULL: to stderr, as at first. For a screen that they would spoil. */
void report_to(FILE *);

/* next: what to do, a sentence, or NULL. Gives status back. */
enum status fail(enum status, const char *next, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same for errno: adds strerror, picks the status (ENOENT: not found, EACCES: policy, else unavailable). */
enum status fail_errno(const char *next, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What failed with this code; its sentence, next step and status come from the table of ckr.h. */
enum status fail_rv(CK_RV, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same for the core's own errors, where a command uses the core. */
enum status fail_err(enum hufu_err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Out of memory. */
enum status fail_memory(void);
/* To stderr, for people: not part of the result. */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Prints the result (takes over the reference) and gives ST_OK; ST_UNAVAILABLE when stdout is closed or full. */
enum status out_json(json_t *) MUST_USE;
/* The same on one line, for -o ndjson. */
enum status out_line(json_t *) MUST_USE;
/* A string of any bytes: UTF-8 as it is, else '?' for what is not. Never NULL but for want of memory. */
json_t *json_text(const void *, size_t len);
/* The same for PKCS#11's fixed fields: the blanks that fill them up are no part of the string. */
json_t *json_padded(const void *, size_t len);
/* The same, to a fixed buffer, for a terminal: no control characters, trailing blanks removed. Gives out. */
char *text_clean(const void *, size_t len, char *out, size_t out_len);

#endif
