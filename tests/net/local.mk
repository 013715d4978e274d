# Bad lines: a proxy that breaks what passes, as a program, and a link's test through it.
NET_PROXY = %reldir%/proxy.c %reldir%/proxy.h
noinst_PROGRAMS += tests/net/fault-proxy
tests_net_fault_proxy_SOURCES = %reldir%/fault_proxy.c $(NET_PROXY)
tests_net_fault_proxy_LDADD = $(WIRE_LIBS) $(CRYPTO_LIBS) $(SM_LIBS) $(CONFUSE_LIBS) $(SSL_LIBS) $(OPENSSL_LIBS) $(PTHREAD_LIBS)

LONG_TESTS += tests/net/test_bad_lines
tests_net_test_bad_lines_SOURCES = %reldir%/test_bad_lines.c $(NET_PROXY) tests/unit/machine_util.c tests/unit/machine_util.h \
	tests/unit/tls_util.c tests/unit/tls_util.h
tests_net_test_bad_lines_CFLAGS = $(WIRE_TEST_CFLAGS) -I$(top_srcdir)/tests/unit
tests_net_test_bad_lines_LDADD = src/link/liblink.la $(WIRE_TEST_LIBS)
