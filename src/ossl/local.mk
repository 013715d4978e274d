# The OpenSSL provider. Nothing but its one entry point is seen of it, and once
# loaded it stays: a thread given up in a vendor's call may wake up in it.
noinst_LTLIBRARIES += src/ossl/libossl.la
src_ossl_libossl_la_SOURCES = \
	%reldir%/asym_cipher.c \
	%reldir%/asym_cipher.h \
	%reldir%/asym_cipher_rsa.c \
	%reldir%/asym_cipher_sm2.c \
	%reldir%/cipher.c \
	%reldir%/cipher.h \
	%reldir%/cipher_aead.c \
	%reldir%/cipher_block.c \
	%reldir%/cipher_host.c \
	%reldir%/decoder.c \
	%reldir%/desk.c \
	%reldir%/desk.h \
	%reldir%/digest.c \
	%reldir%/encoder.c \
	%reldir%/error.c \
	%reldir%/error.h \
	%reldir%/filter.c \
	%reldir%/filter.h \
	%reldir%/hash_name.c \
	%reldir%/hash_name.h \
	%reldir%/key.c \
	%reldir%/key.h \
	%reldir%/keyexch.c \
	%reldir%/keyexch.h \
	%reldir%/keyexch_ecdh.c \
	%reldir%/keyexch_sm2.c \
	%reldir%/keymgmt.c \
	%reldir%/login.c \
	%reldir%/login.h \
	%reldir%/mac.c \
	%reldir%/maker.c \
	%reldir%/maker.h \
	%reldir%/md.c \
	%reldir%/md.h \
	%reldir%/octets.c \
	%reldir%/octets.h \
	%reldir%/param.h \
	%reldir%/pause.c \
	%reldir%/pause.h \
	%reldir%/premaster.c \
	%reldir%/provider.c \
	%reldir%/provider.h \
	%reldir%/rand.c \
	%reldir%/reason.h \
	%reldir%/search.c \
	%reldir%/search.h \
	%reldir%/seat.c \
	%reldir%/seat.h \
	%reldir%/signature.c \
	%reldir%/signature.h \
	%reldir%/signature_ecdsa.c \
	%reldir%/signature_edwards.c \
	%reldir%/signature_rsa.c \
	%reldir%/signature_sm2.c \
	%reldir%/stack.c \
	%reldir%/stack.h \
	%reldir%/store.c \
	%reldir%/tls_group.c \
	%reldir%/tls_group.h \
	%reldir%/token_key.c \
	%reldir%/token_key.h \
	%reldir%/uri.c \
	%reldir%/uri.h \
	%reldir%/uri_form.c \
	%reldir%/uri_form.h \
	%reldir%/work.c \
	%reldir%/work.h
src_ossl_libossl_la_CFLAGS = $(AM_CFLAGS) $(P11KIT_CFLAGS) $(OPENSSL_CFLAGS)

# libcrypto finds it by the name that openssl.cnf says: ossl-modules/hufu.so.
ossl_modules_LTLIBRARIES = hufu.la
hufu_la_SOURCES =
hufu_la_LIBADD = src/ossl/libossl.la $(TOKEN_LIBS) $(P11KIT_LIBS)
hufu_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -Wl,-z,nodelete -export-symbols-regex '^OSSL_provider_init$$'
