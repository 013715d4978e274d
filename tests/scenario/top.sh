#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: hufu top and pool status show what programs report, on a screen that
# is given back on every way out, as tables and as JSON; files that lie crash nothing.
. "$(dirname "$0")/lib.sh"
need python3
PRETEND=$top_builddir/tests/scenario/pretend
mkdir -m 700 "$work/run"
cat >"$HUFU_CONF" <<CONF
run_dir = "$work/run"
token "demo" { store = "sqlite:$work/demo.db" host_secret = "file:$work/host.key" devices = { card1, card2, card3 } }
device "card1" { driver = soft domain = "d1" }
device "card2" { driver = soft domain = "d1" }
device "card3" { driver = soft domain = "d2" }
CONF
chmod 600 "$HUFU_CONF"
cd "$work" || exit 99
json() { python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); sys.exit(not eval(sys.argv[2]))' "$@"; }
lines() { python3 -c 'import json,sys; d=[json.loads(l) for l in open(sys.argv[1])]; sys.exit(not eval(sys.argv[2]))' "$@"; }
reported() { hufu_core device list -o json >list && json list "all(x['state'] for x in d['devices'])"; }

# -- nothing runs -----------------------------------------------------------------
check "pool status when nothing runs" hufu_core pool status
check "says so" contains "not in use" out
check "top when nothing runs" hufu_core top -n 1 -i 0.1
check "says so" contains "not in use" out

# -- two programs, which see a device differently ------------------------------------
background "$PRETEND" 300 card3=ejected
background "$PRETEND" 300 card3=quarantined card2=busy
wait_for reported
wait_for sh -c "[ \$(ls run/*.stats | wc -l) -eq 2 ]"
check "top as lines of JSON" hufu_core top -o ndjson -i 0.5 -n 3
cp out top.ndjson
check "a device and interval each" lines top.ndjson "len(d) == 9 and {x['device'] for x in d} == {'card1', 'card2', 'card3'}"
check "with operations a second" lines top.ndjson "all(x['ops_per_s'] > 100 for x in d if x['device'] == 'card1')"
check "their time" lines top.ndjson "all(0.7e6 < x['p50_ns'] < 1.5e6 and x['p99_ns'] >= x['p50_ns'] for x in d if x['device'] == 'card1')"
check "what is in flight" lines top.ndjson "all(x['in_flight'] == 3 for x in d if x['device'] == 'card2')"
check "and none of a device that is out" lines top.ndjson "all(x['ops_per_s'] == 0 and x['p99_ns'] == 0 for x in d if x['device'] == 'card3')"
check "the worst state counts, and all are there" lines top.ndjson "all(x['state'] == 'quarantined' and x['states'] == {'ejected': 1, 'quarantined': 1} for x in d if x['device'] == 'card3')"
check "top as a table" hufu_core top -i 0.2 -n 2
check "has a head an interval" is_equal "$(grep -c '^DEVICE' out)" 2
check_status 1 "an interval of nothing: 1" hufu_core top -i 0
check_status 1 "or of words: 1" hufu_core top -i soon
check_status 1 "one line a thing is for what goes on: 1" hufu_core device list -o ndjson
check "pool status as JSON" hufu_core pool status -o json
cp out pool.json
check "counts devices and domains that are up" json pool.json "[(x['devices'], x['devices_up'], x['domains'], x['domains_up']) for x in d['tokens']] == [(3, 2, 2, 1)]"
check "pool status, watched" hufu_core pool status demo --watch -i 0.1 -n 2
check "twice" is_equal "$(grep -c '^demo' out)" 2
check "as lines of JSON" hufu_core pool status --watch -i 0.1 -n 2 -o ndjson
check_status 2 "a token that nobody knows: 2" hufu_core pool status nowhere

# -- why ------------------------------------------------------------------------------
check "explain" hufu_core device explain card3
check "names the reasons" contains "its signature did not verify" out
check "says what it means" contains "belongs to another domain" out
check "and what to do" contains "hufu device maintain card3; hufu device undrain card3" out
check "an ejected device is probed again by itself" contains "probed again by itself" out
check "bytes for the terminal are none" sh -c "! grep -q '$(printf '\033')' out"
check "explain as JSON" hufu_core device explain card3 -o json
cp out explain.json
check "with the events" json explain.json "{e['to'] for p in d['processes'] for e in p['events']} == {'up', 'ejected', 'quarantined'}"

# -- waiting -----------------------------------------------------------------------------
check "drain and wait" hufu_core device drain card1 --wait --why "new battery"
check "a program that is not done is named: 5" sh -c "'$HUFU' device drain card2 --wait --timeout 1 >said 2>&1; test \$? -eq 5"
check "with what it has in flight" contains "pretend (process [0-9]*), token demo: 3 operations still in flight" said
check "the wish stands" contains draining hufu.conf.states
check "explain tells who and why" hufu_core device explain card1
check "by name" contains "draining by $(id -un) at .*: new battery" out
check "undrain and wait" hufu_core device undrain card1 --wait
check "and the other" hufu_core device undrain card2 --wait

# -- the screen -------------------------------------------------------------------------------
if python3 -c 'import pty' 2>/dev/null && grep -q 'define HAVE_NCURSES' "$top_builddir/config.h"; then
	check_claims "the screen" python3 "$top_srcdir/tests/scenario/screen.py" "$HUFU" "$work/hufu.conf.states"
else
	skip "the screen" "built without ncurses"
fi

# -- files that lie -----------------------------------------------------------------------------
for pid in $pids; do kill "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; done
pids=
wait_for sh -c "'$HUFU' device list -o json >list && ! grep -q '\"state\": \"' list"
background "$PRETEND" 300 card3=ejected
wait_for reported
good=$(ls run/*.stats)
cat >lie.py <<'PY'
# A file like the good one, but for some bytes, locked as a living process would.
import fcntl, os, random, sys, time
good, bad, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
random.seed(seed)
data = bytearray(open(good, "rb").read())
for _ in range([1, 100, 10000, len(data) // 2][seed % 4]):
    data[random.randrange(len(data))] = random.randrange(256)
if seed == 5: data = data[:len(data) // 2]
if seed == 6: data = bytearray(b"\xff" * len(data))
if seed == 7: data = bytearray()
with open(os.open(bad + ".new", os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    file.write(data)
    file.flush()
    os.rename(bad + ".new", bad)
    time.sleep(300)
PY
crashes=0
for seed in 1 2 3 4 5 6 7 8; do
	bad=run/$$-$(printf %016x $seed).stats
	python3 lie.py "$good" "$bad" $seed & holder=$!
	wait_for exists "$bad"
	for command in "device list" "device show card1" "device explain card3" "pool status" "top -i 0.1 -n 1" "top -i 0.1 -n 2 -o ndjson"; do
		timeout 60 $HUFU_WRAP "$HUFU" $command >out 2>&1
		[ $? -lt 126 ] || { crashes=$((crashes + 1)); diag "$command, seed $seed"; }
		grep -q "$(printf '\033')" out && { crashes=$((crashes + 1)); diag "$command, seed $seed: escapes"; }
	done
	kill $holder; wait $holder 2>/dev/null
	rm -f "$bad"
done
check "files that lie crash nothing, and send nothing to the terminal" is_equal $crashes 0
finish
