# The GM/T 0018 face: a library for programs, and the same functions under names
# of our own for other shapes of the interface.
noinst_LTLIBRARIES += src/sdf/libsdf.la
src_sdf_libsdf_la_SOURCES = \
	%reldir%/aead.c \
	%reldir%/agree.c \
	%reldir%/agree.h \
	%reldir%/cipher.c \
	%reldir%/cipher_alg.c \
	%reldir%/code.c \
	%reldir%/debug.c \
	%reldir%/device.c \
	%reldir%/ecc.c \
	%reldir%/envelope.c \
	%reldir%/external.c \
	%reldir%/face.h \
	%reldir%/file.c \
	%reldir%/form.c \
	%reldir%/hash.c \
	%reldir%/hmac.c \
	%reldir%/index.c \
	%reldir%/info.c \
	%reldir%/internal.h \
	%reldir%/kek.c \
	%reldir%/key.c \
	%reldir%/login.c \
	%reldir%/login.h \
	%reldir%/mac.c \
	%reldir%/right.c \
	%reldir%/rsa.c \
	%reldir%/self.c \
	%reldir%/self.h \
	%reldir%/session.c \
	%reldir%/symmetric.h \
	%reldir%/table.c \
	%reldir%/table.h
src_sdf_libsdf_la_CFLAGS = $(AM_CFLAGS) $(P11KIT_CFLAGS)

# Nothing but SDF_ functions is seen of it, and once loaded it stays: a thread
# given up in a vendor's call may wake up in it.
lib_LTLIBRARIES = libhufu-sdf.la
libhufu_sdf_la_SOURCES = %reldir%/entry.c
libhufu_sdf_la_LIBADD = src/sdf/libsdf.la $(TOKEN_LIBS)
libhufu_sdf_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -shared -Wl,-z,nodelete -export-symbols-regex '^SDF_'
