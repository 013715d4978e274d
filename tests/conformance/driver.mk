# SPDX-License-Identifier: Apache-2.0
# One suite over every driver; a program a driver.
DRIVER_SUITE = \
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
DRIVER_SUITE_LIBS = src/driver/libfault.la $(POOL_LIBS) $(CUNIT_LIBS) $(OPENSSL_LIBS) $(GCRYPT_LIBS) $(PTHREAD_LIBS)

UNIT_TESTS += tests/conformance/driver_soft tests/conformance/driver_fault tests/conformance/driver_pool \
	tests/conformance/driver_threads tests/conformance/driver_mixed
tests_conformance_driver_soft_SOURCES = %reldir%/driver_soft.c %reldir%/driver_direct.c $(DRIVER_SUITE)
tests_conformance_driver_soft_CFLAGS = $(DRIVER_SUITE_CFLAGS)
tests_conformance_driver_soft_LDADD = $(DRIVER_SUITE_LIBS)
tests_conformance_driver_fault_SOURCES = %reldir%/driver_fault.c %reldir%/driver_direct.c $(DRIVER_SUITE)
tests_conformance_driver_fault_CFLAGS = $(DRIVER_SUITE_CFLAGS)
tests_conformance_driver_fault_LDADD = $(DRIVER_SUITE_LIBS)
tests_conformance_driver_pool_SOURCES = %reldir%/driver_pool.c %reldir%/driver_pooled.c $(DRIVER_SUITE)
tests_conformance_driver_pool_CFLAGS = $(DRIVER_SUITE_CFLAGS)
tests_conformance_driver_pool_LDADD = $(DRIVER_SUITE_LIBS)
tests_conformance_driver_threads_SOURCES = %reldir%/driver_threads.c %reldir%/driver_pooled.c $(DRIVER_SUITE)
tests_conformance_driver_threads_CFLAGS = $(DRIVER_SUITE_CFLAGS)
tests_conformance_driver_threads_LDADD = $(DRIVER_SUITE_LIBS)
tests_conformance_driver_mixed_SOURCES = %reldir%/driver_mixed.c %reldir%/driver_pooled.c $(DRIVER_SUITE)
tests_conformance_driver_mixed_CFLAGS = $(DRIVER_SUITE_CFLAGS)
tests_conformance_driver_mixed_LDADD = $(DRIVER_SUITE_LIBS)

# The driver for PKCS#11 modules, over one that nobody here wrote.
UNIT_TESTS += tests/conformance/driver_p11
tests_conformance_driver_p11_SOURCES = %reldir%/driver_p11.c %reldir%/softhsm.c %reldir%/softhsm.h
tests_conformance_driver_p11_CFLAGS = $(DRIVER_SUITE_CFLAGS)
tests_conformance_driver_p11_LDADD = $(DRIVER_SUITE_LIBS)
