# SPDX-License-Identifier: Apache-2.0
# One suite over every driver; a program a driver.
check_LTLIBRARIES += tests/conformance/libsuite.la
tests_conformance_libsuite_la_SOURCES = \
	tests/conformance/driver_kit.h \
	tests/conformance/driver_suite.c \
	tests/conformance/driver_suite.h \
	tests/conformance/driver_suite_agree.c \
	tests/conformance/driver_suite_aes.c \
	tests/conformance/driver_suite_aes_aead.c \
	tests/conformance/driver_suite_cipher.c \
	tests/conformance/driver_suite_ec.c \
	tests/conformance/driver_suite_mac.c \
	tests/conformance/driver_suite_rsa.c \
	tests/conformance/driver_suite_rsa.h \
	tests/conformance/driver_suite_rsa_key.c \
	tests/conformance/rsa_vectors.h \
	tests/conformance/driver_suite_sm2.c \
	tests/conformance/driver_suite_sm4.c
DRIVER_SUITE_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) $(OPENSSL_CFLAGS) $(GCRYPT_CFLAGS) -I$(top_srcdir)/tests/unit
tests_conformance_libsuite_la_CFLAGS = $(DRIVER_SUITE_CFLAGS)
DRIVER_SUITE_LIBS = tests/conformance/libsuite.la src/driver/libfault.la $(POOL_LIBS) $(CUNIT_LIBS) $(OPENSSL_LIBS) $(GCRYPT_LIBS) $(PTHREAD_LIBS)

UNIT_TESTS += tests/conformance/driver_soft tests/conformance/driver_fault tests/conformance/driver_pool \
	tests/conformance/driver_threads
LONG_TESTS += tests/conformance/driver_mixed
tests_conformance_driver_soft_SOURCES = %reldir%/driver_soft.c %reldir%/driver_direct.c
tests_conformance_driver_soft_CFLAGS = $(DRIVER_SUITE_CFLAGS)
tests_conformance_driver_soft_LDADD = $(DRIVER_SUITE_LIBS)
tests_conformance_driver_fault_SOURCES = %reldir%/driver_fault.c %reldir%/driver_direct.c
tests_conformance_driver_fault_CFLAGS = $(DRIVER_SUITE_CFLAGS)
tests_conformance_driver_fault_LDADD = $(DRIVER_SUITE_LIBS)
tests_conformance_driver_pool_SOURCES = %reldir%/driver_pool.c %reldir%/driver_pooled.c
tests_conformance_driver_pool_CFLAGS = $(DRIVER_SUITE_CFLAGS)
tests_conformance_driver_pool_LDADD = $(DRIVER_SUITE_LIBS)
tests_conformance_driver_threads_SOURCES = %reldir%/driver_threads.c %reldir%/driver_pooled.c
tests_conformance_driver_threads_CFLAGS = $(DRIVER_SUITE_CFLAGS)
tests_conformance_driver_threads_LDADD = $(DRIVER_SUITE_LIBS)
tests_conformance_driver_mixed_SOURCES = %reldir%/driver_mixed.c %reldir%/driver_pooled.c
tests_conformance_driver_mixed_CFLAGS = $(DRIVER_SUITE_CFLAGS)
tests_conformance_driver_mixed_LDADD = $(DRIVER_SUITE_LIBS)

# The driver for PKCS#11 modules, over one that nobody here wrote.
UNIT_TESTS += tests/conformance/driver_p11
tests_conformance_driver_p11_SOURCES = %reldir%/driver_p11.c %reldir%/softhsm.c %reldir%/softhsm.h
tests_conformance_driver_p11_CFLAGS = $(DRIVER_SUITE_CFLAGS)
tests_conformance_driver_p11_LDADD = $(DRIVER_SUITE_LIBS)
# The emulated cards: each alone, and all of them with a device that is none.
DRIVER_CARD_TESTS = tests/conformance/driver_card_standard tests/conformance/driver_card_narrow tests/conformance/driver_card_2012
UNIT_TESTS += $(DRIVER_CARD_TESTS) tests/conformance/driver_cards
DRIVER_CARD_SOURCES = tests/conformance/driver_card.c tests/conformance/driver_direct.c $(CARDS_RIG)
DRIVER_CARD_CFLAGS = $(DRIVER_SUITE_CFLAGS) -I$(top_srcdir)/tests/cards
DRIVER_CARD_NEEDS = $(EMULATED_CARDS) tests/cards/make_card$(EXEEXT)
tests_conformance_driver_card_standard_SOURCES = $(DRIVER_CARD_SOURCES)
tests_conformance_driver_card_standard_CPPFLAGS = $(AM_CPPFLAGS) -DCARD='"card_standard"'
tests_conformance_driver_card_standard_CFLAGS = $(DRIVER_CARD_CFLAGS)
tests_conformance_driver_card_standard_LDADD = $(DRIVER_SUITE_LIBS)
EXTRA_tests_conformance_driver_card_standard_DEPENDENCIES = $(DRIVER_CARD_NEEDS)
tests_conformance_driver_card_narrow_SOURCES = $(DRIVER_CARD_SOURCES)
tests_conformance_driver_card_narrow_CPPFLAGS = $(AM_CPPFLAGS) -DCARD='"card_narrow"'
tests_conformance_driver_card_narrow_CFLAGS = $(DRIVER_CARD_CFLAGS)
tests_conformance_driver_card_narrow_LDADD = $(DRIVER_SUITE_LIBS)
EXTRA_tests_conformance_driver_card_narrow_DEPENDENCIES = $(DRIVER_CARD_NEEDS)
tests_conformance_driver_card_2012_SOURCES = $(DRIVER_CARD_SOURCES)
tests_conformance_driver_card_2012_CPPFLAGS = $(AM_CPPFLAGS) -DCARD='"card_2012"'
tests_conformance_driver_card_2012_CFLAGS = $(DRIVER_CARD_CFLAGS)
tests_conformance_driver_card_2012_LDADD = $(DRIVER_SUITE_LIBS)
EXTRA_tests_conformance_driver_card_2012_DEPENDENCIES = $(DRIVER_CARD_NEEDS)
tests_conformance_driver_cards_SOURCES = %reldir%/driver_cards.c %reldir%/driver_pooled.c $(CARDS_RIG)
tests_conformance_driver_cards_CFLAGS = $(DRIVER_CARD_CFLAGS)
tests_conformance_driver_cards_LDADD = $(DRIVER_SUITE_LIBS)
EXTRA_tests_conformance_driver_cards_DEPENDENCIES = $(DRIVER_CARD_NEEDS)
UNIT_TESTS += tests/conformance/driver_p11_pool
tests_conformance_driver_p11_pool_SOURCES = %reldir%/driver_p11_pool.c %reldir%/softhsm.c %reldir%/softhsm.h
tests_conformance_driver_p11_pool_CFLAGS = $(DRIVER_SUITE_CFLAGS)
tests_conformance_driver_p11_pool_LDADD = $(DRIVER_SUITE_LIBS)
UNIT_TESTS += tests/conformance/token_p11
tests_conformance_token_p11_SOURCES = %reldir%/token_p11.c %reldir%/softhsm.c %reldir%/softhsm.h \
	tests/unit/token_util.c tests/unit/token_util.h
tests_conformance_token_p11_CFLAGS = $(TOKEN_TEST_CFLAGS) -I$(top_srcdir)/tests/unit
tests_conformance_token_p11_LDADD = $(TOKEN_TEST_LIBS)

# The vendors' template, which is built outside of the tree by tests/scenario/driver-kit.sh, and here for the sanitizers.
UNIT_TESTS += tests/conformance/driver_template
tests_conformance_driver_template_SOURCES = %reldir%/driver_template.c examples/driver/card.c examples/driver/card.h examples/driver/complete.c
tests_conformance_driver_template_CFLAGS = $(DRIVER_SUITE_CFLAGS)
tests_conformance_driver_template_LDADD = $(DRIVER_LIBS) $(CUNIT_LIBS) $(OPENSSL_LIBS) $(PTHREAD_LIBS)

if HUFUD
# Cipher machines: hufud itself, a child of the test.
MACHINES = tests/conformance/machines.c tests/conformance/machines.h tests/unit/tls_util.c tests/unit/tls_util.h
UNIT_TESTS += tests/conformance/driver_net
tests_conformance_driver_net_SOURCES = %reldir%/driver_net.c %reldir%/driver_pooled.c $(MACHINES)
tests_conformance_driver_net_CFLAGS = $(DRIVER_SUITE_CFLAGS)
tests_conformance_driver_net_LDADD = $(DRIVER_SUITE_LIBS)
EXTRA_tests_conformance_driver_net_DEPENDENCIES = hufud$(EXEEXT)
UNIT_TESTS += tests/conformance/driver_net_direct
tests_conformance_driver_net_direct_SOURCES = %reldir%/driver_net_direct.c $(MACHINES)
tests_conformance_driver_net_direct_CFLAGS = $(DRIVER_SUITE_CFLAGS)
tests_conformance_driver_net_direct_LDADD = $(DRIVER_SUITE_LIBS)
EXTRA_tests_conformance_driver_net_direct_DEPENDENCIES = hufud$(EXEEXT)
endif
