#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: two machines on one host serve one token while one is killed and the other drains and comes back, and no call of an
# application fails.
. "$(dirname "$0")/lib.sh"
HUFUD=${HUFUD:-$top_builddir/hufud}
[ -x "$HUFUD" ] || { echo "1..0 # SKIP hufud is not built"; exit 0; }
[ -z "$HUFU_WRAP" ] || { echo "1..0 # SKIP what a demonstration shows is not for valgrind"; exit 0; }
mkdir "$work/tmp"
export TMPDIR=$work/tmp
check "the demonstration runs to its end" timeout 120 "$HUFU" demo cluster --seconds "${HUFU_SOAK:-5}" --module "$MODULE"
check "one machine was killed" contains "machine1 is killed .* failed 0\$" "$work/out"
check "and came back" contains "machine1 is started again .* failed 0\$" "$work/out"
check "the other was stopped in good order" contains "machine2 is stopped.* failed 0\$" "$work/out"
check "and came back, too" contains "machine2 is started again .* failed 0\$" "$work/out"
check "much was signed, and nothing failed" contains -x "[0-9]* signatures, 0 failed\." "$work/out"
check "nothing is left of it" is_equal "$(ls "$work/tmp")" ""
check_not "more than a host takes is refused" "$HUFU" demo cluster --threads 1000 --module "$MODULE"
finish
