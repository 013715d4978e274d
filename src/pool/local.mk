# The pool: who runs an op, and who runs it next when that one fails.
noinst_LTLIBRARIES += src/pool/libpool.la
src_pool_libpool_la_SOURCES = \
	%reldir%/answer.c \
	%reldir%/bucket.c \
	%reldir%/bucket.h \
	%reldir%/checker.c \
	%reldir%/checker.h \
	%reldir%/device.c \
	%reldir%/internal.h \
	%reldir%/key.c \
	%reldir%/lane.h \
	%reldir%/lease.c \
	%reldir%/members.c \
	%reldir%/pick.c \
	%reldir%/pool.c \
	%reldir%/pool.h \
	%reldir%/probe.c \
	%reldir%/state.c \
	%reldir%/state.h \
	%reldir%/submit.c
src_pool_libpool_la_LIBADD = $(PTHREAD_LIBS)
