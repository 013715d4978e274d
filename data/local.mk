# For those who run cipher machines: units of systemd, alert rules.
UNITS = hufud.service hufud.socket hufu-devices.service
EXTRA_DIST += \
	%reldir%/systemd/hufu-devices.service.in \
	%reldir%/systemd/hufud.service.in \
	%reldir%/systemd/hufud.socket.in \
	%reldir%/systemd/hufud.sysusers.in \
	%reldir%/systemd/hufud.tmpfiles.in
if HUFUD
dist_doc_DATA += docs/OPERATIONS.md
prometheusdir = $(pkgdatadir)/prometheus
dist_prometheus_DATA = %reldir%/prometheus/hufu.rules.yml

systemdsystemunit_DATA = $(UNITS)
sysusersdir = $(prefix)/lib/sysusers.d
sysusers_DATA = %reldir%/sysusers.d/hufud.conf
tmpfilesdir = $(prefix)/lib/tmpfiles.d
tmpfiles_DATA = %reldir%/tmpfiles.d/hufud.conf
CLEANFILES += $(UNITS) $(sysusers_DATA) $(tmpfiles_DATA)

FILL_IN = $(AM_V_GEN)$(SED) -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@sysconfdir[@]|$(sysconfdir)|g' -e 's|@docdir[@]|$(docdir)|g'
$(UNITS): Makefile
	$(FILL_IN) $(srcdir)/data/systemd/$@.in > $@.tmp && mv $@.tmp $@
%reldir%/sysusers.d/hufud.conf: %reldir%/systemd/hufud.sysusers.in Makefile
	@$(MKDIR_P) $(@D)
	$(FILL_IN) $(srcdir)/data/systemd/hufud.sysusers.in > $@.tmp && mv $@.tmp $@
%reldir%/tmpfiles.d/hufud.conf: %reldir%/systemd/hufud.tmpfiles.in Makefile
	@$(MKDIR_P) $(@D)
	$(FILL_IN) $(srcdir)/data/systemd/hufud.tmpfiles.in > $@.tmp && mv $@.tmp $@
hufud.service: %reldir%/systemd/hufud.service.in
hufud.socket: %reldir%/systemd/hufud.socket.in
hufu-devices.service: %reldir%/systemd/hufu-devices.service.in
endif
