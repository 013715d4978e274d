#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: hufu bench failover lets devices fail under load and shows, in the
# documented shape, that no caller met an error and no operation was lost or done
# twice; its plot is well-formed; hufu bench pool measures what it says. Never a time.
. "$(dirname "$0")/lib.sh"
need python3 timeout
cd "$work" || exit 99
# In memory, but in a place of this test's own: other benchmarks may run beside it.
place=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo "$work")/hufu-place.XXXXXX") || exit 99
FAULTS=refused,reset,hung,black-holed,slow
timeout 300 "$HUFU" bench failover --dir "$place" --seconds 12 --rate 200 --faults $FAULTS,all-down --devices 2,4 --seed 7 --plot plot.svg -o json >failover.json 2>last
check "it ends well" is_equal $? 0
cat >shape.py <<'PY'
import json, sys
faults = sys.argv[1].split(",")
d = json.load(open("failover.json"))
assert d["schema"] == "hufu-bench-failover/1", d["schema"]
assert {"fault", "devices", "caller_errors", "lost", "duplicated", "p99_added_ms", "max_added_ms"} <= set.intersection(*(set(c) for c in d["cases"]))
have = [(c["fault"], c["devices"], c["isolation"]) for c in d["cases"]]
assert len(have) == len(set(have))
direct = {"refused", "reset", "slow"}
assert set(have) == {(f, n, i) for f in faults for n in (2, 4) for i in ("thread", "direct") if i == "thread" or (f in direct and n == 2)}, have
for c in d["cases"]:
    assert isinstance(c["p99_added_ms"], float) and isinstance(c["max_added_ms"], float) and isinstance(c["kept"], bool), c
    assert c["calls"] > 0 and c["keys_made"] > 0 and c["quiet"]["calls"] > 0 and c["during"]["calls"] > 0 and c["after"]["calls"] > 0, c
assert [(c["fault"], c["devices"]) for c in d["all_down"]] == [("all-down", 2), ("all-down", 4)]
PY
cat >sound.py <<'PY'
import json
d = json.load(open("failover.json"))
bad = [c for c in d["cases"] if c["caller_errors"] or c["lost"] or c["duplicated"] or c["wrong"]]
bad += [c for c in d["all_down"] if c["lost"] or c["duplicated"] or c["wrong"]]
for c in bad:
    print({k: c[k] for k in ("fault", "devices", "isolation", "caller_errors", "lost", "duplicated", "wrong")})
assert not bad
PY
check "every case has its members" python3 shape.py $FAULTS
check "no error, nothing lost, nothing twice, nothing wrong" python3 sound.py
check "the plot is well-formed XML, a panel a case" python3 -c '
import json, xml.etree.ElementTree as tree
root = tree.parse("plot.svg").getroot()
assert root.tag == "{http://www.w3.org/2000/svg}svg", root.tag
d = json.load(open("failover.json"))
lines = [e for e in root.iter("{http://www.w3.org/2000/svg}polyline")]
assert len(lines) == 3 * (len(d["cases"]) + len(d["all_down"])), len(lines)'
check "a table for people" timeout 60 "$HUFU" bench failover --seconds 1 --faults refused --devices 2 --isolation direct
contains "refused" out && contains "PROMISED" out && ok "with the promises" || not_ok "with the promises"
check_status 1 "a fault that nobody knows: 1" "$HUFU" bench failover --faults flood
check_status 1 "one device cannot take over: 1" "$HUFU" bench failover --devices 1
timeout 100 "$HUFU" bench pool --dir "$place" --seconds 2 -o json >pool.json 2>last
check "hufu bench pool ends well" is_equal $? 0
check "in its shape" python3 -c '
import json
d = json.load(open("pool.json"))
assert set(d) == {"schema", "machine", "overhead", "hand_off", "devices", "sessions"} and d["schema"] == "hufu-bench-pool/1"
assert [o["devices"] for o in d["overhead"]] == [1, 2, 4] and all(o["added_ns"] > 0 for o in d["overhead"])
assert [r["devices"] for r in d["devices"]] == [1, 2, 4, 8] and all(r["ops_per_s"] > 0 for r in d["devices"])
assert [r["isolation"] for r in d["hand_off"]] == ["direct", "thread"]
assert [r["clients"] for r in d["sessions"]] == [1, 2, 8, 64]'
check "no token is left behind: the place is empty" rmdir "$place"
finish
