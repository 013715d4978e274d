# The core: slots, sessions, objects, roles, attributes, the mechanism table.
noinst_LTLIBRARIES += src/token/libtoken.la
src_token_libtoken_la_SOURCES = \
	%reldir%/asn1.c \
	%reldir%/asn1.h \
	%reldir%/attr.c \
	%reldir%/attr.h \
	%reldir%/core.c \
	%reldir%/core.h \
	%reldir%/handle.c \
	%reldir%/handle.h \
	%reldir%/login.c \
	%reldir%/mech.c \
	%reldir%/mech.h \
	%reldir%/object.c \
	%reldir%/object.h \
	%reldir%/operation.h \
	%reldir%/param.c \
	%reldir%/param.h \
	%reldir%/rv.c \
	%reldir%/rv.h \
	%reldir%/session.c \
	%reldir%/session.h \
	%reldir%/slot.c \
	%reldir%/slot.h \
	%reldir%/token.c \
	%reldir%/token.h
src_token_libtoken_la_CFLAGS = $(AM_CFLAGS) $(P11KIT_CFLAGS) $(OPENSSL_CFLAGS)
src_token_libtoken_la_LIBADD = src/pool/libpool.la src/store/libstore.la src/rand/librand.la $(OPENSSL_LIBS)
