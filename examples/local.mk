# Examples: built by make check so that they stay right, installed as documents.
EXAMPLES = examples/sm2_sign examples/sm4_encrypt
check_PROGRAMS += $(EXAMPLES)
examplesdir = $(docdir)/examples
dist_examples_DATA = %reldir%/sm2_sign.c %reldir%/sm4_encrypt.c

# GM/T 0018 and nothing else; tests/scenario/sdf.sh runs it.
check_PROGRAMS += examples/sdf
examples_sdf_SOURCES = %reldir%/sdf.c
examples_sdf_LDADD = libhufu-sdf.la
dist_examples_DATA += %reldir%/sdf.c

# The vendor's start: built by whoever copies it, and by tests/scenario/driver-kit.sh.
exampledriverdir = $(examplesdir)/driver
dist_exampledriver_DATA = \
	%reldir%/driver/Makefile \
	%reldir%/driver/README.md \
	%reldir%/driver/card.c \
	%reldir%/driver/card.h \
	%reldir%/driver/exports.map \
	%reldir%/driver/complete.c \
	%reldir%/driver/template.c

# Gateways with keys in a token; tests/scenario/ossl-servers-*.sh run them as they stand.
examplegatewaydir = $(examplesdir)/gateway
dist_examplegateway_DATA = \
	%reldir%/gateway/curl.sh \
	%reldir%/gateway/haproxy.cfg \
	%reldir%/gateway/httpd.conf \
	%reldir%/gateway/nginx.conf \
	%reldir%/gateway/openssl.cnf \
	%reldir%/gateway/server.c \
	%reldir%/gateway/stunnel.conf
check_PROGRAMS += examples/gateway/server
examples_gateway_server_SOURCES = %reldir%/gateway/server.c
examples_gateway_server_CFLAGS = $(AM_CFLAGS) $(SSL_CFLAGS)
examples_gateway_server_LDADD = $(SSL_LIBS) $(OPENSSL_LIBS)
