/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the configuration reader share. */
#ifndef BASE_CONF_INTERNAL_H
#define BASE_CONF_INTERNAL_H

#include "base/conf.h"

#include <stdbool.h>

#define CONF_MAX_BYTES ((size_t)1 << 20)
#define CONF_NAME_MAX 64

/* -- conf_report.c: mistakes, kept until all are known, told in the order of the file ---- */

#define CONF_LINE_NONE (-1)

struct conf_problem {
	int line;                 /* 0: the file as a whole; CONF_LINE_NONE: the text names the file itself */
	size_t seq;
	char *what;
};

struct conf_reporter {
	const char *name;         /* of the file */
	struct conf_problem *problems;
	size_t n;
	bool found;               /* also when memory ran out for the problem itself */
};

void conf_problem(struct conf_reporter *, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Tells and forgets them; true when there were none. */
bool conf_problems_tell(struct conf_reporter *, conf_report_fn, void *arg) MUST_CHECK;

/* -- conf_outline.c: the sections and keys of a text, with their lines ---- */

#define OUTLINE_TOP SIZE_MAX      /* the section number of what stands in none */

struct outline_section {
	char *kind, *title;       /* title NULL: none was given */
	int line;
	size_t from, to;          /* its place in the text */
	bool dropped;             /* reported and blanked */
};

struct outline_key {
	char *name;
	size_t section;
	int line;
	bool list;                /* = { ... } */
	size_t from, to;
	bool dropped;
};

struct conf_form;

struct outline {
	const struct conf_form *form; /* what the text is held against */
	struct outline_section *sections;
	size_t nsections;
	struct outline_key *keys;
	size_t nkeys;
	bool cut;                 /* what follows a mistake is missing */
};

/*
 * Reads the outline of text. Comments become spaces; text that cannot be
 * understood is cut off, after a report. False when memory is out.
 */
bool outline_read(char *text, const struct conf_form *, struct conf_reporter *, struct outline *) MUST_CHECK;
void outline_clear(struct outline *);
/* Spaces, line ends kept. */
void outline_blank(char *text, size_t from, size_t to);
/* [a-zA-Z0-9._-], 1 to CONF_NAME_MAX characters. */
bool conf_name_valid(const char *);

/* -- conf_keys.c: which keys there are, and what they may hold ---------- */

enum conf_type {
	CONF_NAME, CONF_PATH, CONF_STORE, CONF_NUMBER, CONF_BOOL, CONF_SM2_VIEW, CONF_DES3_USE, CONF_POLICY, CONF_LEVEL, CONF_LOG_TO, CONF_DRIVER,
	CONF_TEXT,                /* for people */
	CONF_CODE,                /* a number, 0x... where one likes: ids and codes of other people */
	CONF_CHOICE,              /* one of choices; the enum's value is its place there */
	CONF_TEXTS,               /* a list, or one: char **, NULL-terminated */
	CONF_DEVICES              /* a list of names, resolved when all devices are known */
};

#define CONF_CHOICES_MAX 16

struct conf_key {
	const char *name;
	enum conf_type type;
	size_t offset;            /* in the struct that the section fills */
	const char *prefix;       /* CONF_PATH: what stands before the path, "file:" */
	uint32_t min, max;        /* CONF_NUMBER; max of CONF_CODE */
	const char *choices[CONF_CHOICES_MAX + 1];
	/* CONF_TEXT, and each of CONF_TEXTS: false after a message without the line. NULL: anything. */
	bool (*check)(const char *text, char *why, size_t why_len);
};

struct conf_section {
	const char *kind;
	bool titled;
	const struct conf_key *keys;
	size_t nkeys;
};

enum conf_section_id {
	CONF_TOP, CONF_LOG, CONF_DEFAULTS, CONF_TOKEN, CONF_DEVICE, CONF_SDF, CONF_SDF_KEY, CONF_SDF_KEK, CONF_MACHINE,
	CONF_IDENTITY, CONF_AUDIT,
	CONF_NSECTIONS
};
extern const struct conf_section conf_sections[CONF_NSECTIONS];

/* The driver of tests, under any of its names. */
bool conf_driver_is_fault(const char *driver);

#define CONF_FORM_SECTIONS 11

/* A kind of file: its sections, the first of them for what stands in none. */
struct conf_form {
	const struct conf_section *sections;
	size_t nsections;         /* at most CONF_FORM_SECTIONS */
	const char *names;        /* "The sections are ..." */
	const struct conf_section *open; /* takes any key beside its own, a driver's; NULL: none */
};
extern const struct conf_form conf_form;

/* What a driver takes beside the keys of every device; NULL: anything (a vendor's). */
const char *const *conf_driver_options(const char *driver);
/* NULL when it names none. */
const struct conf_section *conf_section_find(const struct conf_form *, const char *kind);
const struct conf_key *conf_key_find(const struct conf_section *, const char *name);
/* The names of the keys, "a, b, c", for a message. */
void conf_key_list(const struct conf_section *, char *out, size_t cap);

/*
 * Converts text into the member of object that key stands for; of CONF_TEXTS: one more of them. False after a
 * message, without the line, in why.
 */
bool conf_convert(const struct conf_key *, const char *text, void *object, char *why, size_t why_len) MUST_CHECK;

/* -- conf_vet.c: the outline held against the keys ----------------------- */

/* Reports what is not known or comes twice, and blanks it: libconfuse would stop at it, or keep the wrong one. */
void outline_vet(struct outline *, char *text, struct conf_reporter *);
const struct conf_section *outline_section_of(const struct outline *, size_t section);
/* NULL: not set, or dropped. */
const struct outline_key *outline_find(const struct outline *, size_t section, const char *name);

/* -- conf_values.c: libconfuse ---------------------------------------------- */

struct cfg_t;
/* NULL after a report. */
struct cfg_t *values_read(const struct outline *, const char *text, struct conf_reporter *) MUST_CHECK;
void values_free(struct cfg_t *);
unsigned values_count(struct cfg_t *, const struct outline *, const struct outline_key *);
const char *values_get(struct cfg_t *, const struct outline *, const struct outline_key *, unsigned index);

/* -- conf_find.c ------------------------------------------------------------- */

/* The text of a file that passes conf_check_file, freed by the caller; NULL after a report. */
char *conf_read_text(const char *path, struct conf_reporter *) MUST_CHECK;

/* -- conf_check.c ------------------------------------------------------------ */

/* Opens path for reading if it passes conf_check_file; -1 after a message. */
int conf_open_checked(const char *path, char *err, size_t err_len) MUST_CHECK;
/* After a rename: so that it outlives a power cut, as far as the file system lets us. */
void conf_sync_directory_of(const char *path);

/* -- conf_sdf.c -------------------------------------------------------------- */

/* One more, titled so; NULL when memory is out. It may move when the next is added. */
struct conf_sdf_key *conf_sdf_add_key(struct conf_sdf *, const char *title, int line, struct conf_reporter *);
struct conf_sdf_kek *conf_sdf_add_kek(struct conf_sdf *, const char *title, int line, struct conf_reporter *);
/* Once they are filled, and the section sdf is. */
void conf_sdf_check_key(const struct conf_sdf *, struct conf_sdf_key *, struct conf_reporter *);
void conf_sdf_check_kek(const struct conf_sdf_kek *, struct conf_reporter *);
/* cut: what follows a mistake was not read. */
void conf_sdf_check(const struct conf *, bool cut, struct conf_reporter *);

/* -- conf_machine.c ---------------------------------------------------------- */

/* False: memory is out. */
bool conf_machine_defaults(struct conf *) MUST_CHECK;
/* One more, titled so; NULL when memory is out. It may move when the next is added. */
struct conf_identity *conf_machine_add_identity(struct conf *, const char *title, int line);
void conf_machine_clear(struct conf *);
/* Once all sections are filled. cut: what follows a mistake was not read. False: memory is out. */
bool conf_machine_settle(struct conf *, bool cut, struct conf_reporter *) MUST_CHECK;
/* Of single values. */
bool conf_check_listen(const char *text, char *why, size_t why_len) MUST_CHECK;
bool conf_check_local(const char *text, char *why, size_t why_len) MUST_CHECK;
bool conf_check_master(const char *text, char *why, size_t why_len) MUST_CHECK;
bool conf_check_profile(const char *text, char *why, size_t why_len) MUST_CHECK;
bool conf_check_certificate(const char *text, char *why, size_t why_len) MUST_CHECK;
bool conf_check_role(const char *text, char *why, size_t why_len) MUST_CHECK;
bool conf_check_operation(const char *text, char *why, size_t why_len) MUST_CHECK;

/* -- conf.c ----------------------------------------------------------------- */

struct conf *conf_new(const char *path);
/* text is used up. With mistakes there may be a *conf all the same, which the caller frees. */
enum hufu_err conf_read(char *text, const char *path, struct conf_reporter *, struct conf **conf) MUST_CHECK;
/* The device "soft", made if it is not there; its index, or SIZE_MAX when memory is out. */
size_t conf_soft_device(struct conf *);

/* -- conf_host.c ---------------------------------------------------------------- */

/* Each device learns where its host listens. False: no memory. */
bool conf_host_settle(struct conf *);

#endif
