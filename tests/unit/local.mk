# Unit tests: a program an area, each a convenience library's own test.
# UNIT_TESTS are what ./check runs again under sanitizers.
EXTRA_DIST += tests/unit/unit.h
