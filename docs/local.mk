# docs/MECHANISMS.md is made from the table of mechanisms:
#	make docs/mechanisms && docs/mechanisms >SOURCE/docs/MECHANISMS.md
check_PROGRAMS += docs/mechanisms
docs_mechanisms_SOURCES = %reldir%/mechanisms.c tools/names.c tools/names.h
docs_mechanisms_LDADD = $(TOKEN_LIBS) $(SQLITE_LIBS) $(CONFUSE_LIBS) $(OPENSSL_LIBS) $(PTHREAD_LIBS)
dist_check_SCRIPTS += docs/check-mechanisms
TESTS += docs/check-mechanisms
