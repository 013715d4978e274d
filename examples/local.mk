# Examples: built by make check so that they stay right, installed as documents.
EXAMPLES = examples/sm2_sign examples/sm4_encrypt
check_PROGRAMS += $(EXAMPLES)
examplesdir = $(docdir)/examples
dist_examples_DATA = %reldir%/sm2_sign.c %reldir%/sm4_encrypt.c
