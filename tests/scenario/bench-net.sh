#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: hufu bench net measures a machine of its own in every way that it says, and leaves nothing behind. Never a time.
. "$(dirname "$0")/lib.sh"
[ -x "$top_builddir/hufud" ] || { echo "1..0 # SKIP hufud is not built"; exit 0; }
[ -z "$HUFU_WRAP" ] || { echo "1..0 # SKIP measurements are not for valgrind"; exit 0; }
need python3
cd "$work" || exit 99
in_memory
timeout 200 "$HUFU" bench net --seconds 1 --connections 20 --module "$MODULE" -o json >net.json 2>last
check "hufu bench net ends well" is_equal $? 0
cat >shape.py <<'PY'
import json
doc = json.load(open("net.json"))
assert doc["schema"] == "hufu-bench-net/1" and doc["machine"]
for key, numbers in (("in_flight", (1, 8, 64)), ("threads", (1, 2, 4, 8, 16, 32))):
    have = {(row["op"], row[key]): row for row in doc[key]}
    assert set(have) == {(op, n) for op in ("sm2-sign", "random") for n in numbers}, have.keys()
    for row in have.values():
        for way in ("wire", "in_process"):
            assert row[way]["per_s"] > 0 and 0 < row[way]["p50_us"] <= row[way]["p99_us"] <= row[way]["p999_us"], row
            assert row[way]["client_us"] >= 0
        assert row["wire"]["machine_us"] > 0 and row["ratio"] > 0 and 0 < row["cpu_ratio"] <= 1, row
assert doc["answer_bytes"] == 88 and doc["request_bytes"] > 24
assert doc["handshakes"]["full_per_s"] > 0 and doc["handshakes"]["resumed_per_s"] > 0
assert doc["idle"]["connections"] == 20 and doc["idle"]["machine_bytes"] >= 0
modules = doc["pkcs11"]
for name in ("in_process", "machine"):
    assert modules[name]["ecdsa_p256"]["per_s"] > 0 and modules[name]["random"]["per_s"] > 0
if "p11_kit_server" not in modules:
    assert "p11-kit" in open("last").read()
PY
check "every measurement is there" python3 shape.py
check "nothing is left of it" is_equal "$(ls -A "$memory" | wc -l)" 0
check "a table for people" timeout 200 "$HUFU" bench net --seconds 1 --connections 5 --module /nowhere/module.so
check "with what the wire takes" contains "64 in flight on one connection: of the processors' time" "$work/out"
check "and a word on a module that is not there" contains "/nowhere/module.so is not there" "$work/out"
check_status 1 "a number that is none is refused" "$HUFU" bench net --seconds soon
finish
