# The drivers at hand, and the host that lends them what they need.
noinst_LTLIBRARIES += src/driver/libdriver.la
src_driver_libdriver_la_SOURCES = \
	%reldir%/driver.h \
	%reldir%/host.c \
	%reldir%/hosted.c \
	%reldir%/net/net.c \
	%reldir%/net/net.h \
	%reldir%/net/split.c \
	%reldir%/p11/crypt.c \
	%reldir%/p11/error.c \
	%reldir%/p11/find.c \
	%reldir%/p11/key.c \
	%reldir%/p11/make.c \
	%reldir%/p11/mechanism.c \
	%reldir%/p11/module.c \
	%reldir%/p11/object.c \
	%reldir%/p11/p11.c \
	%reldir%/p11/p11.h \
	%reldir%/p11/rsa_pkcs1.c \
	%reldir%/p11/session.c \
	%reldir%/p11/wrap.c \
	%reldir%/registry.c \
	%reldir%/sdf/copies.c \
	%reldir%/sdf/handles.c \
	%reldir%/sdf/keys.c \
	%reldir%/sdf/lease.c \
	%reldir%/sdf/library.c \
	%reldir%/sdf/library.h \
	%reldir%/sdf/library_call.c \
	%reldir%/sdf/library_crypt.c \
	%reldir%/sdf/library_device.c \
	%reldir%/sdf/library_ecc.c \
	%reldir%/sdf/library_handle.c \
	%reldir%/sdf/library_internal.h \
	%reldir%/sdf/library_rsa.c \
	%reldir%/sdf/library_session.c \
	%reldir%/sdf/library_structs.c \
	%reldir%/sdf/library_symbols.c \
	%reldir%/sdf/library_turn.c \
	%reldir%/sdf/ops_aead.c \
	%reldir%/sdf/ops_mac.c \
	%reldir%/sdf/ops_rsa.c \
	%reldir%/sdf/ops_sm2.c \
	%reldir%/sdf/ops_sm4.c \
	%reldir%/sdf/profile.c \
	%reldir%/sdf/profile.h \
	%reldir%/sdf/profile_internal.h \
	%reldir%/sdf/profile_keys.c \
	%reldir%/sdf/profile_print.c \
	%reldir%/sdf/profile_standard.c \
	%reldir%/sdf/refusals.c \
	%reldir%/sdf/resident.c \
	%reldir%/sdf/rights.c \
	%reldir%/sdf/sdf.c \
	%reldir%/sdf/sdf.h \
	%reldir%/sdf/settings.c \
	%reldir%/soft/aes.c \
	%reldir%/soft/aes_gcm.c \
	%reldir%/soft/block_mac.c \
	%reldir%/soft/ccm.c \
	%reldir%/soft/cipher.c \
	%reldir%/soft/cipher.h \
	%reldir%/soft/curve.c \
	%reldir%/soft/curve.h \
	%reldir%/soft/des3.c \
	%reldir%/soft/ec.c \
	%reldir%/soft/edwards.c \
	%reldir%/soft/evp.c \
	%reldir%/soft/evp.h \
	%reldir%/soft/gcm.c \
	%reldir%/soft/gcm.h \
	%reldir%/soft/hmac.c \
	%reldir%/soft/keys.c \
	%reldir%/soft/montgomery.c \
	%reldir%/soft/rawkey.c \
	%reldir%/soft/rsa.c \
	%reldir%/soft/rsa.h \
	%reldir%/soft/rsa_der.c \
	%reldir%/soft/rsa_der.h \
	%reldir%/soft/rsa_key.c \
	%reldir%/soft/rsa_numbers.c \
	%reldir%/soft/rsa_pad.c \
	%reldir%/soft/sm2.c \
	%reldir%/soft/sm4.c \
	%reldir%/soft/soft.c \
	%reldir%/soft/soft.h \
	%reldir%/soft/state.h \
	%reldir%/soft/zuc.c
src_driver_libdriver_la_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS) -DHUFU_PKGDATADIR='"$(pkgdatadir)"'

# Profiles of vendors' GM/T 0018 libraries, hufu-profile(5).
profiledir = $(pkgdatadir)/profiles
dist_profile_DATA = profiles/gmt0018-2012.conf profiles/gmt0018-2023.conf profiles/sansec.conf profiles/shudun.conf profiles/template.conf

# fault misbehaves by script: in the module of lab builds only, always at hand for tests.
noinst_LTLIBRARIES += src/driver/libfault.la
src_driver_libfault_la_SOURCES = \
	%reldir%/fault/copies.c \
	%reldir%/fault/fault.c \
	%reldir%/fault/fault.h \
	%reldir%/fault/internal.h \
	%reldir%/fault/lab.c \
	%reldir%/fault/ops.c \
	%reldir%/fault/residents.c \
	%reldir%/fault/script.c \
	%reldir%/fault/script.h
src_driver_libfault_la_LIBADD = $(PTHREAD_LIBS)
if FAULT_DRIVER
FAULT_LIBS += src/driver/libfault.la
endif
