#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Claim: what holds for tokens on this host holds for tokens that live on machines: the suite's programs, over two of them.
build=${top_builddir:-.}
[ -x "$build/hufud" ] || { echo "1..0 # SKIP hufud is not built"; exit 0; }
HUFU_FACE_MACHINES=2
export HUFU_FACE_MACHINES
n=0
for name in attacks cipher ec envelope fork key message object policy races rsa session sign threads; do
	n=$((n + 1))
	if out=$(timeout 600 "$build/tests/conformance/test_$name" 2>&1); then
		echo "ok $n - test_$name over machines"
	else
		echo "not ok $n - test_$name over machines (status $?)"
		echo "$out" | grep -v '^ok' | tail -20 | sed 's/^/# /'
	fi
done
echo "1..$n"
