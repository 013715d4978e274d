# Scenarios: the plain module, driven by programs that nobody here wrote. Not
# under sanitizers: a sanitized module cannot be loaded by foreign programs.
# The first ones take longest: they begin first.
SCENARIOS = \
	%reldir%/tool-qualify.sh \
	%reldir%/bench-failover.sh \
	%reldir%/bench-gateway.sh \
	%reldir%/bench-net.sh \
	%reldir%/hosts.sh \
	%reldir%/java.sh \
	%reldir%/hufud-audit.sh \
	%reldir%/net-devices.sh \
	%reldir%/alias.sh \
	%reldir%/cards.sh \
	%reldir%/cert.sh \
	%reldir%/config.sh \
	%reldir%/crowd.sh \
	%reldir%/default.sh \
	%reldir%/demo.sh \
	%reldir%/device.sh \
	%reldir%/device-keys.sh \
	%reldir%/disk.sh \
	%reldir%/dnssec.sh \
	%reldir%/domain.sh \
	%reldir%/driver-kit.sh \
	%reldir%/gnutls.sh \
	%reldir%/hufud-access.sh \
	%reldir%/hufud-run.sh \
	%reldir%/hufud-unit.sh \
	%reldir%/install.sh \
	%reldir%/machine-init.sh \
	%reldir%/netns.sh \
	%reldir%/nginx.sh \
	%reldir%/nss.sh \
	%reldir%/openssh.sh \
	%reldir%/openssl.sh \
	%reldir%/ossl-crypt.sh \
	%reldir%/openssl-engine.sh \
	%reldir%/ossl-keys.sh \
	%reldir%/ossl-sign.sh \
	%reldir%/ossl-gateway.sh \
	%reldir%/ossl-servers-curl.sh \
	%reldir%/ossl-servers-haproxy.sh \
	%reldir%/ossl-servers-httpd.sh \
	%reldir%/ossl-servers-nginx.sh \
	%reldir%/ossl-servers-stunnel.sh \
	%reldir%/ossl-tlcp.sh \
	%reldir%/p11-device.sh \
	%reldir%/p11-kit.sh \
	%reldir%/p11-kit-remote.sh \
	%reldir%/p11tool.sh \
	%reldir%/pin.sh \
	%reldir%/pkcs11-tool.sh \
	%reldir%/pkcs11-tool-pairs.sh \
	%reldir%/pkcs11-tool-secret.sh \
	%reldir%/python.sh \
	%reldir%/reload.sh \
	%reldir%/sdf.sh \
	%reldir%/store-postgres.sh \
	%reldir%/tool-anymodule.sh \
	%reldir%/tool-bench.sh \
	%reldir%/tool-hufu.sh \
	%reldir%/tool-international.sh \
	%reldir%/top.sh

# What HUFU_SOAK makes longer in ./check --long.
SOAKS = %reldir%/crowd.sh %reldir%/tool-qualify.sh %reldir%/p11-kit-remote.sh

EXTRA_DIST += \
	%reldir%/java/Claims.java \
	%reldir%/java/Crypto.java \
	%reldir%/java/Logins.java \
	%reldir%/java/Threads.java \
	%reldir%/java/Tls.java \
	%reldir%/java/Token.java \
	%reldir%/lib.sh \
	%reldir%/machine.sh \
	%reldir%/python/attributes.py \
	%reldir%/python/claims.py \
	%reldir%/python/enveloped.py \
	%reldir%/python/full.py \
	%reldir%/python/keys.py \
	%reldir%/python/leave.py \
	%reldir%/python/processes.py \
	%reldir%/python/sessions.py \
	%reldir%/python/sm.py \
	%reldir%/python/steady.py \
	%reldir%/screen.py \
	%reldir%/servers.sh
dist_check_SCRIPTS += $(SCENARIOS)
if !SANITIZED
TESTS += $(SCENARIOS)
endif
AM_TESTS_ENVIRONMENT = top_srcdir='$(abs_top_srcdir)'; top_builddir='$(abs_top_builddir)'; export top_srcdir top_builddir;

# A program that reports of devices that it has not, for top.sh.
check_PROGRAMS += tests/scenario/pretend
tests_scenario_pretend_SOURCES = %reldir%/pretend.c
tests_scenario_pretend_LDADD = src/stats/libstats.la src/base/libbase.la $(PTHREAD_LIBS)

# Clients of a gateway, and programs that end in every order, for ossl-gateway.sh.
check_PROGRAMS += tests/scenario/tls_clients tests/scenario/exit_orders
tests_scenario_tls_clients_SOURCES = %reldir%/tls_clients.c
tests_scenario_tls_clients_CFLAGS = $(AM_CFLAGS) $(SSL_CFLAGS)
tests_scenario_tls_clients_LDADD = $(SSL_LIBS) $(OPENSSL_LIBS) $(PTHREAD_LIBS)
tests_scenario_exit_orders_SOURCES = %reldir%/exit_orders.c
tests_scenario_exit_orders_CFLAGS = $(AM_CFLAGS) $(P11KIT_CFLAGS) $(OPENSSL_CFLAGS)
tests_scenario_exit_orders_LDADD = $(OPENSSL_LIBS) $(PTHREAD_LIBS)
