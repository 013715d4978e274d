# SPDX-License-Identifier: Apache-2.0
# Sourced by check --long: what takes long or needs more tools.

say "== build: clang"
configure "$out/clang" --enable-werror CC=clang
build "$out/clang"
stage "clang" "$out/clang" "SCENARIOS="

say "== build: ThreadSanitizer"
configure "$out/tsan" --enable-werror --enable-sanitize=thread CFLAGS='-g -O1'
build "$out/tsan"
# TSan cannot follow a child of a threaded process: those cases skip themselves.
TSAN_OPTIONS=suppressions=$top/setup/tsan.supp HUFU_TEST_NO_FORK=1 stage "tsan" "$out/tsan"

say "== scenarios under valgrind"
# A report counts when one of its frames is hufu's; what the clients themselves do wrong is theirs.
export HUFU_VALGRIND_LOGS=$out/valgrind
rm -rf "$HUFU_VALGRIND_LOGS"; mkdir -p "$HUFU_VALGRIND_LOGS"
HUFU_WRAP="valgrind -q --trace-children=no --log-file=$HUFU_VALGRIND_LOGS/%p.log --suppressions=$top/setup/valgrind.supp --num-callers=30 --error-exitcode=0" \
	stage "valgrind" "$out/plain" "TESTS=\$(SCENARIOS)"
one "valgrind: a report with a frame of hufu's" setup/valgrind-reports "$HUFU_VALGRIND_LOGS" "$out/plain"

say "== constant time under valgrind"
one "constant time" make -C "$out/plain" check-ct

say "== soaks"
stage "asan+ubsan, machines" "$out/asan" "TESTS=tests/conformance/machines.sh"

HUFU_SOAK=10 stage "soak" "$out/plain" "TESTS=\$(SOAKS)"

say "== chaos: more seeds, longer, and under ThreadSanitizer"
for profile in storm liars outage fork reload blind cards mixed; do
	one "chaos: $profile" make -C "$out/plain" chaos PROFILE=$profile SEEDS=101-120 OPS=4000
done
for profile in lines lines-token deaths deaths-token rolling rolling-token; do
	one "chaos: $profile" make -C "$out/plain" chaos CHAOS=machines PROFILE=$profile SEEDS=101-105 OPS=2000
done
export TSAN_OPTIONS=suppressions=$top/setup/tsan.supp
one "chaos: tsan" make -C "$out/tsan" chaos PROFILE=storm SEEDS=101-104 OPS=3000

say "== make distcheck"
one "distcheck" make -C "$out/plain" distcheck -j"$jobs"
