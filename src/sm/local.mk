# The SM kernels: no allocation, no locks, no I/O.
noinst_LTLIBRARIES += src/sm/libsm.la
SM_SOURCES = \
	%reldir%/bytes.h \
	%reldir%/declassify.h \
	%reldir%/drbg.c \
	%reldir%/drbg.h \
	%reldir%/drbg_health.c \
	%reldir%/gf256.h \
	%reldir%/ghash.c \
	%reldir%/ghash.h \
	%reldir%/ghash_string.c \
	%reldir%/sbox_maps.h \
	%reldir%/sm2.c \
	%reldir%/sm2.h \
	%reldir%/sm2_agree.c \
	%reldir%/sm2_crypt.c \
	%reldir%/sm2_curve.c \
	%reldir%/sm2_curve.h \
	%reldir%/sm2_field.c \
	%reldir%/sm2_field.h \
	%reldir%/sm2_scalar.h \
	%reldir%/sm2_table.h \
	%reldir%/sm3.c \
	%reldir%/sm3.h \
	%reldir%/sm3_hmac.c \
	%reldir%/sm3_impl.h \
	%reldir%/sm3_kdf.c \
	%reldir%/sm3_portable.c \
	%reldir%/sm4.c \
	%reldir%/sm4.h \
	%reldir%/sm4_bitslice.h \
	%reldir%/sm4_bulk.c \
	%reldir%/sm4_ccm.c \
	%reldir%/sm4_gcm.c \
	%reldir%/sm4_impl.h \
	%reldir%/sm4_modes.c \
	%reldir%/sm4_single.c \
	%reldir%/unroll.h \
	%reldir%/wide.h \
	%reldir%/word_slices.h \
	%reldir%/zuc.c \
	%reldir%/zuc.h \
	%reldir%/zuc_eea3.c \
	%reldir%/zuc_eia3.c
src_sm_libsm_la_SOURCES = $(SM_SOURCES)
EXTRA_DIST += %reldir%/gen_sbox.py %reldir%/gen_sm2_table.py
