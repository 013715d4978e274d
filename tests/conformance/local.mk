# The PKCS#11 face: programs that load the built module as an application would.
check_LTLIBRARIES = tests/conformance/libface.la
tests_conformance_libface_la_SOURCES = %reldir%/face.c %reldir%/face.h \
	%reldir%/face_machine.c %reldir%/face_machine.h
tests_conformance_libface_la_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
tests_conformance_libface_la_LIBADD = $(CUNIT_LIBS) $(PTHREAD_LIBS)

FACE_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)
FACE_LIBS = tests/conformance/libface.la

FACE_TESTS = \
	tests/conformance/test_aes \
	tests/conformance/test_agree \
	tests/conformance/test_alias \
	tests/conformance/test_cipher \
	tests/conformance/test_dual \
	tests/conformance/test_ec \
	tests/conformance/test_envelope \
	tests/conformance/test_fork \
	tests/conformance/test_general \
	tests/conformance/test_hash \
	tests/conformance/test_hostile \
	tests/conformance/test_key \
	tests/conformance/test_message \
	tests/conformance/test_object \
	tests/conformance/test_races \
	tests/conformance/test_attacks \
	tests/conformance/test_policy \
	tests/conformance/test_reload \
	tests/conformance/test_rsa \
	tests/conformance/test_session \
	tests/conformance/test_sign \
	tests/conformance/test_slot \
	tests/conformance/test_sm4_tags \
	tests/conformance/test_threads

tests_conformance_test_aes_SOURCES = %reldir%/test_aes.c
tests_conformance_test_aes_CFLAGS = $(FACE_CFLAGS) $(OPENSSL_CFLAGS)
tests_conformance_test_aes_LDADD = $(FACE_LIBS) $(OPENSSL_LIBS)

tests_conformance_test_agree_SOURCES = %reldir%/test_agree.c
tests_conformance_test_agree_CFLAGS = $(FACE_CFLAGS)
tests_conformance_test_agree_LDADD = $(FACE_LIBS)

tests_conformance_test_alias_SOURCES = %reldir%/test_alias.c
tests_conformance_test_alias_CFLAGS = $(FACE_CFLAGS)
tests_conformance_test_alias_LDADD = $(FACE_LIBS)

tests_conformance_test_cipher_SOURCES = %reldir%/test_cipher.c
tests_conformance_test_cipher_CFLAGS = $(FACE_CFLAGS)
tests_conformance_test_cipher_LDADD = $(FACE_LIBS)

tests_conformance_test_dual_SOURCES = %reldir%/test_dual.c
tests_conformance_test_dual_CFLAGS = $(FACE_CFLAGS)
tests_conformance_test_dual_LDADD = $(FACE_LIBS)

tests_conformance_test_ec_SOURCES = %reldir%/test_ec.c
tests_conformance_test_ec_CFLAGS = $(FACE_CFLAGS) $(OPENSSL_CFLAGS)
tests_conformance_test_ec_LDADD = $(FACE_LIBS) $(OPENSSL_LIBS)

tests_conformance_test_envelope_SOURCES = %reldir%/test_envelope.c
tests_conformance_test_envelope_CFLAGS = $(FACE_CFLAGS)
tests_conformance_test_envelope_LDADD = $(FACE_LIBS)

tests_conformance_test_fork_SOURCES = %reldir%/test_fork.c
tests_conformance_test_fork_CFLAGS = $(FACE_CFLAGS)
tests_conformance_test_fork_LDADD = $(FACE_LIBS)

tests_conformance_test_general_SOURCES = %reldir%/test_general.c
tests_conformance_test_general_CFLAGS = $(FACE_CFLAGS)
tests_conformance_test_general_LDADD = $(FACE_LIBS)

tests_conformance_test_hostile_SOURCES = %reldir%/test_hostile.c
tests_conformance_test_hostile_CFLAGS = $(FACE_CFLAGS)
tests_conformance_test_hostile_LDADD = $(FACE_LIBS)

tests_conformance_test_key_SOURCES = %reldir%/test_key.c
tests_conformance_test_key_CFLAGS = $(FACE_CFLAGS) $(OPENSSL_CFLAGS)
tests_conformance_test_key_LDADD = $(FACE_LIBS) $(OPENSSL_LIBS)

tests_conformance_test_message_SOURCES = %reldir%/test_message.c
tests_conformance_test_message_CFLAGS = $(FACE_CFLAGS)
tests_conformance_test_message_LDADD = $(FACE_LIBS)

tests_conformance_test_object_SOURCES = %reldir%/test_object.c
tests_conformance_test_object_CFLAGS = $(FACE_CFLAGS)
tests_conformance_test_object_LDADD = $(FACE_LIBS)

tests_conformance_test_session_SOURCES = %reldir%/test_session.c
tests_conformance_test_session_CFLAGS = $(FACE_CFLAGS)
tests_conformance_test_session_LDADD = $(FACE_LIBS)

tests_conformance_test_hash_SOURCES = %reldir%/test_hash.c
tests_conformance_test_hash_CFLAGS = $(FACE_CFLAGS) $(OPENSSL_CFLAGS)
tests_conformance_test_hash_LDADD = $(FACE_LIBS) $(OPENSSL_LIBS)

tests_conformance_test_reload_SOURCES = %reldir%/test_reload.c
tests_conformance_test_reload_CFLAGS = $(FACE_CFLAGS)
tests_conformance_test_reload_LDADD = $(FACE_LIBS) $(STATS_LIBS) $(PTHREAD_LIBS)

tests_conformance_test_rsa_SOURCES = %reldir%/test_rsa.c
tests_conformance_test_rsa_CFLAGS = $(FACE_CFLAGS) $(OPENSSL_CFLAGS)
tests_conformance_test_rsa_LDADD = $(FACE_LIBS) $(OPENSSL_LIBS)

tests_conformance_test_sign_SOURCES = %reldir%/test_sign.c
tests_conformance_test_sign_CFLAGS = $(FACE_CFLAGS) $(OPENSSL_CFLAGS)
tests_conformance_test_sign_LDADD = $(FACE_LIBS) $(OPENSSL_LIBS)

tests_conformance_test_slot_SOURCES = %reldir%/test_slot.c
tests_conformance_test_slot_CFLAGS = $(FACE_CFLAGS)
tests_conformance_test_slot_LDADD = $(FACE_LIBS)

tests_conformance_test_sm4_tags_SOURCES = %reldir%/test_sm4_tags.c
tests_conformance_test_sm4_tags_CFLAGS = $(FACE_CFLAGS)
tests_conformance_test_sm4_tags_LDADD = $(FACE_LIBS)

tests_conformance_test_threads_SOURCES = %reldir%/test_threads.c
tests_conformance_test_threads_CFLAGS = $(FACE_CFLAGS)
tests_conformance_test_threads_LDADD = $(FACE_LIBS)

tests_conformance_test_attacks_SOURCES = %reldir%/test_attacks.c
tests_conformance_test_attacks_CFLAGS = $(FACE_CFLAGS) $(SQLITE_CFLAGS)
tests_conformance_test_attacks_LDADD = $(FACE_LIBS) $(SQLITE_LIBS)

tests_conformance_test_policy_SOURCES = %reldir%/test_policy.c
tests_conformance_test_policy_CFLAGS = $(FACE_CFLAGS)
tests_conformance_test_policy_LDADD = $(FACE_LIBS)

tests_conformance_test_races_SOURCES = %reldir%/test_races.c
tests_conformance_test_races_CFLAGS = $(FACE_CFLAGS)
tests_conformance_test_races_LDADD = $(FACE_LIBS)

# The OpenSSL provider, likewise.
check_LTLIBRARIES += tests/conformance/libprovider.la
tests_conformance_libprovider_la_SOURCES = %reldir%/provider.c %reldir%/provider.h
tests_conformance_libprovider_la_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(OPENSSL_CFLAGS)
tests_conformance_libprovider_la_LIBADD = tests/conformance/libface.la $(OPENSSL_LIBS)

PROVIDER_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(OPENSSL_CFLAGS)
PROVIDER_LIBS = tests/conformance/libprovider.la
PROVIDER_LOADED = %reldir%/provider_leaks.c

PROVIDER_TESTS = \
	tests/conformance/provider_cipher \
	tests/conformance/provider_crypt \
	tests/conformance/provider_hostile \
	tests/conformance/provider_keys \
	tests/conformance/provider_sign

tests_conformance_provider_cipher_SOURCES = %reldir%/provider_cipher.c $(PROVIDER_LOADED)
tests_conformance_provider_cipher_CFLAGS = $(PROVIDER_CFLAGS) $(GCRYPT_CFLAGS)
tests_conformance_provider_cipher_LDADD = $(PROVIDER_LIBS) $(GCRYPT_LIBS) $(PTHREAD_LIBS)

tests_conformance_provider_crypt_SOURCES = %reldir%/provider_crypt.c $(PROVIDER_LOADED)
tests_conformance_provider_crypt_CFLAGS = $(PROVIDER_CFLAGS)
tests_conformance_provider_crypt_LDADD = $(PROVIDER_LIBS)

tests_conformance_provider_hostile_SOURCES = %reldir%/provider_hostile.c $(PROVIDER_LOADED)
tests_conformance_provider_hostile_CFLAGS = $(PROVIDER_CFLAGS)
tests_conformance_provider_hostile_LDADD = $(PROVIDER_LIBS) $(PTHREAD_LIBS)

tests_conformance_provider_keys_SOURCES = %reldir%/provider_keys.c $(PROVIDER_LOADED)
tests_conformance_provider_keys_CFLAGS = $(PROVIDER_CFLAGS)
tests_conformance_provider_keys_LDADD = $(PROVIDER_LIBS) $(PTHREAD_LIBS)

tests_conformance_provider_sign_SOURCES = %reldir%/provider_sign.c $(PROVIDER_LOADED)
tests_conformance_provider_sign_CFLAGS = $(PROVIDER_CFLAGS)
tests_conformance_provider_sign_LDADD = $(PROVIDER_LIBS)

# Linked with the provider, so that they have the fault driver in hand.
PROVIDER_JOBS = %reldir%/provider_jobs.c %reldir%/provider_jobs.h
PROVIDER_JOBS_LIBS = $(PROVIDER_LIBS) src/ossl/libossl.la $(TOKEN_LIBS) $(P11KIT_LIBS)
if !FAULT_DRIVER
PROVIDER_JOBS_LIBS += src/driver/libfault.la
endif
PROVIDER_TESTS += tests/conformance/provider_async tests/conformance/provider_handshakes
tests_conformance_provider_async_SOURCES = %reldir%/provider_async.c $(PROVIDER_JOBS)
tests_conformance_provider_async_CFLAGS = $(PROVIDER_CFLAGS)
tests_conformance_provider_async_LDADD = $(PROVIDER_JOBS_LIBS)
tests_conformance_provider_handshakes_SOURCES = %reldir%/provider_handshakes.c $(PROVIDER_JOBS)
tests_conformance_provider_handshakes_CFLAGS = $(PROVIDER_CFLAGS) $(SSL_CFLAGS)
tests_conformance_provider_handshakes_LDADD = $(PROVIDER_JOBS_LIBS) $(SSL_LIBS)

if HUFUD
FACE_TESTS += tests/conformance/test_machines
tests_conformance_test_machines_SOURCES = %reldir%/test_machines.c
tests_conformance_test_machines_CFLAGS = $(FACE_CFLAGS)
tests_conformance_test_machines_LDADD = $(FACE_LIBS) $(PTHREAD_LIBS)
endif

UNIT_TESTS += $(FACE_TESTS) $(PROVIDER_TESTS)
dist_check_SCRIPTS += tests/conformance/exports tests/conformance/machines.sh
# A sanitizer brings its own constructors and references; and the suite over sanitized machines takes longer than ./check has (--long).
if !SANITIZED
TESTS += tests/conformance/exports tests/conformance/machines.sh
endif
