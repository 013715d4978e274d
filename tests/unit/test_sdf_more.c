/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: files are kept as they were written, debugging is there by configuration only, and threads do not meet. */
#include "sdf_util.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned char *bytes_of(const char *text)
{
	return (unsigned char *)(uintptr_t)text;
}

/* -- files -------------------------------------------------------------------------------- */

static int create(const char *name, unsigned size)
{
	return sdf_face_create_file(session, bytes_of(name), (unsigned)strlen(name), size);
}

static void test_files(void)
{
	unsigned char out[64];
	unsigned int len = sizeof out;
	OK(create("a", 40));
	IS(create("a", 40), SDR_FILEEXISTS);
	OK(sdf_face_read_file(session, bytes_of("a"), 1, 0, &len, out));
	CU_ASSERT_EQUAL(len, 40);
	CU_ASSERT(out[0] == 0 && out[39] == 0);
	OK(sdf_face_write_file(session, bytes_of("a"), 1, 30, 10, bytes_of("0123456789")));
	len = 5;
	OK(sdf_face_read_file(session, bytes_of("a"), 1, 32, &len, out));
	CU_ASSERT_EQUAL(len, 5);
	ASSERT_SAME(out, "23456", 5);
	len = sizeof out;
	OK(sdf_face_read_file(session, bytes_of("a"), 1, 40, &len, out));
	CU_ASSERT_EQUAL(len, 0);
	IS(sdf_face_read_file(session, bytes_of("a"), 1, 41, &len, out), SDR_FILEOFSERR);
	IS(sdf_face_write_file(session, bytes_of("a"), 1, 31, 10, bytes_of("0123456789")), SDR_FILESIZEERR);
	IS(sdf_face_write_file(session, bytes_of("a"), 1, UINT32_MAX, 1, bytes_of("0")), SDR_FILEOFSERR);
	IS(sdf_face_write_file(session, bytes_of("b"), 1, 0, 1, bytes_of("0")), SDR_FILENOEXIST);
	OK(sdf_face_delete_file(session, bytes_of("a"), 1));
	IS(sdf_face_delete_file(session, bytes_of("a"), 1), SDR_FILENOEXIST);
	IS(sdf_face_read_file(session, bytes_of("a"), 1, 0, &len, out), SDR_FILENOEXIST);
}

/* What is a path to the system is a name here, and lies where all files lie. */
static void test_file_names(void)
{
	static const char *const names[] = {"../pin", "/etc/passwd", ".", "..", "a/b", "%2e", "new~", "f-a", "\xe8\x99\x8e\xe7\xac\xa6"};
	char longest[129];
	unsigned char out[8];
	unsigned int len;
	memset(longest, '\xff', sizeof longest);
	longest[128] = 0;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		OK(create(names[i], 8));
		OK(sdf_face_write_file(session, bytes_of(names[i]), (unsigned)strlen(names[i]), 0, 1, (unsigned char[]){(unsigned char)i}));
	}
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		len = 1;
		OK(sdf_face_read_file(session, bytes_of(names[i]), (unsigned)strlen(names[i]), 0, &len, out));
		CU_ASSERT_EQUAL(out[0], i);
		OK(sdf_face_delete_file(session, bytes_of(names[i]), (unsigned)strlen(names[i])));
	}
	OK(create(longest, 8));
	longest[127] = 'x';
	OK(create(longest, 8));
	OK(sdf_face_delete_file(session, bytes_of(longest), 128));
	IS(sdf_face_create_file(session, bytes_of(longest), 129, 8), SDR_INARGERR);
	IS(sdf_face_create_file(session, bytes_of(longest), 0, 8), SDR_INARGERR);
	IS(sdf_face_create_file(session, NULL, 8, 8), SDR_INARGERR);
	IS(create("large", (1u << 20) + 1), SDR_FILESIZEERR);
	OK(create("large", 1u << 19));
	IS(create("larger", (1u << 19) + 1), SDR_FILESIZEERR); /* all together */
	OK(sdf_face_delete_file(session, bytes_of("large"), 5));
}

static void test_file_directory(void)
{
	char path[128];
	unsigned char out[8];
	unsigned int len = sizeof out;
	snprintf(path, sizeof path, "%s/files", sdf_dir);
	OK(create("a", 8));
	CU_ASSERT_EQUAL(chmod(path, 0755), 0);
	IS(sdf_face_read_file(session, bytes_of("a"), 1, 0, &len, out), SDR_FILEWERR); /* it is there, after all */
	IS(create("b", 8), SDR_FILEWERR);
	CU_ASSERT_EQUAL(chmod(path, 0700), 0);
	snprintf(path, sizeof path, "%s/files/f-link", sdf_dir);
	CU_ASSERT_EQUAL(symlink(sdf_conf, path), 0);
	CU_ASSERT(sdf_face_read_file(session, bytes_of("link"), 4, 0, &len, out) != SDR_OK);
	CU_ASSERT_EQUAL(unlink(path), 0);
	OK(sdf_face_read_file(session, bytes_of("a"), 1, 0, &len, out));
}

/* Who dies while writing leaves something behind; it takes no room from those who come after. */
static void test_file_leftover(void)
{
	char path[128];
	snprintf(path, sizeof path, "%s/files/new~", sdf_dir);
	FILE *f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT(fclose(f) == 0 && truncate(path, 1 << 20) == 0);
	OK(create("after", 8));
	OK(sdf_face_delete_file(session, bytes_of("after"), 5));
}

/* -- debugging -------------------------------------------------------------------------------- */

static void test_no_debug(void)
{
	ECCrefPublicKey pub;
	ECCrefPrivateKey priv = {0};
	ECCSignature signature;
	unsigned char block[16] = {0};
	unsigned int len = 16;
	IS(sdf_face_generate_key_pair_ecc(session, SGD_SM2_1, 256, &pub, &priv), SDR_NOTSUPPORT);
	IS(sdf_face_external_sign_ecc(session, SGD_SM2_1, &priv, block, 32, &signature), SDR_NOTSUPPORT);
	IS(sdf_face_external_key_encrypt(session, SGD_SM4_ECB, block, 16, NULL, 0, block, 16, block, &len), SDR_NOTSUPPORT);
}

static void reopen(const char *lines)
{
	OK(sdf_face_close_device(device));
	sdf_write_conf(sdf_conf, lines, "");
	CU_ASSERT_EQUAL_FATAL(sdf_face_open_device(&device, sdf_conf), SDR_OK);
	CU_ASSERT_EQUAL_FATAL(sdf_face_open_session(device, &session), SDR_OK);
}

static void test_debug_ecc(void)
{
	ECCrefPublicKey pub;
	ECCrefPrivateKey priv = {.bits = 256};
	ECCSignature signature;
	union big_cipher c;
	unsigned char out[16];
	unsigned int len = sizeof out;
	reopen("debug = true");
	OK(sdf_face_generate_key_pair_ecc(session, SGD_SM2_1, 256, &pub, &priv));
	OK(sdf_face_external_sign_ecc(session, SGD_SM2_1, &priv, bytes_of((const char *)standard_e), 32, &signature));
	OK(sdf_face_external_verify_ecc(session, SGD_SM2_1, &pub, bytes_of((const char *)standard_e), 32, &signature));
	OK(sdf_face_external_encrypt_ecc(session, SGD_SM2_3, &pub, bytes_of("sixteen bytes.."), 16, &c.c));
	OK(sdf_face_external_decrypt_ecc(session, SGD_SM2_3, &priv, &c.c, out, &len));
	ASSERT_SAME(out, "sixteen bytes..", 16);
	memset(&priv, 0, sizeof priv);
	priv.bits = 256;
	IS(sdf_face_external_sign_ecc(session, SGD_SM2_1, &priv, bytes_of((const char *)standard_e), 32, &signature), SDR_KEYERR);
	IS(sdf_face_generate_key_pair_ecc(session, SGD_SM2_1, 255, &pub, &priv), SDR_INARGERR);
	IS(sdf_face_generate_key_pair_ecc(session, SGD_RSA, 256, &pub, &priv), SDR_ALGNOTSUPPORT);
}

static void test_debug_rsa(void)
{
	RSArefPublicKey pub;
	RSArefPrivateKey priv;
	unsigned char in[256], mid[256], out[256];
	unsigned int len = 256;
	rng_fill(in, sizeof in);
	in[0] = 0;
	OK(sdf_face_generate_key_pair_rsa(session, 2048, &pub, &priv));
	OK(sdf_face_external_private_key_operation_rsa(session, &priv, in, 256, mid, &len));
	OK(sdf_face_external_public_key_operation_rsa(session, &pub, mid, 256, out, &len));
	ASSERT_SAME(in, out, 256);
	IS(sdf_face_generate_key_pair_rsa(session, 4096, &pub, &priv), SDR_INARGERR);
}

/* GB/T 32907 A.1; GM/T 0042-2015 D.3. */
static void test_debug_symmetric(void)
{
	unsigned char key[32], out[32];
	unsigned int len = sizeof out;
	unit_hex("0123456789abcdeffedcba9876543210", key);
	OK(sdf_face_external_key_encrypt(session, SGD_SM4_ECB, key, 16, NULL, 0, key, 16, out, &len));
	ASSERT_HEX(out, len, "681edf34d206965e86b3e94f536e4246");
	OK(sdf_face_external_key_decrypt(session, SGD_SM4_ECB, key, 16, NULL, 0, out, 16, out, &len));
	ASSERT_SAME(out, key, 16);
	OK(sdf_face_external_key_encrypt_init(session, SGD_SM4_ECB, key, 16, NULL, 0));
	OK(sdf_face_encrypt_update(session, key, 16, out, &len));
	ASSERT_HEX(out, len, "681edf34d206965e86b3e94f536e4246");
	len = sizeof out;
	OK(sdf_face_encrypt_final(session, out, &len));
	memset(key, 0x0b, sizeof key);
	OK(sdf_face_external_key_hmac_init(session, SGD_SM3, key, 32));
	OK(sdf_face_hmac_update(session, bytes_of("Hi There"), 8));
	len = sizeof out;
	OK(sdf_face_hmac_final(session, out, &len));
	ASSERT_HEX(out, len, "c0ba18c68b90c88bc07de794bfc7d2c8d19ec31ed8773bc2b390c9604e0be11e");
	IS(sdf_face_external_key_encrypt(session, SGD_SM4_CBC, key, 16, NULL, 0, key, 16, out, &len), SDR_INARGERR);
	IS(sdf_face_external_key_encrypt(session, SGD_SM4_ECB, key, 17, NULL, 0, key, 16, out, &len), SDR_KEYTYPEERR);
}

/* -- lengths, logins, configurations -------------------------------------------------------------- */

/* As 2012 had it: what the length holds before is nothing. */
static void test_lengths(void)
{
	unsigned char out[32];
	unsigned int len = 0;
	reopen("lengths = written");
	OK(sdf_face_hash_init(session, SGD_SM3, NULL, NULL, 0));
	OK(sdf_face_hash_final(session, out, &len));
	CU_ASSERT_EQUAL(len, 32);
}

static void refused(const char *lines, const char *sections)
{
	void *d;
	char path[128];
	snprintf(path, sizeof path, "%s/other.conf", sdf_dir);
	sdf_write_conf(path, lines, sections);
	IS(sdf_face_open_device(&d, path), SDR_OPENDEVICE);
}

static void test_configurations(void)
{
	OK(sdf_face_close_device(device));
	refused("", "sdf_key \"01\" { sign = \"a\" }");
	refused("", "sdf_key \"70000\" { sign = \"a\" }");
	refused("", "sdf_key \"4\" { }");
	refused("", "sdf_key \"4\" { sign = \"id=0\" }");
	refused("", "sdf_key \"4\" { sign = \"a\" password = \"secret word\" }");
	refused("", "sdf_key \"4\" { sign = \"a\" password = \"pbkdf2-sm3:1:00:00\" }");
	refused("", "sdf_kek \"0\" { key = \"a\" }");
	refused("", "sdf_kek \"3\" { }");
	refused("serial = \"12345678901234567\"", "");
	refused("debug = perhaps", "");
	CU_ASSERT_EQUAL_FATAL(sdf_face_open_device(&device, sdf_conf), SDR_OK);
	CU_ASSERT_EQUAL_FATAL(sdf_face_open_session(device, &session), SDR_OK);
}

/* The test program is the library here; a device that is it, by whatever name, would never answer. */
static void test_self(void)
{
	char link[128], sections[256];
	OK(sdf_face_close_device(device));
	snprintf(link, sizeof link, "%s/vendor.so", sdf_dir);
	CU_ASSERT_EQUAL(symlink("/proc/self/exe", link), 0);
	FILE *f = fopen(sdf_conf, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	fclose(f);
	snprintf(sections, sizeof sections, "device \"card\" { driver = \"sdf\" library = \"%s\" token = \"test\" }\n", link);
	refused("", sections);
	CU_ASSERT_EQUAL_FATAL(sdf_face_open_device(&device, sdf_conf), SDR_OK);
	CU_ASSERT_EQUAL_FATAL(sdf_face_open_session(device, &session), SDR_OK);
}

static void test_pin_file(void)
{
	char path[128];
	void *d;
	snprintf(path, sizeof path, "%s/pin", sdf_dir);
	OK(sdf_face_close_device(device));
	CU_ASSERT_EQUAL(chmod(path, 0640), 0);
	IS(sdf_face_open_device(&d, sdf_conf), SDR_OPENDEVICE);
	CU_ASSERT_EQUAL(chmod(path, 0600), 0);
	CU_ASSERT_EQUAL_FATAL(sdf_face_open_device(&device, sdf_conf), SDR_OK);
	CU_ASSERT_EQUAL_FATAL(sdf_face_open_session(device, &session), SDR_OK);
}

/* -- threads ------------------------------------------------------------------------------------------ */

#define THREADS 6
#define ROUNDS 30

static _Atomic int wrong;

static int one_round(void *s, void **kept)
{
	ECCSignature signature;
	unsigned char blob[16], in[16] = {1}, out[16];
	unsigned int len = sizeof blob;
	void *key;
	int result = sdf_face_internal_sign_ecc(s, 2, bytes_of((const char *)standard_e), 32, &signature);
	result |= sdf_face_internal_verify_ecc(s, 2, bytes_of((const char *)standard_e), 32, &signature);
	result |= sdf_face_generate_key_with_kek(s, 128, SGD_SM4_ECB, 1, blob, &len, &key);
	result |= sdf_face_encrypt(s, key, SGD_SM4_ECB, NULL, in, 16, out, &len);
	result |= sdf_face_destroy_key(s, key);
	*kept = key;
	return result;
}

static void *work(void *shared)
{
	for (int i = 0; i < ROUNDS; i++) {
		void *own, *key;
		unsigned char byte;
		if (sdf_face_open_session(device, &own) != SDR_OK) {
			wrong++;
			continue;
		}
		wrong += one_round(own, &key) != SDR_OK;
		wrong += sdf_face_destroy_key(own, key) != SDR_KEYNOTEXIST;
		wrong += sdf_face_get_private_key_access_right(own, 1, bytes_of(PASSWORD_1), sizeof PASSWORD_1 - 1) != SDR_OK;
		wrong += one_round(shared, &key) != SDR_OK;
		wrong += sdf_face_close_session(own) != SDR_OK;
		wrong += sdf_face_generate_random(own, 1, &byte) == SDR_HARDFAIL; /* it may be another's by now */
	}
	return NULL;
}

static void test_threads(void)
{
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, work, session), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT_EQUAL(wrong, 0);
}

/* A child goes on with what it inherits. */
static void test_fork(void)
{
	UNIT_FORKS();
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		void *key;
		_exit(one_round(session, &key) == SDR_OK ? 0 : 1);
	}
	int status = 0;
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	void *key;
	CU_ASSERT_EQUAL(one_round(session, &key), SDR_OK);
}

static const struct unit_case cases[] = {
	{"a token is made", sdf_up},
	{"files are made, written, read and deleted", test_files},
	{"whatever their names are", test_file_names},
	{"in a directory of the user alone", test_file_directory},
	{"whoever died while writing", test_file_leftover},
	{"debugging is not there", test_no_debug},
	{"unless configured: SM2 keys in the clear", test_debug_ecc},
	{"RSA keys in the clear", test_debug_rsa},
	{"symmetric keys in the clear", test_debug_symmetric},
	{"lengths may be as 2012 had them", test_lengths},
	{"mistakes in the configuration keep devices closed", test_configurations},
	{"the library is no device of itself", test_self},
	{"a PIN that others may read logs nobody in", test_pin_file},
	{"threads work side by side, on sessions of their own and on one", test_threads},
	{"a child goes on with what it inherits", test_fork},
	{"all is closed, and no secret left", sdf_down},
	{0},
};
UNIT_MAIN("sdf more", cases)
