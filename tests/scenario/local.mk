# Scenarios: the plain module, driven by programs that nobody here wrote. Not
# under sanitizers: a sanitized module cannot be loaded by foreign programs.
SCENARIOS =
SCENARIOS += tests/scenario/tool-anymodule.sh

EXTRA_DIST += tests/scenario/lib.sh
dist_check_SCRIPTS += $(SCENARIOS)
if !SANITIZED
TESTS += $(SCENARIOS)
endif
AM_TESTS_ENVIRONMENT = top_srcdir='$(abs_top_srcdir)'; top_builddir='$(abs_top_builddir)'; export top_srcdir top_builddir;
