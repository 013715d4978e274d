# The PKCS#11 module. Nothing but C_ functions is seen of it, and once loaded
# it stays: a thread given up in a vendor's call may wake up in it.
noinst_LTLIBRARIES += src/p11/libp11.la
src_p11_libp11_la_SOURCES = \
	%reldir%/async.c \
	%reldir%/cipher.c \
	%reldir%/digest.c \
	%reldir%/dual.c \
	%reldir%/entry.c \
	%reldir%/entry.h \
	%reldir%/general.c \
	%reldir%/interface.c \
	%reldir%/key.c \
	%reldir%/message.c \
	%reldir%/object.c \
	%reldir%/random.c \
	%reldir%/session.c \
	%reldir%/sign.c \
	%reldir%/slot.c \
	%reldir%/verify.c
module_LTLIBRARIES += hufu-pkcs11.la
hufu_pkcs11_la_SOURCES =
hufu_pkcs11_la_LIBADD = src/p11/libp11.la $(TOKEN_LIBS)
hufu_pkcs11_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -Wl,-z,nodelete -export-symbols-regex '^C_'

# p11-kit finds the module by its absolute path.
p11kitconfig_DATA = hufu.module
EXTRA_DIST += %reldir%/hufu.module.in
CLEANFILES += hufu.module
hufu.module: %reldir%/hufu.module.in Makefile
	$(AM_V_GEN)$(SED) 's|@moduledir[@]|$(moduledir)|' $(srcdir)/%reldir%/hufu.module.in > $@.tmp && mv $@.tmp $@
