# Fuzz mains: fuzz_x.c reads stdin (fuzz.h); its corpus is corpus/x. Each is
# named in FUZZERS; replay.sh feeds all of them.
FUZZERS = tests/fuzz/fuzz_conf
EXTRA_DIST += %reldir%/fuzz.h %reldir%/corpus
dist_check_SCRIPTS += %reldir%/replay.sh

tests_fuzz_fuzz_conf_SOURCES = %reldir%/fuzz_conf.c
tests_fuzz_fuzz_conf_LDADD = src/base/libbase.la

FUZZERS += tests/fuzz/fuzz_asn1
tests_fuzz_fuzz_asn1_SOURCES = %reldir%/fuzz_asn1.c src/token/asn1.c src/token/asn1.h src/token/der.c src/token/der.h
tests_fuzz_fuzz_asn1_LDADD = src/base/libbase.la

FUZZERS += tests/fuzz/fuzz_param
tests_fuzz_fuzz_param_SOURCES = %reldir%/fuzz_param.c
tests_fuzz_fuzz_param_LDADD = $(tests_fuzz_fuzz_state_LDADD)

FUZZERS += tests/fuzz/fuzz_state
tests_fuzz_fuzz_state_SOURCES = %reldir%/fuzz_state.c
tests_fuzz_fuzz_state_LDADD = $(TOKEN_LIBS) $(SQLITE_LIBS) $(CONFUSE_LIBS) $(OPENSSL_LIBS) $(PTHREAD_LIBS)

FUZZERS += tests/fuzz/fuzz_attr
tests_fuzz_fuzz_attr_SOURCES = %reldir%/fuzz_attr.c src/token/attr.c src/token/attr.h
tests_fuzz_fuzz_attr_CFLAGS = $(AM_CFLAGS)
tests_fuzz_fuzz_attr_LDADD = src/base/libbase.la $(PTHREAD_LIBS)

FUZZERS += tests/fuzz/fuzz_row
tests_fuzz_fuzz_row_SOURCES = %reldir%/fuzz_row.c
tests_fuzz_fuzz_row_LDADD = $(STORE_LIBS)

FUZZERS += tests/fuzz/fuzz_template
tests_fuzz_fuzz_template_SOURCES = %reldir%/fuzz_template.c src/token/attr.c src/token/certificate.c src/token/curve.c \
	src/token/der.c src/token/key_form.c src/token/plan.c src/token/policy.c src/token/point.c \
	src/token/rules.c src/token/vendor.c
tests_fuzz_fuzz_template_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
tests_fuzz_fuzz_template_LDADD = $(ALIAS_LIBS) src/crypto/libhufucrypto.la src/sm/libsm.la src/base/libbase.la $(OPENSSL_LIBS) $(PTHREAD_LIBS)

FUZZERS += tests/fuzz/fuzz_fault_script
tests_fuzz_fuzz_fault_script_SOURCES = %reldir%/fuzz_fault_script.c
tests_fuzz_fuzz_fault_script_LDADD = src/driver/libfault.la src/base/libbase.la $(PTHREAD_LIBS)

FUZZERS += tests/fuzz/fuzz_soft_state
tests_fuzz_fuzz_soft_state_SOURCES = %reldir%/fuzz_soft_state.c
tests_fuzz_fuzz_soft_state_LDADD = $(DRIVER_LIBS) $(PTHREAD_LIBS)

FUZZERS += tests/fuzz/fuzz_soft_import
tests_fuzz_fuzz_soft_import_SOURCES = %reldir%/fuzz_soft_import.c
tests_fuzz_fuzz_soft_import_LDADD = $(DRIVER_LIBS) $(PTHREAD_LIBS)

FUZZERS += tests/fuzz/fuzz_key_form
tests_fuzz_fuzz_key_form_SOURCES = %reldir%/fuzz_key_form.c src/token/attr.c src/token/curve.c src/token/der.c src/token/key_form.c
tests_fuzz_fuzz_key_form_CFLAGS = $(AM_CFLAGS)
tests_fuzz_fuzz_key_form_LDADD = src/base/libbase.la $(PTHREAD_LIBS)

FUZZERS += tests/fuzz/fuzz_stats
tests_fuzz_fuzz_stats_SOURCES = %reldir%/fuzz_stats.c
tests_fuzz_fuzz_stats_LDADD = $(STATS_LIBS) $(PTHREAD_LIBS)

FUZZERS += tests/fuzz/fuzz_conf_states
tests_fuzz_fuzz_conf_states_SOURCES = %reldir%/fuzz_conf_states.c
tests_fuzz_fuzz_conf_states_LDADD = src/base/libbase.la

FUZZERS += tests/fuzz/fuzz_sdf_profile
tests_fuzz_fuzz_sdf_profile_SOURCES = %reldir%/fuzz_sdf_profile.c
tests_fuzz_fuzz_sdf_profile_LDADD = $(DRIVER_LIBS) $(PTHREAD_LIBS)

FUZZERS += tests/fuzz/fuzz_ossl_uri
tests_fuzz_fuzz_ossl_uri_SOURCES = %reldir%/fuzz_ossl_uri.c
tests_fuzz_fuzz_ossl_uri_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS) $(P11KIT_CFLAGS)
tests_fuzz_fuzz_ossl_uri_LDADD = src/ossl/libossl.la $(TOKEN_LIBS) $(SQLITE_LIBS) $(CONFUSE_LIBS) $(OPENSSL_LIBS) $(P11KIT_LIBS) $(PTHREAD_LIBS)

# src/wire
WIRE_FUZZ_CFLAGS = $(AM_CFLAGS) $(PROTOBUFC_CFLAGS)
WIRE_FUZZ_LIBS = $(WIRE_LIBS) $(CRYPTO_LIBS) $(SM_LIBS) $(SSL_LIBS) $(OPENSSL_LIBS) $(CONFUSE_LIBS) $(PTHREAD_LIBS)
FUZZERS += tests/fuzz/fuzz_wire_frame tests/fuzz/fuzz_wire_op tests/fuzz/fuzz_wire_reply tests/fuzz/fuzz_wire_hello
tests_fuzz_fuzz_wire_frame_SOURCES = %reldir%/fuzz_wire_frame.c
tests_fuzz_fuzz_wire_frame_CFLAGS = $(WIRE_FUZZ_CFLAGS)
tests_fuzz_fuzz_wire_frame_LDADD = $(WIRE_FUZZ_LIBS)
tests_fuzz_fuzz_wire_op_SOURCES = %reldir%/fuzz_wire_op.c
tests_fuzz_fuzz_wire_op_CFLAGS = $(WIRE_FUZZ_CFLAGS)
tests_fuzz_fuzz_wire_op_LDADD = $(WIRE_FUZZ_LIBS)
tests_fuzz_fuzz_wire_reply_SOURCES = %reldir%/fuzz_wire_reply.c
tests_fuzz_fuzz_wire_reply_CFLAGS = $(WIRE_FUZZ_CFLAGS)
tests_fuzz_fuzz_wire_reply_LDADD = $(WIRE_FUZZ_LIBS)
tests_fuzz_fuzz_wire_hello_SOURCES = %reldir%/fuzz_wire_hello.c
tests_fuzz_fuzz_wire_hello_CFLAGS = $(WIRE_FUZZ_CFLAGS)
tests_fuzz_fuzz_wire_hello_LDADD = $(WIRE_FUZZ_LIBS)
FUZZERS += tests/fuzz/fuzz_wire_store
tests_fuzz_fuzz_wire_store_SOURCES = %reldir%/fuzz_wire_store.c
tests_fuzz_fuzz_wire_store_CFLAGS = $(WIRE_FUZZ_CFLAGS)
tests_fuzz_fuzz_wire_store_LDADD = $(WIRE_FUZZ_LIBS)

# src/link
FUZZERS += tests/fuzz/fuzz_link
tests_fuzz_fuzz_link_SOURCES = %reldir%/fuzz_link.c
tests_fuzz_fuzz_link_CFLAGS = $(WIRE_FUZZ_CFLAGS)
tests_fuzz_fuzz_link_LDADD = src/link/liblink.la $(WIRE_FUZZ_LIBS)

FUZZERS += tests/fuzz/fuzz_envelope
tests_fuzz_fuzz_envelope_SOURCES = %reldir%/fuzz_envelope.c tools/cert/armor.c tools/cert/envelope.c
tests_fuzz_fuzz_envelope_CFLAGS = $(tools_libhufutool_la_CFLAGS)
tests_fuzz_fuzz_envelope_LDADD = tools/libhufutool.la src/base/libbase.la $(P11KIT_LIBS) $(JANSSON_LIBS) $(OPENSSL_LIBS) $(PTHREAD_LIBS)
