#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Claim: every fuzz main of the build takes every file of its corpus without a
# crash, a sanitizer's report, a broken claim or a hang.
src=$(cd "$(dirname "$0")" && pwd)
mains=$(find tests/fuzz -maxdepth 1 -name 'fuzz_*' -type f -perm -u+x 2>/dev/null | sort)
n=0
for main in $mains; do
	name=${main##*/fuzz_}
	if [ -z "$(ls -A "$src/corpus/$name" 2>/dev/null)" ]; then
		n=$((n + 1))
		echo "not ok $n - fuzz_$name has no corpus in tests/fuzz/corpus/$name"
		continue
	fi
	for input in "$src/corpus/$name"/*; do
		n=$((n + 1))
		if out=$(timeout 60 "$main" <"$input" 2>&1); then
			echo "ok $n - fuzz_$name takes ${input##*/}"
		else
			echo "not ok $n - fuzz_$name takes ${input##*/} (status $?)"
			echo "$out" | tail -30 | sed 's/^/# /'
		fi
	done
done
[ "$n" -gt 0 ] || { n=1; echo "not ok 1 - there are fuzz mains in $PWD/tests/fuzz"; }
echo "1..$n"
