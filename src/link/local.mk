# A client's link to a cipher machine.
noinst_LTLIBRARIES += src/link/liblink.la
src_link_liblink_la_SOURCES = \
	%reldir%/conf.c \
	%reldir%/conn.c \
	%reldir%/dial.c \
	%reldir%/frames.c \
	%reldir%/link.c \
	%reldir%/link.h \
	%reldir%/link_internal.h \
	%reldir%/waiter.c
src_link_liblink_la_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS) $(OPENSSL_CFLAGS)
src_link_liblink_la_LIBADD = $(PTHREAD_LIBS)
