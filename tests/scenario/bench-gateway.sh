#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: hufu bench gateway measures signatures and handshakes with keys of every device beside the same keys in files, one after
# the other and in jobs, and leaves nothing behind. Never a time.
. "$(dirname "$0")/lib.sh"
[ -x "$top_builddir/hufud" ] || { echo "1..0 # SKIP hufud is not built"; exit 0; }
[ -z "$HUFU_WRAP" ] || { echo "1..0 # SKIP measurements are not for valgrind"; exit 0; }
need python3
cd "$work" || exit 99
in_memory
timeout 200 "$HUFU" bench gateway --seconds 1 --module "$MODULE" -o json >gateway.json 2>last
check "hufu bench gateway ends well" is_equal $? 0
cat >shape.py <<'PY'
import json
doc = json.load(open("gateway.json"))
assert set(doc) == {"schema", "machine", "rounds", "seconds", "slow_ms", "rows"} and doc["schema"] == "hufu-bench-gateway/1", doc.keys()
assert doc["machine"]["cpu"] and doc["machine"]["libcrypto"]
have = {(row["work"], row["key"], row["device"], row["jobs"]): row for row in doc["rows"]}
assert len(have) == len(doc["rows"])
groups = [("sign", key) for key in ("rsa-2048", "ecdsa-p256", "sm2", "ed25519")]
groups += [(work, key) for work in ("tls1.3", "tls1.2") for key in ("rsa-2048", "ecdsa-p256")]
want = {(work, key, device, jobs) for work, key in groups for device in ("file", "soft", "soft-lane", "net") for jobs in (0, 1, 8, 64)}
want |= {("sign", "sm2", "kernel", 0)}
if doc["slow_ms"]:
    want |= {(work, "ecdsa-p256", "slow", jobs) for work in ("sign", "tls1.3") for jobs in (0, 1, 8, 64)}
assert set(have) == want, set(have) ^ want
for name, row in have.items():
    assert row["per_s"] > 0 and row["ratio"] > 0 and row["cpu_us"] > 0 and row["cpu_ratio"] > 0, row
    assert name[2] != "file" or row["ratio"] == row["cpu_ratio"] == 1, row
if doc["slow_ms"]:
    alone = have["sign", "ecdsa-p256", "slow", 0]["per_s"]
    assert alone < 1000 / doc["slow_ms"], "no operation is faster than the slow device"
PY
check "every measurement is there" python3 shape.py
check "nothing is left of it" is_equal "$(ls -A "$memory" | wc -l)" 0
check "a table for people" timeout 200 "$HUFU" bench gateway --seconds 1 --module "$MODULE"
check "with the kernel's factor" contains "hufu's kernel alone signs" "$work/out"
check_status 1 "a number that is none is refused" "$HUFU" bench gateway --seconds soon
check_status 2 "so is a module that is none" "$HUFU" bench gateway --seconds 1 --module /nowhere/module.so
check "and nothing is left of that either" is_equal "$(ls -A "$memory" | wc -l)" 0
finish
