/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the driver suite share. */
#ifndef DRIVER_SUITE_H
#define DRIVER_SUITE_H

#include "driver_kit.h"
#include "unit.h"

#include "hufu/mechanisms.h"
#include "hufu/pkcs11.h"

extern const struct subject *subject;

/* Room for any output of the suite, watched for writes past its end. */
struct output {
	uint8_t pub[HUFU_PUB_MAX];
	uint8_t bytes[8192];
};

/* What a device offers of a mechanism, and a part of the suite tries. Ends with a row of no verbs. */
#define VERB(name) (1u << HUFU_VERB_##name)
struct tried {
	uint64_t mechanism; /* 0: the verbs that have none */
	uint32_t verbs;
};

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define ASSERT_SAME(a, b, len) CU_ASSERT(memcmp((a), (b), (len)) == 0)

/*
 * Runs it with room for cap bytes of output; then with one byte less than came
 * out, which must say how much it takes and write nothing.
 */
enum hufu_err run_checked(struct hufu_op *, struct kit_key *, struct output *);
/* The same input in two or three parts, cut at a and b; output appended. The verb's end is out or the verdict. */
enum hufu_err run_parts(struct hufu_op *, struct kit_key *, struct output *, size_t a, size_t b);
struct kit_key *key_of_hex(enum hufu_key_type, const char *hex);
/* The same bytes in every run. */
void fill_pattern(uint8_t *, size_t len, uint64_t seed);

/* every verb */
void suite_unknown(void);
void suite_phases(void);
void suite_random(void);
void suite_threads(void);
/* cipher */
void suite_sm4_known(void);
void suite_sm4_random(void);
void suite_sm4_lengths(void);
void suite_gcm_known(void);
void suite_gcm_parts(void);
void suite_gcm_refuses(void);
void suite_eea3(void);
void suite_eea3_parts(void);
/* SM4 with a tag */
extern const struct tried suite_sm4_tried[];
void suite_sm4_ccm_known(void);
void suite_sm4_ccm_refuses(void);
void suite_sm4_macs_known(void);
void suite_sm4_macs_refuse(void);
void suite_sm4_tags_cross(void);
/* macs */
extern const struct tried suite_hmac_tried[];
void suite_hmac_known(void);
void suite_hmac_parts(void);
void suite_hmac_lengths(void);
void suite_eia3(void);
void suite_eia3_parts(void);
void suite_mac_verify(void);
/* AES, DES3 */
extern const struct tried suite_aes_tried[];
void suite_aes_known(void);
void suite_aes_lengths(void);
void suite_aes_keys(void);
void suite_aes_kw(void);
void suite_aes_kwp(void);
void suite_aes_wrap_refuses(void);
void suite_des3(void);
void suite_aes_fork(void);
void suite_aes_fork_evict(void);
void suite_aes_error_queue(void);
void suite_aes_threads(void);
void suite_aes_gcm_known(void);
void suite_aes_gcm_parts(void);
void suite_aes_gcm_wrap(void);
void suite_aes_gcm_refuses(void);
void suite_aes_ccm_known(void);
void suite_aes_ccm_refuses(void);
void suite_aes_cmac_known(void);
void suite_aes_cmac_refuses(void);
void suite_aes_cross(void);
void suite_aes_aead_cross(void);
void suite_aes_cmac_cross(void);
void suite_aes_wrap_cross(void);
/* SM2 */
void suite_sm2_known(void);
void suite_sm2_sign(void);
void suite_sm2_verify_refuses(void);
void suite_sm2_encrypt(void);
void suite_sm2_decrypt_refuses(void);
void suite_sm2_wrap(void);
void suite_sm2_generate(void);
void suite_sm2_import(void);
/* SM2 key exchange */
extern const struct tried suite_agree_tried[];
void suite_agree_known(void);
void suite_agree_lengths(void);
void suite_agree_refuses_points(void);
void suite_agree_refuses(void);
/* RSA */
extern const struct tried suite_rsa_tried[];
void suite_rsa_known(void);
void suite_rsa_rejection(void);
void suite_rsa_libcrypto(void);
void suite_rsa_verify_refuses(void);
void suite_rsa_refuses(void);
void suite_rsa_oaep_refuses(void);
void suite_rsa_threads(void);
void suite_rsa_fork(void);
void suite_rsa_errors(void);
void suite_rsa_fault(void);
void suite_rsa_import_completes(void);
void suite_rsa_import_largest(void);
void suite_rsa_import_refuses(void);
void suite_rsa_import_public(void);
void suite_rsa_generate(void);
/* elliptic curves */
extern const struct tried suite_ec_tried[];
void suite_ecdsa_known(void);
void suite_ecdsa_sign(void);
void suite_ecdsa_refuses(void);
void suite_eddsa_known(void);
void suite_eddsa_long(void);
void suite_ecdh_known(void);
void suite_ecdh_refuses(void);
void suite_montgomery_refuses(void);
void suite_ec_generate(void);
void suite_ec_generate_refuses(void);
void suite_ec_import(void);
void suite_ec_import_garbled(void);
void suite_ec_import_scalars(void);
void suite_ec_import_forms(void);
void suite_ec_import_explicit(void);
void suite_ec_import_points(void);
void suite_edwards_points(void);
void suite_ec_threads(void);
void suite_ec_fork(void);
void suite_ec_evict(void);
void suite_ec_errors(void);

#endif
