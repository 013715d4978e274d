# The audit trail of a cipher machine, and who verifies it.
noinst_LTLIBRARIES += src/audit/libaudit.la
src_audit_libaudit_la_SOURCES = \
	%reldir%/audit.c \
	%reldir%/audit.h \
	%reldir%/chain.c \
	%reldir%/chain.h \
	%reldir%/members.c \
	%reldir%/members.h \
	%reldir%/sink.c \
	%reldir%/sink.h \
	%reldir%/trail.c \
	%reldir%/trail.h \
	%reldir%/verify.c
src_audit_libaudit_la_LIBADD = $(PTHREAD_LIBS)
