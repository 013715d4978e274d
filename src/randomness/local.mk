# The randomness tests of GM/T 0005. Below it lies libm alone.
noinst_LTLIBRARIES += src/randomness/librandomness.la
src_randomness_librandomness_la_SOURCES = \
	%reldir%/dft.c \
	%reldir%/frequency.c \
	%reldir%/linear.c \
	%reldir%/patterns.c \
	%reldir%/randomness.h \
	%reldir%/runs.c \
	%reldir%/special.c %reldir%/special.h \
	%reldir%/suite.c
src_randomness_librandomness_la_LIBADD = -lm
