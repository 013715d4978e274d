#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: Python's PyKCS11 finds in the token the answers that the standard and
# openssl give, code by code, also in the children of a fork and however its process ends.
. "$(dirname "$0")/lib.sh"
need python3 openssl
python=
for candidate in python3 /usr/bin/python3; do
	"$candidate" -c 'import PyKCS11' 2>/dev/null && { python=$candidate; break; }
done
[ -n "$python" ] || { echo "1..0 # SKIP PyKCS11 is not installed (Debian: python3-pykcs11)"; exit 0; }
init_token demo
export PYTHONDONTWRITEBYTECODE=1

program() { $HUFU_WRAP "$python" "$top_srcdir/tests/scenario/python/$1.py" "$MODULE" "$work/user.pin" "${@:2}"; }
check_claims "keys" program keys "$work"
check_claims "SM" program sm
check_claims "attributes" program attributes
check_claims "sessions" program sessions "$work/so.pin"
check_claims "processes" program processes
for way in exit abrupt exec; do
	check "a process with a session leaves: $way" program leave "$way"
	check "in silence" is_equal "$(cat "$work/out")" left
done
check_claims "the token is as it was" program sessions "$work/so.pin"
finish
