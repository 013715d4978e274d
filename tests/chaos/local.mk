# The chaos harness: the face, linked in with the fault driver, under load while devices fail.
#	make chaos SEEDS=11-40 OPS=20000 PROFILE=storm
#	make chaos CHAOS=machines PROFILE=lines
check_LTLIBRARIES += tests/chaos/libchaos.la
tests_chaos_libchaos_la_SOURCES = \
	%reldir%/chance.c \
	%reldir%/chaos.h \
	%reldir%/life.c \
	%reldir%/oracle.c \
	%reldir%/work.c \
	%reldir%/work_card.c \
	%reldir%/work_fork.c \
	%reldir%/work_object.c \
	%reldir%/work_pk.c \
	%reldir%/work_secret.c
CHAOS_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS) $(GCRYPT_CFLAGS)
tests_chaos_libchaos_la_CFLAGS = $(CHAOS_CFLAGS)
CHAOS_LIBS = tests/chaos/libchaos.la src/p11/libp11.la src/driver/libfault.la $(TOKEN_LIBS) $(OPENSSL_LIBS) $(GCRYPT_LIBS) $(PTHREAD_LIBS)

LONG_TESTS += tests/chaos/chaos tests/chaos/one_key
tests_chaos_chaos_SOURCES = %reldir%/main.c %reldir%/plan.c %reldir%/run.c $(CARDS_RIG)
tests_chaos_chaos_CFLAGS = $(CHAOS_CFLAGS) -I$(top_srcdir)/tests/cards
tests_chaos_chaos_LDADD = $(CHAOS_LIBS)
EXTRA_tests_chaos_chaos_DEPENDENCIES = $(EMULATED_CARDS) tests/cards/make_card$(EXEEXT)
tests_chaos_one_key_SOURCES = %reldir%/one_key.c
tests_chaos_one_key_CFLAGS = $(CHAOS_CFLAGS)
tests_chaos_one_key_LDADD = $(CHAOS_LIBS)

if HUFUD
LONG_TESTS += tests/chaos/machines
CLUSTER = %reldir%/cluster.c %reldir%/cluster.h tests/net/proxy.c tests/net/proxy.h tests/unit/tls_util.c tests/unit/tls_util.h
CLUSTER_CFLAGS = $(CHAOS_CFLAGS) -I$(top_srcdir)/tests/net -I$(top_srcdir)/tests/unit
tests_chaos_machines_SOURCES = %reldir%/main.c %reldir%/plan_machines.c %reldir%/run.c $(CLUSTER)
tests_chaos_machines_CFLAGS = $(CLUSTER_CFLAGS)
tests_chaos_machines_LDADD = $(CHAOS_LIBS)
EXTRA_tests_chaos_machines_DEPENDENCIES = hufud$(EXEEXT)
# For scenarios.
check_PROGRAMS += tests/chaos/load
tests_chaos_load_SOURCES = %reldir%/load.c
tests_chaos_load_CFLAGS = $(CHAOS_CFLAGS)
tests_chaos_load_LDADD = $(CHAOS_LIBS)
UNIT_TESTS += tests/chaos/database
tests_chaos_database_SOURCES = %reldir%/database.c tests/unit/pg_server.c tests/unit/pg_server.h $(CLUSTER)
tests_chaos_database_CFLAGS = $(CLUSTER_CFLAGS) $(PQ_CFLAGS)
tests_chaos_database_LDADD = $(CHAOS_LIBS) $(PQ_LIBS)
EXTRA_tests_chaos_database_DEPENDENCIES = hufud$(EXEEXT)
UNIT_TESTS += tests/chaos/certificates
tests_chaos_certificates_SOURCES = %reldir%/certificates.c $(CLUSTER)
tests_chaos_certificates_CFLAGS = $(CLUSTER_CFLAGS)
tests_chaos_certificates_LDADD = $(CHAOS_LIBS)
EXTRA_tests_chaos_certificates_DEPENDENCIES = hufud$(EXEEXT)
UNIT_TESTS += tests/chaos/crowd
tests_chaos_crowd_SOURCES = %reldir%/crowd.c $(CLUSTER)
tests_chaos_crowd_CFLAGS = $(CLUSTER_CFLAGS)
tests_chaos_crowd_LDADD = $(CHAOS_LIBS)
EXTRA_tests_chaos_crowd_DEPENDENCIES = hufud$(EXEEXT)
endif

SEEDS = 1-10
OPS = 1600
PROFILE = storm
CHAOS = chaos
.PHONY: chaos
chaos: tests/chaos/$(CHAOS)
	top_builddir=. tests/chaos/$(CHAOS) --profile $(PROFILE) --seeds $(SEEDS) --ops $(OPS)
