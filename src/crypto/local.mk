# What we take from libcrypto, in a context of our own.
noinst_LTLIBRARIES += src/crypto/libhufucrypto.la
src_crypto_libhufucrypto_la_SOURCES = \
	%reldir%/context.c \
	%reldir%/context.h \
	%reldir%/hash.c \
	%reldir%/hash.h \
	%reldir%/hmac.c \
	%reldir%/kdf.c \
	%reldir%/kdf.h \
	%reldir%/mechanism.c \
	%reldir%/mechanism.h \
	%reldir%/op_param.c \
	%reldir%/op_param.h
src_crypto_libhufucrypto_la_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
src_crypto_libhufucrypto_la_LIBADD = $(OPENSSL_LIBS) $(PTHREAD_LIBS)
