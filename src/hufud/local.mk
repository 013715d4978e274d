# The network cipher machine.
if HUFUD
noinst_LTLIBRARIES += src/hufud/libhufud.la
src_hufud_libhufud_la_SOURCES = \
	%reldir%/access.c \
	%reldir%/access.h \
	%reldir%/access_internal.h \
	%reldir%/access_rules.c \
	%reldir%/answer.c \
	%reldir%/connection.c \
	%reldir%/devices.c \
	%reldir%/frames.c \
	%reldir%/host.c \
	%reldir%/host.h \
	%reldir%/host_client.c \
	%reldir%/host_internal.h \
	%reldir%/host_main.c \
	%reldir%/host_watch.c \
	%reldir%/http.c \
	%reldir%/http.h \
	%reldir%/key_cache.c \
	%reldir%/key_cache.h \
	%reldir%/lanes.c \
	%reldir%/machine.c \
	%reldir%/machine.h \
	%reldir%/make.c \
	%reldir%/master.c \
	%reldir%/metrics.c \
	%reldir%/notify.c \
	%reldir%/notify.h \
	%reldir%/record.c \
	%reldir%/record.h \
	%reldir%/request.c \
	%reldir%/row_cache.c \
	%reldir%/seal.c \
	%reldir%/server.c \
	%reldir%/server.h \
	%reldir%/server_internal.h \
	%reldir%/service.h \
	%reldir%/supervisor.c \
	%reldir%/tenant.c \
	%reldir%/tenant.h \
	%reldir%/tenant_internal.h \
	%reldir%/tenant_key.c \
	%reldir%/ticket.c \
	%reldir%/ticket.h \
	%reldir%/token.c \
	%reldir%/token.h \
	%reldir%/token_internal.h \
	%reldir%/token_key.c \
	%reldir%/token_login.c \
	%reldir%/token_rows.c \
	%reldir%/token_rules.c \
	%reldir%/token_side.c \
	%reldir%/worker.c
src_hufud_libhufud_la_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS) $(PROTOBUFC_CFLAGS) $(SYSTEMD_CFLAGS)
src_hufud_libhufud_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
src_hufud_libhufud_la_LIBADD = $(EVENT_LIBS) $(SYSTEMD_LIBS) $(JANSSON_LIBS) $(PTHREAD_LIBS)

sbin_PROGRAMS += hufud
hufud_SOURCES = %reldir%/main.c
hufud_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS) $(PROTOBUFC_CFLAGS)
hufud_LDADD = src/hufud/libhufud.la src/audit/libaudit.la src/store/postgres/libpostgres.la src/store/libstore.la $(POOL_LIBS)
endif
