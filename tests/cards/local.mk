# SPDX-License-Identifier: Apache-2.0
# Libraries to GM/T 0018 that play cards, for tests, and what sets them up. They
# hold all they need, hidden: a process that is hufu itself loads several of them.
CARDS_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere -Wl,-z,nodelete -export-symbols-regex '^(SDF|VENDOR)_'
CARDS = tests/cards/careless.la
check_LTLIBRARIES += $(CARDS)

tests_cards_careless_la_SOURCES = %reldir%/careless.c %reldir%/beside.c %reldir%/beside.h
tests_cards_careless_la_LIBADD = $(SM_LIBS) $(PTHREAD_LIBS)
tests_cards_careless_la_LDFLAGS = $(CARDS_LDFLAGS)

CARDS_RIG = tests/cards/rig.c tests/cards/rig.h

UNIT_TESTS += tests/cards/test_careless
tests_cards_test_careless_SOURCES = %reldir%/test_careless.c $(CARDS_RIG)
tests_cards_test_careless_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) -I$(top_srcdir)/tests/unit
tests_cards_test_careless_LDADD = $(CUNIT_LIBS) $(PTHREAD_LIBS)
EXTRA_tests_cards_test_careless_DEPENDENCIES = tests/cards/careless.la

# The emulated cards: one set of sources in three shapes.
CARD_SOURCES = \
	tests/cards/beside.c \
	tests/cards/beside.h \
	tests/cards/card.h \
	tests/cards/card_2023.c \
	tests/cards/card_agree.c \
	tests/cards/card_device.c \
	tests/cards/card_ecc.c \
	tests/cards/card_envelope.c \
	tests/cards/card_files.c \
	tests/cards/card_pairs.c \
	tests/cards/card_rsa.c \
	tests/cards/card_symmetric.c \
	tests/cards/engine.c \
	tests/cards/gate.c \
	tests/cards/shape.c
CARD_LIBS = src/sdf/libsdf.la $(TOKEN_LIBS)
if !FAULT_DRIVER
CARD_LIBS += src/driver/libfault.la
endif
EMULATED_CARDS = tests/cards/card_standard.la tests/cards/card_narrow.la tests/cards/card_2012.la
check_LTLIBRARIES += $(EMULATED_CARDS)
tests_cards_card_standard_la_SOURCES = $(CARD_SOURCES)
tests_cards_card_standard_la_LIBADD = $(CARD_LIBS)
tests_cards_card_standard_la_LDFLAGS = $(CARDS_LDFLAGS)
tests_cards_card_narrow_la_SOURCES = $(CARD_SOURCES)
tests_cards_card_narrow_la_CPPFLAGS = $(AM_CPPFLAGS) -DCARD_NARROW
tests_cards_card_narrow_la_CFLAGS = $(AM_CFLAGS) $(P11KIT_CFLAGS)
tests_cards_card_narrow_la_LIBADD = $(CARD_LIBS)
tests_cards_card_narrow_la_LDFLAGS = $(CARDS_LDFLAGS)
tests_cards_card_2012_la_SOURCES = $(CARD_SOURCES)
tests_cards_card_2012_la_CPPFLAGS = $(AM_CPPFLAGS) -DCARD_2012
tests_cards_card_2012_la_LIBADD = $(CARD_LIBS)
tests_cards_card_2012_la_LDFLAGS = $(CARDS_LDFLAGS)

# The vendor's management tool.
check_PROGRAMS += tests/cards/make_card
tests_cards_make_card_SOURCES = tests/cards/make_card.c
tests_cards_make_card_CPPFLAGS = $(AM_CPPFLAGS) -DPROFILES='"$(abs_top_srcdir)/profiles"'
tests_cards_make_card_LDADD = src/p11/libp11.la $(TOKEN_LIBS) $(PTHREAD_LIBS)

UNIT_TESTS += tests/cards/test_cards
tests_cards_test_cards_SOURCES = %reldir%/test_cards.c $(CARDS_RIG)
tests_cards_test_cards_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) -I$(top_srcdir)/tests/unit
tests_cards_test_cards_LDADD = $(SM_LIBS) $(CUNIT_LIBS) $(PTHREAD_LIBS)
EXTRA_tests_cards_test_cards_DEPENDENCIES = $(EMULATED_CARDS) tests/cards/make_card$(EXEEXT)

UNIT_TESTS += tests/cards/test_sdf_threads
tests_cards_test_sdf_threads_SOURCES = %reldir%/test_sdf_threads.c $(CARDS_RIG)
tests_cards_test_sdf_threads_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS) -I$(top_srcdir)/tests/unit
tests_cards_test_sdf_threads_LDADD = $(POOL_LIBS) $(CUNIT_LIBS) $(PTHREAD_LIBS)
EXTRA_tests_cards_test_sdf_threads_DEPENDENCIES = $(EMULATED_CARDS) tests/cards/make_card$(EXEEXT)
