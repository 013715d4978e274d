/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/lab/lab.h"

#include "driver/fault/fault.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static CK_UTF8CHAR pin[] = "a pin of the lab";
static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

#define ATTR(type, variable) {(type), &(variable), sizeof(variable)}
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* -- the configuration -------------------------------------------------------------- */

static void write_device(const struct bed_plan *plan, unsigned device, FILE *f)
{
	fprintf(f, "device \"d%u\" {\n\tdriver = \"fault\"\n\twraps = \"soft\"\n\tdomain = \"lab\"\n\tisolation = %s\n"
	           "\tsessions = %u\n",
	        device + 1, plan->threads ? "thread" : "direct", plan->sessions);
	if (plan->service_us)
		fprintf(f, "\tservice = \"%uus\"\n", plan->service_us);
	fputs("}\n", f);
}

static bool configure(const struct bed_plan *plan)
{
	char path[4096];

	snprintf(path, sizeof path, "%s/hufu.conf", plan->dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f)
		return lab_fail("%s cannot be written", path);
	fprintf(f, "log { to = \"file:%s/hufu.log\" level = \"info\" }\nrun_dir = \"%s/run\"\n", plan->dir, plan->dir);
	for (unsigned i = 0; i < plan->devices; i++)
		write_device(plan, i, f);
	fprintf(f, "token \"lab\" {\n\tstore = \"sqlite:%s/lab.db\"\n\thost_secret = \"file:%s/host.key\"\n\tdeadline_ms = %u\n"
	           "\tgenerate_deadline_ms = %u\n\tdevices = {", plan->dir, plan->dir, plan->deadline_ms, plan->deadline_ms);
	for (unsigned i = 0; i < plan->devices; i++)
		fprintf(f, "%s \"d%u\"", i ? "," : "", i + 1);
	fputs(" }\n}\n", f);
	return (fclose(f) == 0 && setenv("HUFU_CONF", path, 1) == 0 && unsetenv("HUFU_LOG") == 0) ||
	       lab_fail("%s cannot be written", path);
}

/* -- the token and its keys ------------------------------------------------------------ */

static bool make_token(struct bed *bed)
{
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
	CK_UTF8CHAR label[32] = "lab                             ";
	CK_ULONG n = 1;

	if (!lab_ok(C_Initialize(&args), "C_Initialize") || !lab_ok(C_GetSlotList(CK_FALSE, &bed->slot, &n), "C_GetSlotList") ||
	    !lab_ok(C_InitToken(bed->slot, pin, sizeof pin - 1, label), "C_InitToken") || !bed_session(bed, &bed->session) ||
	    !lab_ok(C_Login(bed->session, CKU_SO, pin, sizeof pin - 1), "C_Login of the officer") ||
	    !lab_ok(C_InitPIN(bed->session, pin, sizeof pin - 1), "C_InitPIN"))
		return false;
	return lab_ok(C_Logout(bed->session), "C_Logout") &&
	       lab_ok(C_Login(bed->session, CKU_USER, pin, sizeof pin - 1), "C_Login");
}

static bool make_pair(struct bed *bed)
{
	CK_MECHANISM mech = {CKM_HUFU_SM2_KEY_PAIR_GEN, NULL, 0};
	CK_ATTRIBUTE pub[] = {ATTR(CKA_VERIFY, yes)};
	CK_ATTRIBUTE priv[] = {ATTR(CKA_SIGN, yes)};
	CK_OBJECT_HANDLE public_key;
	uint8_t der[2 + sizeof bed->point];
	CK_ATTRIBUTE point = {CKA_EC_POINT, der, sizeof der};

	if (!lab_ok(C_GenerateKeyPair(bed->session, &mech, pub, COUNT(pub), priv, COUNT(priv), &public_key, &bed->sign_key),
	            "C_GenerateKeyPair") ||
	    !lab_ok(C_GetAttributeValue(bed->session, public_key, &point, 1), "CKA_EC_POINT"))
		return false;
	/* An OCTET STRING of 65 bytes. */
	if (point.ulValueLen != sizeof der || der[0] != 4 || der[1] != sizeof bed->point)
		return lab_fail("CKA_EC_POINT is no point");
	memcpy(bed->point, der + 2, sizeof bed->point);
	return true;
}

static bool make_cipher_key(struct bed *bed)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_HUFU_SM4;

	memcpy(bed->cipher_value, "an SM4 key, open", sizeof bed->cipher_value);
	CK_ATTRIBUTE attrs[] = {ATTR(CKA_CLASS, class), ATTR(CKA_KEY_TYPE, type), ATTR(CKA_ENCRYPT, yes),
	                        {CKA_VALUE, bed->cipher_value, sizeof bed->cipher_value}};
	return lab_ok(C_CreateObject(bed->session, attrs, COUNT(attrs), &bed->cipher_key), "C_CreateObject");
}

bool bed_make(const struct bed_plan *plan, struct bed *bed)
{
	*bed = (struct bed){.plan = plan};
	return configure(plan) && make_token(bed) && make_pair(bed) && make_cipher_key(bed);
}

bool bed_session(const struct bed *bed, CK_SESSION_HANDLE *session)
{
	return lab_ok(C_OpenSession(bed->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, session), "C_OpenSession");
}

/* -- calls -------------------------------------------------------------------------------- */

CK_RV bed_sign(const struct bed *bed, CK_SESSION_HANDLE session, const uint8_t e[32], uint8_t sig[64])
{
	CK_MECHANISM mech = {CKM_HUFU_SM2, NULL, 0};
	CK_ULONG len = 64;
	CK_RV rv = C_SignInit(session, &mech, bed->sign_key);

	return rv == CKR_OK ? C_Sign(session, (CK_BYTE *)(size_t)e, 32, sig, &len) : rv;
}

CK_RV bed_encrypt(const struct bed *bed, CK_SESSION_HANDLE session, const uint8_t *in, size_t len, uint8_t *out)
{
	uint8_t iv[16] = {0};
	CK_MECHANISM mech = {CKM_HUFU_SM4_CBC, iv, sizeof iv};
	CK_ULONG out_len = len;
	CK_RV rv = C_EncryptInit(session, &mech, bed->cipher_key);

	return rv == CKR_OK ? C_Encrypt(session, (CK_BYTE *)(size_t)in, len, out, &out_len) : rv;
}

CK_RV bed_make_key(const struct bed *bed, CK_SESSION_HANDLE session, bool pair, const char *label)
{
	CK_MECHANISM mech = {pair ? CKM_HUFU_SM2_KEY_PAIR_GEN : CKM_HUFU_SM4_KEY_GEN, NULL, 0};
	CK_ATTRIBUTE private[] = {ATTR(CKA_TOKEN, yes), ATTR(CKA_PRIVATE, yes), {CKA_LABEL, (void *)(size_t)label, strlen(label)}};
	CK_ATTRIBUTE public[] = {ATTR(CKA_TOKEN, yes), ATTR(CKA_PRIVATE, no), {CKA_LABEL, (void *)(size_t)label, strlen(label)}};
	CK_OBJECT_HANDLE key, public_key;

	(void)bed;
	if (!pair)
		return C_GenerateKey(session, &mech, private, COUNT(private), &key);
	return C_GenerateKeyPair(session, &mech, public, COUNT(public), private, COUNT(private), &public_key, &key);
}

long bed_count_keys(const struct bed *bed, const char *label)
{
	CK_ATTRIBUTE attrs[] = {ATTR(CKA_PRIVATE, yes), {CKA_LABEL, (void *)(size_t)label, strlen(label)}};
	CK_OBJECT_HANDLE found[16];
	CK_ULONG n = 0;

	if (C_FindObjectsInit(bed->session, attrs, COUNT(attrs)) != CKR_OK)
		return -1;
	CK_RV rv = C_FindObjects(bed->session, found, COUNT(found), &n);
	return C_FindObjectsFinal(bed->session) == CKR_OK && rv == CKR_OK ? (long)n : -1;
}

/* -- devices -------------------------------------------------------------------------------- */

static const char *name_of(unsigned device, char name[16])
{
	snprintf(name, 16, "d%u", device + 1);
	return name;
}

bool bed_break(unsigned device, const char *faults)
{
	char name[16], why[256];

	return fault_script(name_of(device, name), faults, why, sizeof why) == HUFU_OK || lab_fail("%s: %s", faults, why);
}

bool bed_mend(unsigned device)
{
	char name[16];

	if (!bed_break(device, ""))
		return false;
	fault_release(name_of(device, name));
	return true;
}

uint64_t bed_served(unsigned device)
{
	char name[16];
	uint64_t ops = 0;

	struct fault_counts counts = fault_counts(name_of(device, name));
	for (size_t i = 0; i < COUNT(counts.ops); i++)
		ops += counts.ops[i];
	return ops;
}
