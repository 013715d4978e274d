# The SM kernels: no allocation, no locks, no I/O.
noinst_LTLIBRARIES += src/sm/libsm.la
src_sm_libsm_la_SOURCES = \
	%reldir%/drbg.h \
	%reldir%/sm2.h \
	%reldir%/sm3.h \
	%reldir%/sm4.h \
	%reldir%/zuc.h
