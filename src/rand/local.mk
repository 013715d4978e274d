# Random numbers, above base and sm.
noinst_LTLIBRARIES += src/rand/librand.la
src_rand_librand_la_SOURCES = \
	%reldir%/rand.c \
	%reldir%/rand.h \
	%reldir%/repeat.c \
	%reldir%/repeat.h \
	%reldir%/seal.c \
	%reldir%/seal.h \
	%reldir%/source.c \
	%reldir%/source.h
