# A client's link to a cipher machine.
noinst_LTLIBRARIES += src/link/liblink.la
src_link_liblink_la_SOURCES = \
	%reldir%/link.h
src_link_liblink_la_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
src_link_liblink_la_LIBADD = $(PTHREAD_LIBS)
