# Counters, published for the administrator.
EXTRA_DIST += %reldir%/stats.h
