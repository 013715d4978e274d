#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: hufu bench measures every operation on every implementation that has
# it, in the documented shape, and leaves nothing behind. Never a time.
. "$(dirname "$0")/lib.sh"
need python3
cd "$work" || exit 99
mkdir place
in_memory
"$HUFU" bench --module "$MODULE" --seconds 2 --quick --objects 10,200 --peer-objects 10 --dir "$work/place" -o json >bench.json 2>last
check "it ends well" is_equal $? 0
cat >shape.py <<'PY'
import json, sys
d = json.load(open("bench.json"))
assert set(d) == {"schema", "machine", "rows"} and d["schema"] == "hufu-bench/1", d.keys()
assert all(set(r) == {"op", "size", "threads", "impl", "value", "unit", "ratio"} for r in d["rows"])
assert all(r["ratio"] == 1 or r["impl"] != "hufu" for r in d["rows"])
assert all(r["value"] > 0 for r in d["rows"] if not r["op"].startswith("layers-"))
have = {(r["op"], r["size"], r["threads"], r["impl"]) for r in d["rows"]}
crypto = [("sm2-sign", 32), ("sm2-verify", 32), ("sm4-cbc", 64), ("sm4-cbc", 16384), ("sm4-ctr", 64), ("sm4-ctr", 16384), ("sm3", 64), ("sm3", 16384),
          ("zuc-eea3", 64), ("zuc-eea3", 16384), ("random", 32)]
for op, size in crypto:
    for threads in (1, 2):
        for impl in ("hufu", "kernel") + (() if op.startswith("zuc") else ("libcrypto",)):
            assert (op, size, threads, impl) in have, (op, size, threads, impl)
intl = [("ecdsa-p256-sign", 32), ("ecdsa-p256-sign-token-key", 32), ("rsa-2048-sign", 51), ("rsa-2048-sign-token-key", 51),
        ("aes-cbc", 64), ("aes-cbc", 16384), ("aes-gcm", 64), ("aes-gcm", 16384), ("sha256", 64), ("sha256", 16384)]
for op, size in intl:
    for threads in (1, 2):
        for impl in ("hufu", "libcrypto"):
            assert (op, size, threads, impl) in have, (op, size, threads, impl)
for op in ("session-open-close", "object-create"):
    assert any(h[0] == op and h[3] == "hufu" for h in have), op
for size in (10, 200):
    assert ("find", size, 1, "hufu") in have and ("initialize", size, 1, "hufu") in have, size
assert {"layers-sm2-sign", "layers-sm4-cbc", "layers-sm3", "layers-aes-cbc", "layers-aes-gcm", "layers-sha256"} <= {h[0] for h in have}
if any(h[3] == "softhsm" for h in have):
    assert ("find", 10, 1, "softhsm") in have and ("find", 200, 1, "softhsm") not in have
    assert ("sm2-sign", 32, 1, "softhsm") in have and not any(h[0] == "zuc-eea3" and h[3] == "softhsm" for h in have)
PY
check "the shape, and a row for everything" python3 shape.py
check "no token is left where it was written" is_equal "$(ls place | wc -l)" 0
check "nor in memory" is_equal "$(ls -A "$memory" | wc -l)" 0
check "a table for people" "$HUFU" bench --module "$MODULE" --seconds 1 --quick --objects 10 --peer none --dir "$work/place"
contains "sm4-cbc" out && contains "above the kernel" out && ok "with the layers' cost" || not_ok "with the layers' cost"
check_status 4 "a module that is none: 4" "$HUFU" bench --module /etc/passwd --peer none --quick
check_status 1 "sizes that do not grow: 1" "$HUFU" bench --module "$MODULE" --objects 100,10
finish
