/* SPDX-License-Identifier: Apache-2.0 */
/* hufu audit verify, hufu audit export: a trail is looked through from end to end, and only then given on. */
#include "audit/audit.h"
#include "audit/chain.h"
#include "base/secret.h"
#include "sm/sm2.h"
#include "tools/audit/trailfile.h"
#include "tools/io.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POINT_DIGITS ((size_t)2 * SM2_POINT_LEN)

const struct opt audit_verify_opts[] = {
	{"seed", 0, "FILE", "the trail's first key, to check every MAC; default: what stands beside it"},
	{"point", 0, "FILE|HEX", "the public key that checkpoints are signed with; default: what stands beside the trail"},
	{0},
};
const struct opt audit_export_opts[] = {
	{"seed", 0, "FILE", "the trail's first key, to check every MAC; default: what stands beside it"},
	{"point", 0, "FILE|HEX", "the public key that checkpoints are signed with; default: what stands beside the trail"},
	{"csv", 0, NULL, "comma-separated values in place of JSON"},
	{0},
};

/* What a trail is held to; in secret memory. */
struct proof {
	bool has_seed, has_point;
	uint8_t seed[CHAIN_KEY_LEN], point[SM2_POINT_LEN];
};

/* -- keys ------------------------------------------------------------------------------ */

/* The file that the option names, or the one beside the trail if it is there. malloc. */
static char *beside(const struct args *args, const char *option, const char *suffix, bool *named)
{
	const char *path = arg_get(args, option);
	char *other = NULL;

	*named = path != NULL;
	if (path)
		return strdup(path);
	if (asprintf(&other, "%s%s", arg_target(args, args->ntargets - 1), suffix) < 0 || access(other, R_OK)) {
		free(other);
		return NULL;
	}
	return other;
}

static enum status take_seed(const struct args *args, struct proof *proof)
{
	bool named;
	char *path = beside(args, "seed", ".seed", &named);
	unsigned char *data = NULL;
	size_t len = 0;
	enum status status = path ? input_all(path, CHAIN_KEY_LEN, &data, &len) : ST_OK;

	if (status == ST_OK && path && len != CHAIN_KEY_LEN)
		status = fail(ST_USAGE, "It is the file FILE.seed that the trail began with.", "%s holds no seed of %d bytes", path, CHAIN_KEY_LEN);
	if (status == ST_OK && path) {
		memcpy(proof->seed, data, CHAIN_KEY_LEN);
		proof->has_seed = true;
	}
	secret_free(data);
	free(path);
	return status;
}

static enum status take_point(const struct args *args, struct proof *proof)
{
	bool named;
	char *path = beside(args, "point", ".key.pub", &named), *text = path;
	unsigned char *data = NULL;
	size_t len = path ? strlen(path) : 0;
	const bool is_hex = named && len == POINT_DIGITS && chain_unhex(path, SM2_POINT_LEN, proof->point);
	enum status status = path && !is_hex ? input_all(path, POINT_DIGITS + 2, &data, &len) : ST_OK;

	if (data)
		text = (char *)data;
	while (len && text[len - 1] == '\n')
		len--;
	if (status == ST_OK && path && (len != POINT_DIGITS || !chain_unhex(text, SM2_POINT_LEN, proof->point)))
		status = fail(ST_USAGE, "It is the file FILE.key.pub, or the digits in it.", "%s is no public key of %zu hexadecimal digits", path,
		              POINT_DIGITS);
	proof->has_point = path && status == ST_OK;
	secret_free(data);
	free(path);
	return status;
}

/* -- looking through ---------------------------------------------------------------------- */

struct findings {
	bool json;
	json_t *list;
};

static void tell(void *arg, const char *message)
{
	struct findings *findings = arg;

	if (findings->json)
		json_array_append_new(findings->list, json_text(message, strlen(message)));
	else
		printf("%s\n", message);
}

static void pass_over(void *arg, const char *message)
{
	(void)arg;
	note("%s", message);
}

static enum status look_through(const struct args *args, const struct trail_files *files, struct proof **proof,
                                void (*finding)(void *, const char *), void *arg, struct audit_verdict *verdict)
{
	*proof = secret_alloc(sizeof(**proof));
	enum status status = *proof ? take_seed(args, *proof) : fail_memory();
	if (status == ST_OK)
		status = take_point(args, *proof);
	if (status != ST_OK)
		return status;
	enum hufu_err err = audit_verify((const char *const *)files->names, files->n, (*proof)->has_point ? (*proof)->point : NULL,
	                                 (*proof)->has_seed ? (*proof)->seed : NULL, finding, arg, verdict);
	if (err == HUFU_ERR_CORRUPT)
		return ST_INTEGRITY;
	return err ? fail_err(err, "verifying %s", files->names[files->n - 1]) : ST_OK;
}

static enum status verdict_text(const struct proof *proof, const struct audit_verdict *v, json_t *findings)
{
	json_decref(findings);
	printf("%llu records, %llu checkpoints, %llu findings\n", (unsigned long long)v->records, (unsigned long long)v->checkpoints,
	       (unsigned long long)v->findings);
	printf("MACs        %s\n", proof->has_seed ? "checked" : "not checked: no seed was given");
	printf("signatures  %s\n", proof->has_point ? "checked" : "not checked: no public key was given");
	printf("head        %s\n", v->head[0] ? v->head : "-");
	return ST_OK;
}

static enum status verdict_json(const struct proof *proof, const struct audit_verdict *v, json_t *findings)
{
	return out_json(json_pack("{s:s,s:b,s:I,s:I,s:o,s:b,s:b,s:s}", "schema", "hufu-audit-verify/1", "good", v->findings == 0, "records",
	                          (json_int_t)v->records, "checkpoints", (json_int_t)v->checkpoints, "findings", findings, "macs_checked",
	                          proof->has_seed, "signatures_checked", proof->has_point, "head", v->head));
}

enum status cmd_audit_verify(const struct args *args)
{
	struct trail_files files;
	struct audit_verdict verdict = {0};
	struct findings findings = {.json = args->json, .list = json_array()};
	struct proof *proof = NULL;
	enum status status = trail_files(args, &files), shown = ST_OK;

	if (status == ST_OK)
		status = look_through(args, &files, &proof, tell, &findings, &verdict);
	if (status == ST_OK || status == ST_INTEGRITY)
		shown = (args->json ? verdict_json : verdict_text)(proof, &verdict, findings.list);
	else
		json_decref(findings.list);
	secret_free(proof);
	trail_files_clear(&files);
	return shown ? shown : status;
}

/* -- giving on ------------------------------------------------------------------------------ */

static const char *const members[] = {"seq", "ts", "mono", "class", "event", "identity", "peer", "token", "key", "op_id", "mech",
                                      "result", "attempts", "device", "us", "detail", "prev", "sig", "mac"};
#define NMEMBERS (sizeof(members) / sizeof(members[0]))

struct export {
	uint64_t left;             /* of what was verified */
	bool csv, first;
};

/* RFC 4180; what a spreadsheet would take for a formula is kept from being one. */
static void csv_field(const char *text)
{
	putchar('"');
	if (text[0] && strchr("=+-@\t\r", text[0]))
		putchar('\'');
	for (; *text; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
}

static void csv_record(const json_t *record)
{
	char buf[24];

	for (size_t i = 0; i < NMEMBERS; i++) {
		csv_field(record_text(record, members[i], buf));
		fputs(i + 1 < NMEMBERS ? "," : "\r\n", stdout);
	}
}

static bool put(void *arg, const json_t *record)
{
	struct export *export = arg;

	if (export->csv) {
		csv_record(record);
	} else {
		fputs(export->first ? "\n" : ",\n", stdout);
		json_dumpf(record, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
	}
	export->first = false;
	return --export->left > 0;
}

static enum status put_all(const struct trail_files *files, struct export *export)
{
	enum status status = ST_OK;

	if (export->csv)
		for (size_t i = 0; i < NMEMBERS; i++)
			printf("%s%s", members[i], i + 1 < NMEMBERS ? "," : "\r\n");
	else
		putchar('[');
	if (export->left)
		status = trail_each(files, put, export);
	if (!export->csv)
		puts("\n]");
	return status;
}

enum status cmd_audit_export(const struct args *args)
{
	struct trail_files files;
	struct audit_verdict verdict = {0};
	struct proof *proof = NULL;
	enum status status = trail_files(args, &files);

	if (status == ST_OK)
		status = look_through(args, &files, &proof, pass_over, NULL, &verdict);
	if (status == ST_INTEGRITY)
		fail(ST_INTEGRITY, "hufu audit verify shows all of it; hufu audit search reads what is left.",
		     "nothing is exported: something was done to the trail");
	if (status == ST_OK)
		status = put_all(&files, &(struct export){.left = verdict.records, .csv = arg_has(args, "csv"), .first = true});
	secret_free(proof);
	trail_files_clear(&files);
	return status;
}
