#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: a program that has the module loaded works on, without one error, while
# a device is added to the configuration and taken out of it, and while devices
# are drained and enabled again.
. "$(dirname "$0")/lib.sh"
need python3
python=
for candidate in python3 /usr/bin/python3; do
	"$candidate" -c 'import PyKCS11' 2>/dev/null && { python=$candidate; break; }
done
[ -n "$python" ] || { echo "1..0 # SKIP PyKCS11 is not installed (Debian: python3-pykcs11)"; exit 0; }
init_token demo
export PYTHONDONTWRITEBYTECODE=1

# The token's devices, by name. An editor's way: a new file takes the old one's place.
configure() {
	local list= name
	for name in "$@"; do list="$list${list:+, }\"$name\""; done
	{
		echo "run_dir = \"$work/run\""
		echo "log { to = \"file:$work/hufu.log\" level = \"info\" }"
		echo "token \"demo\" { store = \"sqlite:$work/demo.db\" host_secret = \"file:$work/host.key\" devices = { $list } }"
		for name in "$@"; do echo "device \"$name\" { driver = \"soft\" domain = \"soft\" }"; done
	} >"$work/conf.new"
	chmod 600 "$work/conf.new"
	mv "$work/conf.new" "$HUFU_CONF"
}
# The operations that running programs did on a device; fails when none has it.
ops() {
	hufu_core device show "$1" -o json | "$python" -c 'import json, sys
processes = [p for p in json.load(sys.stdin)["device"]["processes"] if p["admin"] != "removed"]
print(sum(process["ops"] for process in processes))
sys.exit(0 if processes else 1)' 2>/dev/null
}
serves() { local before; before=$(ops "$1") && sleep 0.3 && [ "$(ops "$1")" -gt "$before" ]; }
# It is known, and does nothing while another does.
rests() { local before; before=$(ops "$1") && serves "$2" && [ "$(ops "$1")" -eq "$before" ]; }
# Running programs are heard, and none has it.
unknown() { serves "$2" && ! ops "$1"; }
told() { grep -q -- "$1" "$work/hufu.log"; }

configure a b
background sh -c "exec \"\$@\" >\"$work/steady.out\" 2>&1" sh $HUFU_WRAP "$python" "$top_srcdir/tests/scenario/python/steady.py" \
	"$MODULE" "$work/user.pin" "$work/stop" "$work/ready"
check "a program works" wait_for exists "$work/ready"
check "on the first device" wait_for serves a
check "and on the second" wait_for serves b

configure a b c
check "a device that was added serves it" wait_for serves c
configure b c
check "one that was taken out is gone from it" wait_for unknown a b
check "the others serve on" wait_for serves b

check "a device is drained" hufu_core device drain b --why "a test" --wait
check "and gets no work" wait_for rests b c
check "while another does" wait_for serves c
check "it is enabled again" hufu_core device undrain b --wait
check "and serves" wait_for serves b

echo 'colour = blue' >>"$HUFU_CONF"
check "a mistake is reported" wait_for told 'unknown key "colour"'
configure b c d
check "and when it is repaired, a device that is new serves" wait_for serves d

touch "$work/stop"
for pid in $pids; do wait "$pid"; done
check_claims "the program" cat "$work/steady.out"
finish
