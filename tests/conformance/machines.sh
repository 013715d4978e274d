#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Claim: what holds for tokens on this host holds for tokens that live on machines: the suite's programs, over two of them.
build=${top_builddir:-.}
[ -x "$build/hufud" ] || { echo "1..0 # SKIP hufud is not built"; exit 0; }
HUFU_FACE_MACHINES=2
export HUFU_FACE_MACHINES
n=0
for program in test_attacks test_cipher test_ec test_envelope test_fork test_key test_message test_object test_policy \
	test_races test_rsa test_session test_sign test_threads provider_async provider_handshakes provider_keys; do
	n=$((n + 1))
	if out=$(timeout 600 "$build/tests/conformance/$program" 2>&1); then
		echo "ok $n - $program over machines"
	else
		echo "not ok $n - $program over machines (status $?)"
		echo "$out" | grep -v '^ok' | tail -20 | sed 's/^/# /'
	fi
done
echo "1..$n"
