# The SM kernels: no allocation, no locks, no I/O.
noinst_LTLIBRARIES += src/sm/libsm.la
src_sm_libsm_la_SOURCES = \
	%reldir%/bytes.h \
	%reldir%/drbg.h \
	%reldir%/sm2.h \
	%reldir%/sm3.c \
	%reldir%/sm3.h \
	%reldir%/sm3_hmac.c \
	%reldir%/sm3_impl.h \
	%reldir%/sm3_kdf.c \
	%reldir%/sm3_portable.c \
	%reldir%/sm4.h \
	%reldir%/zuc.h
