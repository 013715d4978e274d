# The network cipher machine.
if HUFUD
noinst_LTLIBRARIES += src/hufud/libhufud.la
src_hufud_libhufud_la_SOURCES = \
	%reldir%/access.h \
	%reldir%/answer.c \
	%reldir%/connection.c \
	%reldir%/devices.c \
	%reldir%/frames.c \
	%reldir%/key_cache.c \
	%reldir%/lanes.c \
	%reldir%/make.c \
	%reldir%/master.c \
	%reldir%/metrics.c \
	%reldir%/request.c \
	%reldir%/seal.c \
	%reldir%/server.c \
	%reldir%/server.h \
	%reldir%/server_internal.h \
	%reldir%/service.h \
	%reldir%/tenant.c \
	%reldir%/tenant.h \
	%reldir%/tenant_internal.h \
	%reldir%/ticket.c \
	%reldir%/ticket.h \
	%reldir%/token.h \
	%reldir%/worker.c
src_hufud_libhufud_la_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS) $(PROTOBUFC_CFLAGS) $(SYSTEMD_CFLAGS)
src_hufud_libhufud_la_LIBADD = $(EVENT_LIBS) $(SYSTEMD_LIBS) $(PTHREAD_LIBS)
endif
