#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: eight processes use one token at once and nothing is lost or doubled;
# a process killed at any moment leaves a sound store with all that it was told
# is there. HUFU_SOAK makes it longer.
. "$(dirname "$0")/lib.sh"
need pkcs11-tool
init_token demo
rounds=$((5 * ${HUFU_SOAK:-1}))

workers=
for i in 1 2 3 4 5 6 7 8; do
	(for r in $(seq $rounds); do
		hufu_in key generate "$URI" --type sm4 --label "key-$i-$r" >"$work/w$i.out" 2>&1 || exit 1
	done) &
	workers="$workers $!"
done
failures=0
for pid in $workers; do wait "$pid" || failures=$((failures + 1)); done
check "eight processes make keys at once, none failed" is_equal "$failures" 0
[ $failures -eq 0 ] || cat "$work"/w*.out | sed 's/^/# /' | head -n 20
hufu_in key list "$URI" >"$work/keys" 2>&1
check "each key once" is_equal "$(grep -o 'key-[1-8]-[0-9]*' "$work/keys" | sort | uniq | wc -l) $(grep -c 'key-[1-8]-[0-9]*' "$work/keys")" "$((8 * rounds)) $((8 * rounds))"

acknowledged=$work/acknowledged
: >"$acknowledged"
for r in $(seq $((4 * ${HUFU_SOAK:-1}))); do
	(while :; do
		label=killed-$r-$((k = ${k:-0} + 1))
		"$HUFU" key generate "$URI" --type sm4 --label "$label" --pin-file "$work/user.pin" --module "$MODULE" >/dev/null 2>&1 && echo "$label" >>"$acknowledged"
	done) &
	victim=$!
	# Not a wait for something: the moment of the kill is meant to be anywhere.
	sleep "0.$((RANDOM % 9 + 1))"
	pkill -KILL -P "$victim" 2>/dev/null
	kill -KILL "$victim" 2>/dev/null
	wait "$victim" 2>/dev/null
done
hufu_in key list "$URI" >"$work/keys" 2>&1
lost=0
while read -r label; do grep -q "$label\b" "$work/keys" || lost=$((lost + 1)); done <"$acknowledged"
check "killed processes lost no key that was acknowledged" is_equal "$lost" 0
check "the store is sound" hufu_core store verify "$URI" --pin-file "$work/user.pin"
finish
