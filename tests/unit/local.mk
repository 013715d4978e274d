# Unit tests: a program an area, each a convenience library's own test.
# UNIT_TESTS are what ./check runs again under sanitizers.
EXTRA_DIST += tests/unit/unit.h

# src/sm, held against libcrypto.
SM_TEST_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(OPENSSL_CFLAGS)
SM_TEST_LIBS = src/sm/libsm.la src/base/libbase.la $(CUNIT_LIBS) $(OPENSSL_LIBS)

UNIT_TESTS += tests/unit/test_sm3
tests_unit_test_sm3_SOURCES = %reldir%/test_sm3.c %reldir%/sm_util.h
tests_unit_test_sm3_CFLAGS = $(SM_TEST_CFLAGS)
tests_unit_test_sm3_LDADD = $(SM_TEST_LIBS)

UNIT_TESTS += tests/unit/test_hash
tests_unit_test_hash_SOURCES = %reldir%/test_hash.c %reldir%/sm_util.h
tests_unit_test_hash_CFLAGS = $(SM_TEST_CFLAGS) $(GCRYPT_CFLAGS)
tests_unit_test_hash_LDADD = $(CRYPTO_LIBS) $(SM_TEST_LIBS) $(GCRYPT_LIBS) $(PTHREAD_LIBS)

UNIT_TESTS += tests/unit/test_sm4
tests_unit_test_sm4_SOURCES = %reldir%/test_sm4.c %reldir%/sm_util.h
tests_unit_test_sm4_CFLAGS = $(SM_TEST_CFLAGS) $(GCRYPT_CFLAGS)
tests_unit_test_sm4_LDADD = $(SM_TEST_LIBS) $(GCRYPT_LIBS)

UNIT_TESTS += tests/unit/test_zuc
tests_unit_test_zuc_SOURCES = %reldir%/test_zuc.c %reldir%/sm_util.h
tests_unit_test_zuc_CFLAGS = $(SM_TEST_CFLAGS)
tests_unit_test_zuc_LDADD = $(SM_TEST_LIBS)

UNIT_TESTS += tests/unit/test_drbg
tests_unit_test_drbg_SOURCES = %reldir%/test_drbg.c %reldir%/sm_util.h
tests_unit_test_drbg_CFLAGS = $(SM_TEST_CFLAGS)
tests_unit_test_drbg_LDADD = $(SM_TEST_LIBS)

UNIT_TESTS += tests/unit/test_sm2
tests_unit_test_sm2_SOURCES = %reldir%/test_sm2.c %reldir%/sm_util.h
tests_unit_test_sm2_CFLAGS = $(SM_TEST_CFLAGS)
tests_unit_test_sm2_LDADD = $(SM_TEST_LIBS)

# The same tests without 128-bit integers and intrinsics.
UNIT_TESTS += tests/unit/test_sm2_plain tests/unit/test_sm4_plain
tests_unit_test_sm2_plain_SOURCES = $(tests_unit_test_sm2_SOURCES) $(SM_SOURCES)
tests_unit_test_sm2_plain_CPPFLAGS = $(AM_CPPFLAGS) -DSM_PLAIN_C
tests_unit_test_sm2_plain_CFLAGS = $(SM_TEST_CFLAGS)
tests_unit_test_sm2_plain_LDADD = src/base/libbase.la $(CUNIT_LIBS) $(OPENSSL_LIBS)
tests_unit_test_sm4_plain_SOURCES = $(tests_unit_test_sm4_SOURCES) $(SM_SOURCES)
tests_unit_test_sm4_plain_CPPFLAGS = $(AM_CPPFLAGS) -DSM_PLAIN_C
tests_unit_test_sm4_plain_CFLAGS = $(tests_unit_test_sm4_CFLAGS)
tests_unit_test_sm4_plain_LDADD = src/base/libbase.la $(CUNIT_LIBS) $(OPENSSL_LIBS) $(GCRYPT_LIBS)

# Constant time: built here, run under valgrind by ./check --long.
check_PROGRAMS += tests/unit/ct_sm
tests_unit_ct_sm_SOURCES = %reldir%/ct_sm.c $(SM_SOURCES)
tests_unit_ct_sm_CPPFLAGS = $(AM_CPPFLAGS) $(CONSTANT_TIME_CPPFLAGS)
tests_unit_ct_sm_LDADD = src/base/libbase.la
.PHONY: check-ct
check-ct: tests/unit/ct_sm
	valgrind -q --log-file=ct_sm.log tests/unit/ct_sm || { $(SED) 's/^/# /' ct_sm.log; exit 1; }
CLEANFILES += ct_sm.log

# Channels, against certificates that libcrypto makes.
WIRE_TEST_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(SSL_CFLAGS) $(PROTOBUFC_CFLAGS)
WIRE_TEST_LIBS = $(WIRE_LIBS) $(CRYPTO_LIBS) $(SM_LIBS) $(CONFUSE_LIBS) $(CUNIT_LIBS) $(SSL_LIBS) $(OPENSSL_LIBS) $(PTHREAD_LIBS)
UNIT_TESTS += tests/unit/test_channel
tests_unit_test_channel_SOURCES = %reldir%/test_channel.c %reldir%/tls_util.c %reldir%/tls_util.h
tests_unit_test_channel_CFLAGS = $(WIRE_TEST_CFLAGS)
tests_unit_test_channel_LDADD = $(WIRE_TEST_LIBS)

# Messages.
UNIT_TESTS += tests/unit/test_wire
tests_unit_test_wire_SOURCES = %reldir%/test_wire.c
tests_unit_test_wire_CFLAGS = $(WIRE_TEST_CFLAGS)
tests_unit_test_wire_LDADD = $(WIRE_TEST_LIBS)

UNIT_TESTS += tests/unit/test_store_op
tests_unit_test_store_op_SOURCES = %reldir%/test_store_op.c
tests_unit_test_store_op_CFLAGS = $(WIRE_TEST_CFLAGS)
tests_unit_test_store_op_LDADD = $(WIRE_TEST_LIBS)

UNIT_TESTS += tests/unit/test_wire_interop
tests_unit_test_wire_interop_SOURCES = %reldir%/test_wire_interop.c
tests_unit_test_wire_interop_CFLAGS = $(WIRE_TEST_CFLAGS)
tests_unit_test_wire_interop_LDADD = $(WIRE_TEST_LIBS)

# Links, against a machine that misbehaves by script.
UNIT_TESTS += tests/unit/test_link
tests_unit_test_link_SOURCES = %reldir%/test_link.c %reldir%/machine_util.c %reldir%/machine_util.h %reldir%/tls_util.c %reldir%/tls_util.h
tests_unit_test_link_CFLAGS = $(WIRE_TEST_CFLAGS)
tests_unit_test_link_LDADD = src/link/liblink.la $(WIRE_TEST_LIBS)

UNIT_TESTS += tests/unit/test_buf
tests_unit_test_buf_SOURCES = %reldir%/test_buf.c
tests_unit_test_buf_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_buf_LDADD = src/base/libbase.la $(CUNIT_LIBS)

UNIT_TESTS += tests/unit/test_secret
tests_unit_test_secret_SOURCES = %reldir%/test_secret.c
tests_unit_test_secret_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_secret_LDADD = src/base/libbase.la $(CUNIT_LIBS) $(PTHREAD_LIBS)

UNIT_TESTS += tests/unit/test_conf
tests_unit_test_conf_SOURCES = %reldir%/test_conf.c
tests_unit_test_conf_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(CONFUSE_CFLAGS)
tests_unit_test_conf_LDADD = src/base/libbase.la $(CONFUSE_LIBS) $(CUNIT_LIBS)

UNIT_TESTS += tests/unit/test_conf_machine
tests_unit_test_conf_machine_SOURCES = %reldir%/test_conf_machine.c
tests_unit_test_conf_machine_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_conf_machine_LDADD = src/base/libbase.la $(CUNIT_LIBS)

UNIT_TESTS += tests/unit/test_conf_edit
tests_unit_test_conf_edit_SOURCES = %reldir%/test_conf_edit.c
tests_unit_test_conf_edit_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_conf_edit_LDADD = src/base/libbase.la $(CUNIT_LIBS) $(PTHREAD_LIBS)

UNIT_TESTS += tests/unit/test_conf_states
tests_unit_test_conf_states_SOURCES = %reldir%/test_conf_states.c
tests_unit_test_conf_states_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_conf_states_LDADD = src/base/libbase.la $(CUNIT_LIBS)

# Run by test_conf.
check_PROGRAMS += tests/unit/show_conf
tests_unit_show_conf_SOURCES = %reldir%/show_conf.c
tests_unit_show_conf_LDADD = src/base/libbase.la

# Virtual time for tests with threads.
VCLOCK_UTIL = %reldir%/vclock.c %reldir%/vclock.h

UNIT_TESTS += tests/unit/test_clock
tests_unit_test_clock_SOURCES = %reldir%/test_clock.c $(VCLOCK_UTIL)
tests_unit_test_clock_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_clock_LDADD = src/base/libbase.la $(CUNIT_LIBS) $(PTHREAD_LIBS)

UNIT_TESTS += tests/unit/test_log
tests_unit_test_log_SOURCES = %reldir%/test_log.c
tests_unit_test_log_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_log_LDADD = src/base/libbase.la $(CUNIT_LIBS) $(PTHREAD_LIBS)

UNIT_TESTS += tests/unit/test_rand
tests_unit_test_rand_SOURCES = %reldir%/test_rand.c
tests_unit_test_rand_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_rand_LDADD = src/rand/librand.la src/sm/libsm.la src/base/libbase.la $(CUNIT_LIBS) $(PTHREAD_LIBS) -lm

UNIT_TESTS += tests/unit/test_asn1
tests_unit_test_asn1_SOURCES = %reldir%/test_asn1.c src/token/asn1.c src/token/asn1.h src/token/der.c src/token/der.h
tests_unit_test_asn1_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(OPENSSL_CFLAGS)
tests_unit_test_asn1_LDADD = src/base/libbase.la $(CUNIT_LIBS) $(OPENSSL_LIBS)

# src/token, through a token of its own.
TOKEN_TEST_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(OPENSSL_CFLAGS)
TOKEN_TEST_LIBS = $(TOKEN_LIBS) $(SQLITE_LIBS) $(CONFUSE_LIBS) $(CUNIT_LIBS) $(OPENSSL_LIBS) $(PTHREAD_LIBS)
TOKEN_TEST_UTIL = %reldir%/token_util.c %reldir%/token_util.h %reldir%/sm_util.h

# The GM/T 0018 face.
SDF_TEST_UTIL = %reldir%/sdf_util.c %reldir%/sdf_util.h %reldir%/sm_util.h
UNIT_TESTS += tests/unit/test_sdf
tests_unit_test_sdf_SOURCES = %reldir%/test_sdf.c $(SDF_TEST_UTIL)
tests_unit_test_sdf_CFLAGS = $(TOKEN_TEST_CFLAGS)
tests_unit_test_sdf_LDADD = src/sdf/libsdf.la $(TOKEN_TEST_LIBS)

UNIT_TESTS += tests/unit/test_sdf_hostile
tests_unit_test_sdf_hostile_SOURCES = %reldir%/test_sdf_hostile.c $(SDF_TEST_UTIL)
tests_unit_test_sdf_hostile_CFLAGS = $(TOKEN_TEST_CFLAGS)
tests_unit_test_sdf_hostile_LDADD = src/sdf/libsdf.la $(TOKEN_TEST_LIBS)

UNIT_TESTS += tests/unit/test_ossl_key
tests_unit_test_ossl_key_SOURCES = %reldir%/test_ossl_key.c $(TOKEN_TEST_UTIL)
tests_unit_test_ossl_key_CFLAGS = $(TOKEN_TEST_CFLAGS) $(P11KIT_CFLAGS)
tests_unit_test_ossl_key_LDADD = src/ossl/libossl.la $(TOKEN_TEST_LIBS) $(P11KIT_LIBS)

UNIT_TESTS += tests/unit/test_ossl_uri
tests_unit_test_ossl_uri_SOURCES = %reldir%/test_ossl_uri.c
tests_unit_test_ossl_uri_CFLAGS = $(TOKEN_TEST_CFLAGS) $(P11KIT_CFLAGS)
tests_unit_test_ossl_uri_LDADD = src/ossl/libossl.la $(TOKEN_TEST_LIBS) $(P11KIT_LIBS)

UNIT_TESTS += tests/unit/test_sdf_key
tests_unit_test_sdf_key_SOURCES = %reldir%/test_sdf_key.c $(SDF_TEST_UTIL)
tests_unit_test_sdf_key_CFLAGS = $(TOKEN_TEST_CFLAGS)
tests_unit_test_sdf_key_LDADD = src/sdf/libsdf.la $(TOKEN_TEST_LIBS)

UNIT_TESTS += tests/unit/test_sdf_more
tests_unit_test_sdf_more_SOURCES = %reldir%/test_sdf_more.c $(SDF_TEST_UTIL)
tests_unit_test_sdf_more_CFLAGS = $(TOKEN_TEST_CFLAGS)
tests_unit_test_sdf_more_LDADD = src/sdf/libsdf.la $(TOKEN_TEST_LIBS)

UNIT_TESTS += tests/unit/test_sdf_right
tests_unit_test_sdf_right_SOURCES = %reldir%/test_sdf_right.c $(SDF_TEST_UTIL) $(VCLOCK_UTIL)
tests_unit_test_sdf_right_CFLAGS = $(TOKEN_TEST_CFLAGS)
tests_unit_test_sdf_right_LDADD = src/sdf/libsdf.la $(TOKEN_TEST_LIBS)

UNIT_TESTS += tests/unit/test_sdf_symmetric
tests_unit_test_sdf_symmetric_SOURCES = %reldir%/test_sdf_symmetric.c $(SDF_TEST_UTIL)
tests_unit_test_sdf_symmetric_CFLAGS = $(TOKEN_TEST_CFLAGS)
tests_unit_test_sdf_symmetric_LDADD = src/sdf/libsdf.la $(TOKEN_TEST_LIBS)

UNIT_TESTS += tests/unit/test_continuity
tests_unit_test_continuity_SOURCES = %reldir%/test_continuity.c $(TOKEN_TEST_UTIL)
tests_unit_test_continuity_CFLAGS = $(TOKEN_TEST_CFLAGS)
tests_unit_test_continuity_LDADD = src/driver/libfault.la $(TOKEN_TEST_LIBS)

UNIT_TESTS += tests/unit/test_crypt
tests_unit_test_crypt_SOURCES = %reldir%/test_crypt.c $(TOKEN_TEST_UTIL)
tests_unit_test_crypt_CFLAGS = $(TOKEN_TEST_CFLAGS)
tests_unit_test_crypt_LDADD = $(TOKEN_TEST_LIBS)

LONG_TESTS += tests/unit/test_domains
tests_unit_test_domains_SOURCES = %reldir%/test_domains.c $(TOKEN_TEST_UTIL)
tests_unit_test_domains_CFLAGS = $(TOKEN_TEST_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_domains_LDADD = src/driver/libfault.la $(TOKEN_TEST_LIBS)

UNIT_TESTS += tests/unit/test_sign
tests_unit_test_sign_SOURCES = %reldir%/test_sign.c $(TOKEN_TEST_UTIL)
tests_unit_test_sign_CFLAGS = $(TOKEN_TEST_CFLAGS)
tests_unit_test_sign_LDADD = $(TOKEN_TEST_LIBS)

UNIT_TESTS += tests/unit/test_message
tests_unit_test_message_SOURCES = %reldir%/test_message.c $(TOKEN_TEST_UTIL)
tests_unit_test_message_CFLAGS = $(TOKEN_TEST_CFLAGS)
tests_unit_test_message_LDADD = $(TOKEN_TEST_LIBS)

UNIT_TESTS += tests/unit/test_conf_diff
tests_unit_test_conf_diff_SOURCES = %reldir%/test_conf_diff.c src/token/conf_diff.c src/token/conf_diff.h
tests_unit_test_conf_diff_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_conf_diff_LDADD = src/base/libbase.la $(CUNIT_LIBS)

UNIT_TESTS += tests/unit/test_mech
tests_unit_test_mech_SOURCES = %reldir%/test_mech.c
tests_unit_test_mech_CFLAGS = $(TOKEN_TEST_CFLAGS)
tests_unit_test_mech_LDADD = $(TOKEN_TEST_LIBS)

UNIT_TESTS += tests/unit/test_alias
tests_unit_test_alias_SOURCES = %reldir%/test_alias.c
tests_unit_test_alias_CFLAGS = $(TOKEN_TEST_CFLAGS)
tests_unit_test_alias_LDADD = $(TOKEN_TEST_LIBS)

UNIT_TESTS += tests/unit/test_param
tests_unit_test_param_SOURCES = %reldir%/test_param.c
tests_unit_test_param_CFLAGS = $(TOKEN_TEST_CFLAGS)
tests_unit_test_param_LDADD = $(TOKEN_TEST_LIBS)

UNIT_TESTS += tests/unit/test_keys
tests_unit_test_keys_SOURCES = %reldir%/test_keys.c $(TOKEN_TEST_UTIL)
tests_unit_test_keys_CFLAGS = $(TOKEN_TEST_CFLAGS)
tests_unit_test_keys_LDADD = $(TOKEN_TEST_LIBS)

UNIT_TESTS += tests/unit/test_derive
tests_unit_test_derive_SOURCES = %reldir%/test_derive.c $(TOKEN_TEST_UTIL)
tests_unit_test_derive_CFLAGS = $(TOKEN_TEST_CFLAGS)
tests_unit_test_derive_LDADD = $(TOKEN_TEST_LIBS)

UNIT_TESTS += tests/unit/test_policy
tests_unit_test_policy_SOURCES = %reldir%/test_policy.c $(TOKEN_TEST_UTIL)
tests_unit_test_policy_CFLAGS = $(TOKEN_TEST_CFLAGS)
tests_unit_test_policy_LDADD = $(TOKEN_TEST_LIBS)

UNIT_TESTS += tests/unit/test_key_types
tests_unit_test_key_types_SOURCES = %reldir%/test_key_types.c $(TOKEN_TEST_UTIL)
tests_unit_test_key_types_CFLAGS = $(TOKEN_TEST_CFLAGS)
tests_unit_test_key_types_LDADD = $(TOKEN_TEST_LIBS)

UNIT_TESTS += tests/unit/test_state
tests_unit_test_state_SOURCES = %reldir%/test_state.c $(TOKEN_TEST_UTIL)
tests_unit_test_state_CFLAGS = $(TOKEN_TEST_CFLAGS)
tests_unit_test_state_LDADD = $(TOKEN_TEST_LIBS)

UNIT_TESTS += tests/unit/test_attr
tests_unit_test_attr_SOURCES = %reldir%/test_attr.c src/token/attr.c src/token/attr.h
tests_unit_test_attr_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_attr_LDADD = src/base/libbase.la $(CUNIT_LIBS) $(PTHREAD_LIBS)
UNIT_TESTS += tests/unit/test_tool_pin tests/unit/test_tool_chunkfile tests/unit/test_tool_text
TOOL_TEST_CFLAGS = $(tools_libhufutool_la_CFLAGS) $(CUNIT_CFLAGS)
TOOL_TEST_LDADD = tools/libhufutool.la src/base/libbase.la $(CUNIT_LIBS)
tests_unit_test_tool_pin_CFLAGS = $(TOOL_TEST_CFLAGS)
tests_unit_test_tool_pin_LDADD = $(TOOL_TEST_LDADD)
tests_unit_test_tool_chunkfile_CFLAGS = $(TOOL_TEST_CFLAGS)
tests_unit_test_tool_chunkfile_LDADD = $(TOOL_TEST_LDADD) $(OPENSSL_LIBS)
tests_unit_test_tool_text_CFLAGS = $(TOOL_TEST_CFLAGS)
tests_unit_test_tool_text_LDADD = $(TOOL_TEST_LDADD) $(JANSSON_LIBS)

UNIT_TESTS += tests/unit/test_tool_fleet
tests_unit_test_tool_fleet_CFLAGS = $(TOOL_TEST_CFLAGS)
tests_unit_test_tool_fleet_LDADD = tools/libhufutool.la $(POOL_LIBS) $(CUNIT_LIBS) $(JANSSON_LIBS)

# src/store: as an enemy, a failing disk, many processes, a kill and a power loss leave it.
STORE_UTIL = %reldir%/store_util.c %reldir%/store_util.h
POWERLOSS_VFS = %reldir%/powerloss_vfs.c %reldir%/powerloss_vfs.h
STORE_TEST_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(SQLITE_CFLAGS)
STORE_TEST_LIBS = $(STORE_LIBS) $(CUNIT_LIBS) $(SQLITE_LIBS) $(PTHREAD_LIBS)

UNIT_TESTS += tests/unit/test_store
tests_unit_test_store_SOURCES = %reldir%/test_store.c $(STORE_UTIL)
tests_unit_test_store_CFLAGS = $(STORE_TEST_CFLAGS)
tests_unit_test_store_LDADD = $(STORE_TEST_LIBS)

UNIT_TESTS += tests/unit/test_store_head
tests_unit_test_store_head_SOURCES = %reldir%/test_store_head.c $(STORE_UTIL)
tests_unit_test_store_head_CFLAGS = $(STORE_TEST_CFLAGS)
tests_unit_test_store_head_LDADD = $(STORE_TEST_LIBS)

UNIT_TESTS += tests/unit/test_store_credentials
tests_unit_test_store_credentials_SOURCES = %reldir%/test_store_credentials.c $(STORE_UTIL)
tests_unit_test_store_credentials_CFLAGS = $(STORE_TEST_CFLAGS)
tests_unit_test_store_credentials_LDADD = $(STORE_TEST_LIBS)

UNIT_TESTS += tests/unit/test_store_domains
tests_unit_test_store_domains_SOURCES = %reldir%/test_store_domains.c $(STORE_UTIL)
tests_unit_test_store_domains_CFLAGS = $(STORE_TEST_CFLAGS)
tests_unit_test_store_domains_LDADD = $(STORE_TEST_LIBS)

UNIT_TESTS += tests/unit/test_store_pin
tests_unit_test_store_pin_SOURCES = %reldir%/test_store_pin.c $(STORE_UTIL)
tests_unit_test_store_pin_CFLAGS = $(STORE_TEST_CFLAGS)
tests_unit_test_store_pin_LDADD = $(STORE_TEST_LIBS)

if HUFUD
# The same over a PostgreSQL that each starts for itself, and what only a database elsewhere can do.
PG_TEST_CFLAGS = $(STORE_TEST_CFLAGS) -DSTORE_OVER_POSTGRES $(PQ_CFLAGS)
PG_TEST_LIBS = src/store/postgres/libpostgres.la $(STORE_TEST_LIBS) $(PQ_LIBS)
PG_UTIL = $(STORE_UTIL) %reldir%/pg_server.c %reldir%/pg_server.h

UNIT_TESTS += tests/unit/test_pg_store
tests_unit_test_pg_store_SOURCES = %reldir%/test_store.c $(PG_UTIL)
tests_unit_test_pg_store_CFLAGS = $(PG_TEST_CFLAGS)
tests_unit_test_pg_store_LDADD = $(PG_TEST_LIBS)

UNIT_TESTS += tests/unit/test_pg_store_pin
tests_unit_test_pg_store_pin_SOURCES = %reldir%/test_store_pin.c $(PG_UTIL)
tests_unit_test_pg_store_pin_CFLAGS = $(PG_TEST_CFLAGS)
tests_unit_test_pg_store_pin_LDADD = $(PG_TEST_LIBS)

UNIT_TESTS += tests/unit/test_pg_store_domains
tests_unit_test_pg_store_domains_SOURCES = %reldir%/test_store_domains.c $(PG_UTIL)
tests_unit_test_pg_store_domains_CFLAGS = $(PG_TEST_CFLAGS)
tests_unit_test_pg_store_domains_LDADD = $(PG_TEST_LIBS)

UNIT_TESTS += tests/unit/test_pg_store_credentials
tests_unit_test_pg_store_credentials_SOURCES = %reldir%/test_store_credentials.c $(PG_UTIL)
tests_unit_test_pg_store_credentials_CFLAGS = $(PG_TEST_CFLAGS)
tests_unit_test_pg_store_credentials_LDADD = $(PG_TEST_LIBS)

UNIT_TESTS += tests/unit/test_pg_store_procs
tests_unit_test_pg_store_procs_SOURCES = %reldir%/test_store_procs.c $(PG_UTIL)
tests_unit_test_pg_store_procs_CFLAGS = $(PG_TEST_CFLAGS)
tests_unit_test_pg_store_procs_LDADD = $(PG_TEST_LIBS)

UNIT_TESTS += tests/unit/test_pg
tests_unit_test_pg_SOURCES = %reldir%/test_pg.c $(PG_UTIL)
tests_unit_test_pg_CFLAGS = $(PG_TEST_CFLAGS)
tests_unit_test_pg_LDADD = $(PG_TEST_LIBS)
endif

UNIT_TESTS += tests/unit/test_store_hostile
tests_unit_test_store_hostile_SOURCES = %reldir%/test_store_hostile.c $(STORE_UTIL)
tests_unit_test_store_hostile_CFLAGS = $(STORE_TEST_CFLAGS)
tests_unit_test_store_hostile_LDADD = $(STORE_TEST_LIBS)

UNIT_TESTS += tests/unit/test_store_format
tests_unit_test_store_format_SOURCES = %reldir%/test_store_format.c $(STORE_UTIL)
tests_unit_test_store_format_CFLAGS = $(STORE_TEST_CFLAGS) $(OPENSSL_CFLAGS) $(GCRYPT_CFLAGS)
tests_unit_test_store_format_LDADD = $(STORE_TEST_LIBS) $(OPENSSL_LIBS) $(GCRYPT_LIBS)

UNIT_TESTS += tests/unit/test_store_faults
tests_unit_test_store_faults_SOURCES = %reldir%/test_store_faults.c $(POWERLOSS_VFS) $(STORE_UTIL)
tests_unit_test_store_faults_CFLAGS = $(STORE_TEST_CFLAGS)
tests_unit_test_store_faults_LDADD = $(STORE_TEST_LIBS)

UNIT_TESTS += tests/unit/test_store_procs
tests_unit_test_store_procs_SOURCES = %reldir%/test_store_procs.c $(STORE_UTIL)
tests_unit_test_store_procs_CFLAGS = $(STORE_TEST_CFLAGS)
tests_unit_test_store_procs_LDADD = $(STORE_TEST_LIBS)

LONG_TESTS += tests/unit/test_powerloss
tests_unit_test_powerloss_SOURCES = %reldir%/test_powerloss.c $(POWERLOSS_VFS) $(STORE_UTIL)
tests_unit_test_powerloss_CFLAGS = $(STORE_TEST_CFLAGS)
tests_unit_test_powerloss_LDADD = $(STORE_TEST_LIBS)

UNIT_TESTS += tests/unit/test_kill
tests_unit_test_kill_SOURCES = %reldir%/test_kill.c $(STORE_UTIL)
tests_unit_test_kill_CFLAGS = $(STORE_TEST_CFLAGS)
tests_unit_test_kill_LDADD = $(STORE_TEST_LIBS)

UNIT_TESTS += tests/unit/test_rules
tests_unit_test_rules_SOURCES = %reldir%/test_rules.c src/token/attr.c src/token/attr.h src/token/rules.c src/token/rules.h
tests_unit_test_rules_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_rules_LDADD = src/base/libbase.la $(CUNIT_LIBS) $(PTHREAD_LIBS)

# src/stats: what a process publishes, and what a reader makes of files that anybody wrote.
UNIT_TESTS += tests/unit/test_stats
tests_unit_test_stats_SOURCES = %reldir%/test_stats.c
tests_unit_test_stats_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_stats_LDADD = $(STATS_LIBS) $(CUNIT_LIBS) $(PTHREAD_LIBS)

# src/pool, over fault devices on virtual time.
POOL_UTIL = %reldir%/pool_util.c %reldir%/pool_util.h
POOL_TEST_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
POOL_TEST_LIBS = src/driver/libfault.la $(POOL_LIBS) $(CUNIT_LIBS) $(PTHREAD_LIBS)

UNIT_TESTS += tests/unit/test_bucket
tests_unit_test_bucket_SOURCES = %reldir%/test_bucket.c
tests_unit_test_bucket_CFLAGS = $(POOL_TEST_CFLAGS)
tests_unit_test_bucket_LDADD = $(POOL_TEST_LIBS)

UNIT_TESTS += tests/unit/test_lane
tests_unit_test_lane_SOURCES = %reldir%/test_lane.c $(VCLOCK_UTIL)
tests_unit_test_lane_CFLAGS = $(POOL_TEST_CFLAGS)
tests_unit_test_lane_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pthread_create
tests_unit_test_lane_LDADD = $(POOL_TEST_LIBS)

UNIT_TESTS += tests/unit/test_op_job
tests_unit_test_op_job_SOURCES = %reldir%/test_op_job.c $(POOL_UTIL)
tests_unit_test_op_job_CFLAGS = $(TOKEN_TEST_CFLAGS)
tests_unit_test_op_job_LDADD = src/driver/libfault.la $(TOKEN_TEST_LIBS)

UNIT_TESTS += tests/unit/test_calls
tests_unit_test_calls_SOURCES = %reldir%/test_calls.c $(VCLOCK_UTIL)
tests_unit_test_calls_CFLAGS = $(POOL_TEST_CFLAGS)
tests_unit_test_calls_LDADD = $(POOL_TEST_LIBS)

UNIT_TESTS += tests/unit/test_park
tests_unit_test_park_SOURCES = %reldir%/test_park.c
tests_unit_test_park_CFLAGS = $(POOL_TEST_CFLAGS)
tests_unit_test_park_LDADD = $(POOL_TEST_LIBS)

UNIT_TESTS += tests/unit/test_stack
tests_unit_test_stack_SOURCES = %reldir%/test_stack.c
tests_unit_test_stack_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_stack_LDADD = src/ossl/libossl.la $(CUNIT_LIBS) $(PTHREAD_LIBS)

UNIT_TESTS += tests/unit/test_pool
tests_unit_test_pool_SOURCES = %reldir%/test_pool.c $(POOL_UTIL)
tests_unit_test_pool_CFLAGS = $(POOL_TEST_CFLAGS)
tests_unit_test_pool_LDADD = $(POOL_TEST_LIBS)

UNIT_TESTS += tests/unit/test_object
tests_unit_test_object_SOURCES = %reldir%/test_object.c
tests_unit_test_object_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_object_LDADD = $(TOKEN_LIBS) $(CUNIT_LIBS) $(SQLITE_LIBS) $(OPENSSL_LIBS) $(PTHREAD_LIBS)
UNIT_TESTS += tests/unit/test_pool_state
tests_unit_test_pool_state_SOURCES = %reldir%/test_pool_state.c
tests_unit_test_pool_state_CFLAGS = $(POOL_TEST_CFLAGS)
tests_unit_test_pool_state_LDADD = $(POOL_TEST_LIBS)

UNIT_TESTS += tests/unit/test_answer
tests_unit_test_answer_SOURCES = %reldir%/test_answer.c $(POOL_UTIL)
tests_unit_test_answer_CFLAGS = $(POOL_TEST_CFLAGS)
tests_unit_test_answer_LDADD = $(POOL_TEST_LIBS)

UNIT_TESTS += tests/unit/test_pool_keeper
tests_unit_test_pool_keeper_SOURCES = %reldir%/test_pool_keeper.c
tests_unit_test_pool_keeper_CFLAGS = $(POOL_TEST_CFLAGS)
tests_unit_test_pool_keeper_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pthread_create
tests_unit_test_pool_keeper_LDADD = $(POOL_TEST_LIBS)

UNIT_TESTS += tests/unit/test_hosted
tests_unit_test_hosted_SOURCES = %reldir%/test_hosted.c
tests_unit_test_hosted_CFLAGS = $(POOL_TEST_CFLAGS)
tests_unit_test_hosted_LDADD = $(POOL_TEST_LIBS)

UNIT_TESTS += tests/unit/test_pool_resident
tests_unit_test_pool_resident_SOURCES = %reldir%/test_pool_resident.c
tests_unit_test_pool_resident_CFLAGS = $(POOL_TEST_CFLAGS)
tests_unit_test_pool_resident_LDADD = $(POOL_TEST_LIBS)

UNIT_TESTS += tests/unit/test_pool_threads
tests_unit_test_pool_threads_SOURCES = %reldir%/test_pool_threads.c $(POOL_UTIL)
tests_unit_test_pool_threads_CFLAGS = $(POOL_TEST_CFLAGS)
tests_unit_test_pool_threads_LDADD = $(POOL_TEST_LIBS)

# src/driver
UNIT_TESTS += tests/unit/test_fault_script
tests_unit_test_fault_script_SOURCES = %reldir%/test_fault_script.c
tests_unit_test_fault_script_CFLAGS = $(POOL_TEST_CFLAGS)
tests_unit_test_fault_script_LDADD = $(POOL_TEST_LIBS)
UNIT_TESTS += tests/unit/test_fault
tests_unit_test_fault_SOURCES = %reldir%/test_fault.c
tests_unit_test_fault_CFLAGS = $(POOL_TEST_CFLAGS)
tests_unit_test_fault_LDADD = $(POOL_TEST_LIBS)

# src/driver/sdf
UNIT_TESTS += tests/unit/test_sdf_profile
tests_unit_test_sdf_profile_SOURCES = %reldir%/test_sdf_profile.c
tests_unit_test_sdf_profile_CFLAGS = $(POOL_TEST_CFLAGS)
tests_unit_test_sdf_profile_LDADD = $(DRIVER_LIBS) $(CUNIT_LIBS) $(PTHREAD_LIBS)

# Libraries of vendors who differ.
UNIT_TESTS += tests/unit/test_sdf_library
tests_unit_test_sdf_library_SOURCES = %reldir%/test_sdf_library.c %reldir%/sdf_fake.h $(VCLOCK_UTIL)
tests_unit_test_sdf_library_CFLAGS = $(POOL_TEST_CFLAGS)
tests_unit_test_sdf_library_LDADD = $(DRIVER_LIBS) $(CUNIT_LIBS) $(PTHREAD_LIBS)
EXTRA_tests_unit_test_sdf_library_DEPENDENCIES = $(SDF_FAKES)
SDF_FAKES = tests/unit/sdf_fake_standard.la tests/unit/sdf_fake_narrow.la tests/unit/sdf_fake_bare.la
tests_unit_sdf_fake_standard_la_SOURCES = %reldir%/sdf_fake.c %reldir%/sdf_fake.h
tests_unit_sdf_fake_standard_la_CPPFLAGS = $(AM_CPPFLAGS) -DFAKE_WIDTH=64 -DFAKE_ARGS=5 -DFAKE_RSA_ARGS=6 -DFAKE_IDS=0x400
tests_unit_sdf_fake_standard_la_LDFLAGS = $(SAMPLE_LDFLAGS)
tests_unit_sdf_fake_standard_la_LIBADD = $(SM_LIBS)
tests_unit_sdf_fake_narrow_la_SOURCES = %reldir%/sdf_fake.c %reldir%/sdf_fake.h
tests_unit_sdf_fake_narrow_la_CPPFLAGS = $(AM_CPPFLAGS) -DFAKE_WIDTH=32 -DFAKE_LENGTH_FIRST=136 -DFAKE_ARGS=6 -DFAKE_RSA_ARGS=7 \
	-DFAKE_IDS=0x2000
tests_unit_sdf_fake_narrow_la_LDFLAGS = $(SAMPLE_LDFLAGS)
tests_unit_sdf_fake_narrow_la_LIBADD = $(SM_LIBS)
tests_unit_sdf_fake_bare_la_SOURCES = %reldir%/sdf_fake.c %reldir%/sdf_fake.h
tests_unit_sdf_fake_bare_la_CPPFLAGS = $(AM_CPPFLAGS) -DFAKE_WIDTH=64 -DFAKE_ARGS=5 -DFAKE_RSA_ARGS=6 -DFAKE_IDS=0x400 -DFAKE_BARE
tests_unit_sdf_fake_bare_la_LDFLAGS = $(SAMPLE_LDFLAGS)
tests_unit_sdf_fake_bare_la_LIBADD = $(SM_LIBS)

# src/driver/p11, over a module that misbehaves as told
UNIT_TESTS += tests/unit/test_p11
tests_unit_test_p11_SOURCES = %reldir%/test_p11.c %reldir%/p11_fake.h
tests_unit_test_p11_CFLAGS = $(POOL_TEST_CFLAGS)
tests_unit_test_p11_LDADD = $(POOL_TEST_LIBS)
EXTRA_tests_unit_test_p11_DEPENDENCIES = tests/unit/p11_fake.la
tests_unit_p11_fake_la_SOURCES = %reldir%/p11_fake.c %reldir%/p11_fake.h
tests_unit_p11_fake_la_LDFLAGS = $(SAMPLE_LDFLAGS)

# Vendors' shared objects, good and bad; -rpath makes libtool build them shared.
SAMPLE_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
UNIT_TESTS += tests/unit/test_soft
tests_unit_test_soft_SOURCES = %reldir%/test_soft.c
tests_unit_test_soft_CFLAGS = $(POOL_TEST_CFLAGS) $(OPENSSL_CFLAGS)
tests_unit_test_soft_LDADD = $(POOL_TEST_LIBS) $(OPENSSL_LIBS)

# The fake's functions stand in for those of the library behind them.
UNIT_TESTS += tests/unit/test_sdf_driver
tests_unit_test_sdf_driver_SOURCES = %reldir%/test_sdf_driver.c %reldir%/sdf_card.c %reldir%/sdf_card.h
tests_unit_test_sdf_driver_CFLAGS = $(POOL_TEST_CFLAGS) $(OPENSSL_CFLAGS)
tests_unit_test_sdf_driver_LDADD = $(POOL_TEST_LIBS) $(OPENSSL_LIBS)

UNIT_TESTS += tests/unit/test_registry
tests_unit_test_registry_SOURCES = %reldir%/test_registry.c
tests_unit_test_registry_CFLAGS = $(POOL_TEST_CFLAGS)
tests_unit_test_registry_LDADD = $(POOL_TEST_LIBS)
EXTRA_tests_unit_test_registry_DEPENDENCIES = $(SAMPLE_DRIVERS)
SAMPLE_DRIVERS = tests/unit/sample_good.la tests/unit/sample_old.la tests/unit/sample_short.la \
	tests/unit/sample_incomplete.la tests/unit/sample_nothing.la tests/unit/sample_no_entry.la
EXTRA_LTLIBRARIES = $(SAMPLE_DRIVERS) $(SDF_FAKES) tests/unit/p11_fake.la
CLEANFILES += $(SAMPLE_DRIVERS) $(SDF_FAKES) tests/unit/p11_fake.la
tests_unit_sample_good_la_SOURCES = %reldir%/sample_driver.c
tests_unit_sample_good_la_CPPFLAGS = $(AM_CPPFLAGS) -DSAMPLE=SAMPLE_GOOD
tests_unit_sample_good_la_LDFLAGS = $(SAMPLE_LDFLAGS)
tests_unit_sample_old_la_SOURCES = %reldir%/sample_driver.c
tests_unit_sample_old_la_CPPFLAGS = $(AM_CPPFLAGS) -DSAMPLE=SAMPLE_OLD
tests_unit_sample_old_la_LDFLAGS = $(SAMPLE_LDFLAGS)
tests_unit_sample_short_la_SOURCES = %reldir%/sample_driver.c
tests_unit_sample_short_la_CPPFLAGS = $(AM_CPPFLAGS) -DSAMPLE=SAMPLE_SHORT
tests_unit_sample_short_la_LDFLAGS = $(SAMPLE_LDFLAGS)
tests_unit_sample_incomplete_la_SOURCES = %reldir%/sample_driver.c
tests_unit_sample_incomplete_la_CPPFLAGS = $(AM_CPPFLAGS) -DSAMPLE=SAMPLE_INCOMPLETE
tests_unit_sample_incomplete_la_LDFLAGS = $(SAMPLE_LDFLAGS)
tests_unit_sample_nothing_la_SOURCES = %reldir%/sample_driver.c
tests_unit_sample_nothing_la_CPPFLAGS = $(AM_CPPFLAGS) -DSAMPLE=SAMPLE_NOTHING
tests_unit_sample_nothing_la_LDFLAGS = $(SAMPLE_LDFLAGS)
tests_unit_sample_no_entry_la_SOURCES = %reldir%/sample_driver.c
tests_unit_sample_no_entry_la_CPPFLAGS = $(AM_CPPFLAGS) -DSAMPLE=SAMPLE_NO_ENTRY
tests_unit_sample_no_entry_la_LDFLAGS = $(SAMPLE_LDFLAGS)

UNIT_TESTS += tests/unit/test_key_form
tests_unit_test_key_form_SOURCES = %reldir%/test_key_form.c src/token/attr.c src/token/curve.c src/token/der.c src/token/key_form.c
tests_unit_test_key_form_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(OPENSSL_CFLAGS)
tests_unit_test_key_form_LDADD = src/base/libbase.la $(CUNIT_LIBS) $(OPENSSL_LIBS) $(PTHREAD_LIBS)

UNIT_TESTS += tests/unit/test_randomness
tests_unit_test_randomness_SOURCES = %reldir%/test_randomness.c
tests_unit_test_randomness_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(OPENSSL_CFLAGS)
tests_unit_test_randomness_LDADD = src/randomness/librandomness.la $(CUNIT_LIBS) $(OPENSSL_LIBS)

UNIT_TESTS += tests/unit/test_qualify
tests_unit_test_qualify_SOURCES = %reldir%/test_qualify.c tools/qualify/chapters.c tools/qualify/count.c tools/qualify/elf.c \
	tools/qualify/html.c tools/qualify/learn.c tools/qualify/plot.c
tests_unit_test_qualify_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_qualify_LDADD = $(DRIVER_LIBS) $(CUNIT_LIBS) $(JANSSON_LIBS) $(OPENSSL_LIBS) $(PTHREAD_LIBS) -lm

UNIT_TESTS += tests/unit/test_audit
tests_unit_test_audit_SOURCES = %reldir%/test_audit.c
tests_unit_test_audit_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(JANSSON_CFLAGS) $(OPENSSL_CFLAGS)
tests_unit_test_audit_LDADD = $(AUDIT_LIBS) $(CUNIT_LIBS) $(OPENSSL_LIBS) $(JANSSON_LIBS) $(PTHREAD_LIBS)

if HUFUD
# The cipher machine without a server.
TENANT_TEST_LIBS = src/hufud/libhufud.la src/audit/libaudit.la src/driver/libfault.la src/store/libstore.la $(POOL_LIBS) $(CUNIT_LIBS) $(PTHREAD_LIBS)

UNIT_TESTS += tests/unit/test_hufud_server
tests_unit_test_hufud_server_SOURCES = %reldir%/test_hufud_server.c
tests_unit_test_hufud_server_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(EVENT_CFLAGS)
tests_unit_test_hufud_server_LDADD = $(TENANT_TEST_LIBS)

UNIT_TESTS += tests/unit/test_hufud_tls
tests_unit_test_hufud_tls_SOURCES = %reldir%/test_hufud_tls.c %reldir%/tls_util.c %reldir%/tls_util.h
tests_unit_test_hufud_tls_CFLAGS = $(WIRE_TEST_CFLAGS) $(EVENT_CFLAGS)
tests_unit_test_hufud_tls_LDADD = $(TENANT_TEST_LIBS) $(OPENSSL_LIBS)

UNIT_TESTS += tests/unit/test_access
tests_unit_test_access_SOURCES = %reldir%/test_access.c
tests_unit_test_access_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_access_LDADD = $(TENANT_TEST_LIBS)

UNIT_TESTS += tests/unit/test_tenant
tests_unit_test_tenant_SOURCES = %reldir%/test_tenant.c %reldir%/tenant_util.h
tests_unit_test_tenant_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_tenant_LDADD = $(TENANT_TEST_LIBS)

UNIT_TESTS += tests/unit/test_devices
tests_unit_test_devices_SOURCES = %reldir%/test_devices.c %reldir%/request_util.h %reldir%/tenant_util.h
tests_unit_test_devices_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_devices_LDADD = $(TENANT_TEST_LIBS)

UNIT_TESTS += tests/unit/test_host
tests_unit_test_host_SOURCES = %reldir%/test_host.c %reldir%/request_util.h
tests_unit_test_host_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_host_LDADD = $(TENANT_TEST_LIBS)

UNIT_TESTS += tests/unit/test_ticket
tests_unit_test_ticket_SOURCES = %reldir%/test_ticket.c %reldir%/tenant_util.h
tests_unit_test_ticket_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_ticket_LDADD = $(TENANT_TEST_LIBS)

UNIT_TESTS += tests/unit/test_token_service
tests_unit_test_token_service_SOURCES = %reldir%/test_token_service.c %reldir%/tenant_util.h
tests_unit_test_token_service_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_token_service_LDADD = $(TENANT_TEST_LIBS)
endif
