# The admin utility. Everything but main and the commands stands in a
# convenience library, so that unit tests reach it.
bin_PROGRAMS += hufu
noinst_LTLIBRARIES += tools/libhufutool.la
tools_libhufutool_la_SOURCES = \
	%reldir%/chunkfile.c %reldir%/chunkfile.h \
	%reldir%/ckr.c %reldir%/ckr.h \
	%reldir%/confirm.c %reldir%/confirm.h \
	%reldir%/curve.c %reldir%/curve.h \
	%reldir%/fleet.c %reldir%/fleet.h \
	%reldir%/fleet_explain.c %reldir%/fleet_json.c %reldir%/fleet_text.c %reldir%/fleet_text.h \
	%reldir%/hex.c %reldir%/hex.h \
	%reldir%/io.c %reldir%/io.h %reldir%/progress.c \
	%reldir%/keyfile.c %reldir%/keyfile.h \
	%reldir%/keykind.c %reldir%/keykind.h \
	%reldir%/mechanism.c %reldir%/mechanism.h \
	%reldir%/module.c %reldir%/module.h \
	%reldir%/names.c %reldir%/names.h \
	%reldir%/object.c %reldir%/object.h \
	%reldir%/options.c %reldir%/tool.h \
	%reldir%/ossl.c %reldir%/ossl.h \
	%reldir%/pin.c %reldir%/pin.h %reldir%/prompt.c \
	%reldir%/pubkey.c %reldir%/pubkey.h \
	%reldir%/report.c %reldir%/report.h \
	%reldir%/selector.c %reldir%/selector.h \
	%reldir%/session.c %reldir%/session.h \
	%reldir%/stream.c %reldir%/stream.h \
	%reldir%/table.c %reldir%/table.h \
	%reldir%/template.c %reldir%/template.h \
	%reldir%/token_text.c %reldir%/token_text.h
tools_libhufutool_la_CPPFLAGS = $(AM_CPPFLAGS) -DHUFU_MODULE_PATH='"$(moduledir)/hufu-pkcs11.so"' -DHUFU_OSSL_MODULES_PATH='"$(ossl_modulesdir)"'
tools_libhufutool_la_CFLAGS = $(AM_CFLAGS) $(P11KIT_CFLAGS) $(JANSSON_CFLAGS) $(OPENSSL_CFLAGS)
tools_libhufutool_la_LIBADD = $(P11KIT_LIBS) $(JANSSON_LIBS) $(OPENSSL_LIBS) $(PTHREAD_LIBS)

hufu_SOURCES = \
	%reldir%/hufu.c \
	%reldir%/bench/bed.c \
	%reldir%/bench/bed.h \
	%reldir%/bench/bench.h \
	%reldir%/bench/cmd_bench.c \
	%reldir%/bench/cmd_failover.c \
	%reldir%/bench/cmd_gateway.c \
	%reldir%/bench/cmd_net.c \
	%reldir%/bench/cmd_pool.c \
	%reldir%/bench/cmd_sdf.c \
	%reldir%/bench/failover.h \
	%reldir%/bench/failover_case.c \
	%reldir%/bench/failover_plot.c \
	%reldir%/bench/gateway.h \
	%reldir%/bench/gateway_flight.c \
	%reldir%/bench/gateway_place.c \
	%reldir%/bench/gateway_report.c \
	%reldir%/bench/impl_kernel.c \
	%reldir%/bench/impl_libcrypto.c \
	%reldir%/bench/impl_p11.c \
	%reldir%/bench/lab_run.c \
	%reldir%/bench/net.h \
	%reldir%/bench/net_report.c \
	%reldir%/bench/place.c \
	%reldir%/bench/report.c \
	%reldir%/bench/worker.c \
	%reldir%/cert/armor.c %reldir%/cert/armor.h \
	%reldir%/cert/certs.c %reldir%/cert/certs.h %reldir%/cert/token.c \
	%reldir%/cert/cmd_enveloped.c \
	%reldir%/cert/cmd_export.c \
	%reldir%/cert/cmd_import.c \
	%reldir%/cert/cmd_list.c \
	%reldir%/cert/cmd_request.c \
	%reldir%/cert/cmd_self_signed.c \
	%reldir%/cert/cmd_verify.c \
	%reldir%/cert/envelope.c %reldir%/cert/envelope.h \
	%reldir%/cert/fields.c %reldir%/cert/fields.h \
	%reldir%/cert/signer.c %reldir%/cert/signer.h \
	%reldir%/cmd_config.c \
	%reldir%/cmd_crypt.c \
	%reldir%/cmd_device_add.c \
	%reldir%/cmd_device_keys.c \
	%reldir%/cmd_device_list.c \
	%reldir%/cmd_device_password.c \
	%reldir%/cmd_device_probe.c %reldir%/probe.c %reldir%/probe.h \
	%reldir%/cmd_device_show.c \
	%reldir%/cmd_device_wish.c %reldir%/wish.c %reldir%/wish.h \
	%reldir%/cmd_digest.c \
	%reldir%/cmd_domain_list.c %reldir%/cmd_domain_verify.c %reldir%/domains.c %reldir%/domains.h \
	%reldir%/cmd_help.c \
	%reldir%/cmd_key_destroy.c \
	%reldir%/cmd_key_export.c \
	%reldir%/cmd_key_generate.c \
	%reldir%/cmd_key_import.c \
	%reldir%/cmd_key_list.c \
	%reldir%/cmd_key_show.c \
	%reldir%/cmd_key_test.c \
	%reldir%/cmd_mech.c \
	%reldir%/cmd_pin.c \
	%reldir%/cmd_pool.c \
	%reldir%/cmd_random.c \
	%reldir%/cmd_sdf_password.c \
	%reldir%/audit/cmd_audit.c %reldir%/audit/cmd_search.c %reldir%/audit/trailfile.c %reldir%/audit/trailfile.h \
	%reldir%/cmd_selftest.c %reldir%/selftest.h %reldir%/selftest_kats.c \
	%reldir%/cmd_sign.c \
	%reldir%/cmd_status.c \
	%reldir%/cmd_store.c %reldir%/cmd_store_migrate.c %reldir%/cmd_store_status.c %reldir%/storefile.c %reldir%/storefile.h \
	%reldir%/cmd_token_init.c \
	%reldir%/cmd_token_list.c \
	%reldir%/demo/cmd_cluster.c %reldir%/demo/demo.h %reldir%/demo/load.c %reldir%/demo/processes.c \
	%reldir%/gateway/cmd_check.c %reldir%/gateway/gateway.h \
	%reldir%/gateway/handshake.c \
	%reldir%/gateway/identity.c \
	%reldir%/gateway/library.c \
	%reldir%/gateway/remarks.c \
	%reldir%/gateway/road.c \
	%reldir%/gateway/served.c \
	%reldir%/gateway/tokens.c \
	%reldir%/libexec.c %reldir%/libexec.h \
	%reldir%/machine/cmd_machine.c \
	%reldir%/machine/pki.c %reldir%/machine/pki.h \
	%reldir%/qualify/chapters.c \
	%reldir%/qualify/child.c \
	%reldir%/qualify/cmd_qualify.c \
	%reldir%/qualify/count.c \
	%reldir%/qualify/elf.c \
	%reldir%/qualify/html.c \
	%reldir%/qualify/judge.h \
	%reldir%/qualify/learn.c \
	%reldir%/qualify/plot.c \
	%reldir%/qualify/qualify.h \
	%reldir%/qualify/write.c \
	%reldir%/cmd_top.c %reldir%/live.c %reldir%/live.h %reldir%/top.h %reldir%/top_sample.c %reldir%/top_screen.c
hufu_CFLAGS = $(tools_libhufutool_la_CFLAGS) $(NCURSES_CFLAGS) $(SSL_CFLAGS)
hufu_CPPFLAGS = $(AM_CPPFLAGS) -DHUFU_LIBEXEC_PATH='"$(pkglibexecdir)"' -DHUFU_SBIN_PATH='"$(sbindir)"' -DHUFU_MODULE_PATH='"$(moduledir)/hufu-pkcs11.so"'
hufu_LDADD = tools/libhufutool.la src/audit/libaudit.la $(STORE_ENGINES) src/store/libstore.la $(POOL_LIBS) $(NCURSES_LIBS) $(SSL_LIBS) -lm

# Run by hufu bench failover, net, pool and sdf: the core whole, with the driver that misbehaves.
pkglibexec_PROGRAMS += hufu-lab
hufu_lab_SOURCES = \
	%reldir%/lab/bed.c \
	%reldir%/lab/card.c \
	%reldir%/lab/failover.c \
	%reldir%/lab/judge.c \
	%reldir%/lab/lab.c %reldir%/lab/lab.h \
	%reldir%/lab/load.c %reldir%/lab/load.h \
	%reldir%/lab/net.c %reldir%/lab/net.h \
	%reldir%/lab/net_connect.c \
	%reldir%/lab/net_measure.c \
	%reldir%/lab/net_p11.c \
	%reldir%/lab/net_remote.c \
	%reldir%/lab/overhead.c \
	%reldir%/lab/scaling.c
hufu_lab_CFLAGS = $(AM_CFLAGS) $(P11KIT_CFLAGS) $(JANSSON_CFLAGS) $(OPENSSL_CFLAGS)
hufu_lab_LDADD = src/p11/libp11.la src/driver/libfault.la $(TOKEN_LIBS) $(JANSSON_LIBS) $(OPENSSL_LIBS) $(PTHREAD_LIBS)

# Run by hufu driver qualify, a chapter each time: the one process that loads the library.
pkglibexec_PROGRAMS += hufu-qualify
hufu_qualify_SOURCES = \
	%reldir%/hex.c %reldir%/hex.h \
	%reldir%/qualify/card.c %reldir%/qualify/card.h \
	%reldir%/qualify/chapters.c \
	%reldir%/qualify/ex_answers.c \
	%reldir%/qualify/ex_chaining.c \
	%reldir%/qualify/ex_common.c \
	%reldir%/qualify/ex_cross.c \
	%reldir%/qualify/ex_driver.c \
	%reldir%/qualify/ex_errors.c \
	%reldir%/qualify/ex_idle.c \
	%reldir%/qualify/ex_late.c \
	%reldir%/qualify/ex_layouts.c \
	%reldir%/qualify/ex_leaks.c \
	%reldir%/qualify/ex_misuse.c \
	%reldir%/qualify/ex_open.c \
	%reldir%/qualify/ex_performance.c \
	%reldir%/qualify/ex_random.c \
	%reldir%/qualify/ex_reconnect.c \
	%reldir%/qualify/ex_rights.c \
	%reldir%/qualify/ex_sizes.c \
	%reldir%/qualify/ex_symbols.c \
	%reldir%/qualify/ex_threads.c \
	%reldir%/qualify/examine.h \
	%reldir%/qualify/examiner.c \
	%reldir%/qualify/qualify.h \
	%reldir%/qualify/randomness.h \
	%reldir%/qualify/tell.c %reldir%/qualify/tell.h
hufu_qualify_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(OPENSSL_CFLAGS)
hufu_qualify_LDADD = src/randomness/librandomness.la $(DRIVER_LIBS) $(JANSSON_LIBS) $(OPENSSL_LIBS) $(PTHREAD_LIBS) -lm

dist_man_MANS += docs/man/hufu.1
bashcompletiondir = $(datarootdir)/bash-completion/completions
dist_bashcompletion_DATA = %reldir%/bash-completion/hufu
