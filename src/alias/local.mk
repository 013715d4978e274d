# Vendors' numbers as data.
noinst_LTLIBRARIES += src/alias/libalias.la
src_alias_libalias_la_SOURCES = \
	%reldir%/alias.c \
	%reldir%/alias.h
src_alias_libalias_la_CFLAGS = $(AM_CFLAGS) $(P11KIT_CFLAGS)
