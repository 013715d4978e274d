# Counters, published for the administrator.
noinst_LTLIBRARIES += src/stats/libstats.la
src_stats_libstats_la_SOURCES = \
	%reldir%/dir.c \
	%reldir%/histogram.c \
	%reldir%/internal.h \
	%reldir%/reader.c \
	%reldir%/stats.h \
	%reldir%/writer.c
src_stats_libstats_la_LIBADD = $(PTHREAD_LIBS)
