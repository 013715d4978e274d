# The ground floor: used by every folder, uses none.
noinst_LTLIBRARIES += src/base/libbase.la
src_base_libbase_la_SOURCES = \
	%reldir%/buf.c \
	%reldir%/buf.h \
	%reldir%/clock.c \
	%reldir%/clock.h \
	%reldir%/conf.c \
	%reldir%/conf.h \
	%reldir%/conf_states.c \
	%reldir%/conf_states.h \
	%reldir%/conf_check.c \
	%reldir%/conf_edit.c \
	%reldir%/conf_edit.h \
	%reldir%/conf_find.c \
	%reldir%/conf_host.c \
	%reldir%/conf_internal.h \
	%reldir%/conf_keys.c \
	%reldir%/conf_outline.c \
	%reldir%/conf_print.c \
	%reldir%/conf_report.c \
	%reldir%/conf_sdf.c \
	%reldir%/conf_sdf.h \
	%reldir%/conf_machine.c \
	%reldir%/conf_store.h \
	%reldir%/conf_machine.h \
	%reldir%/conf_values.c \
	%reldir%/conf_vet.c \
	%reldir%/err.c \
	%reldir%/err.h \
	%reldir%/log.c \
	%reldir%/log.h \
	%reldir%/object_row.h \
	%reldir%/park.c \
	%reldir%/park.h \
	%reldir%/secret.c \
	%reldir%/secret.h \
	%reldir%/wipe.c
src_base_libbase_la_CFLAGS = $(AM_CFLAGS) $(CONFUSE_CFLAGS)
src_base_libbase_la_LIBADD = $(CONFUSE_LIBS) $(PTHREAD_LIBS)
