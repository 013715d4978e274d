# Libraries to GM/T 0018 that play cards, for tests, and what sets them up. They
# hold all they need, hidden: a process that is hufu itself loads several of them.
CARDS_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere -export-symbols-regex '^(SDF|VENDOR)_'
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
