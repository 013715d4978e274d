# The core: slots, sessions, objects, roles, attributes, the mechanism table.
noinst_LTLIBRARIES += src/token/libtoken.la
src_token_libtoken_la_SOURCES = \
	%reldir%/asn1.c \
	%reldir%/asn1.h \
	%reldir%/attr.c \
	%reldir%/attr.h \
	%reldir%/attributes.c \
	%reldir%/builtin.c \
	%reldir%/builtin.h \
	%reldir%/certificate.c \
	%reldir%/certificate.h \
	%reldir%/commit.c \
	%reldir%/copy.c \
	%reldir%/core.c \
	%reldir%/core.h \
	%reldir%/create.c \
	%reldir%/crypt.c \
	%reldir%/crypt_chain.c \
	%reldir%/crypt_pk.c \
	%reldir%/crypt_state.c \
	%reldir%/derive.c \
	%reldir%/destroy.c \
	%reldir%/digest.c \
	%reldir%/draft.h \
	%reldir%/dual.c \
	%reldir%/find.c \
	%reldir%/handle.c \
	%reldir%/handle.h \
	%reldir%/key_import.c \
	%reldir%/keygen.c \
	%reldir%/login.c \
	%reldir%/mech.c \
	%reldir%/mech.h \
	%reldir%/merge.c \
	%reldir%/merge.h \
	%reldir%/message.c \
	%reldir%/object.c \
	%reldir%/object.h \
	%reldir%/operation.c \
	%reldir%/operation.h \
	%reldir%/operation_impl.h \
	%reldir%/param.c \
	%reldir%/param.h \
	%reldir%/plan.c \
	%reldir%/point.c \
	%reldir%/point.h \
	%reldir%/random.c \
	%reldir%/rules.c \
	%reldir%/rules.h \
	%reldir%/rv.c \
	%reldir%/rv.h \
	%reldir%/session.c \
	%reldir%/session.h \
	%reldir%/show.c \
	%reldir%/show.h \
	%reldir%/sign.c \
	%reldir%/slot.c \
	%reldir%/slot.h \
	%reldir%/state.c \
	%reldir%/state_form.c \
	%reldir%/state_impl.h \
	%reldir%/token.c \
	%reldir%/token.h \
	%reldir%/wrap.c
src_token_libtoken_la_CFLAGS = $(AM_CFLAGS) $(P11KIT_CFLAGS) $(OPENSSL_CFLAGS)
src_token_libtoken_la_LIBADD = $(OPENSSL_LIBS) $(PTHREAD_LIBS)
