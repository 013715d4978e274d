#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: a machine's audit trail has who did what; whatever is done to it is found; what cannot be recorded is refused; and no
# secret is in it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/machine.sh"
need python3 base64

trail=$work/trail
echo "the document" >"$work/document"
audit() { local verb=$1; shift; hufu_core audit "$verb" "$@"; }
# How many records fit.
found() { audit search "$trail" -o json "$@" | wc -l; }

check "a machine and a client are made" make_machine <<END
audit { file = "$trail" buffer = 100 checkpoint_s = 1 }
END
check "it starts" start_machine
check "a token is made on it" init_machine_token
check "a key" hufu key generate main --type sm2 --label signer --pin-file "$work/user.pin"
head -c 16 /dev/urandom >"$work/raw.key"
check "a key that is known elsewhere" hufu key import main "$work/raw.key" --raw --type sm4 --label known --pin-file "$work/user.pin"
check "a signature" sign_with signer
check "and another" sign_with signer
printf wrong-pin >"$work/wrong.pin"; chmod 600 "$work/wrong.pin"
check_not "a wrong PIN is refused" hufu sign "$URI;object=signer;type=private" "$work/document" --pin-file "$work/wrong.pin"

check "what was done verifies, each MAC and signature" audit verify "$trail"
check "with the seed" contains "^MACs  *checked" "$work/out"
check "and the key of checkpoints" contains "^signatures  *checked" "$work/out"
check "the start is there" is_equal "$(found --event start --result ok)" 1
check "the token's making" is_equal "$(found --event init-token --identity app --token main)" 1
check "the logins" test "$(found --event login --identity app --result ok)" -ge 4
check "the wrong PIN" is_equal "$(found --event login --result caller/pin)" 1
check "the keys' making" test "$(found --event insert --result ok)" -ge 3
audit search "$trail" --event sign -o json >"$work/signs"
key=$(sed -n 's/.*"key":"\([0-9a-f]*\)".*/\1/p' "$work/signs" | tail -n 1)
check "the signatures, by the key" test "$(found --key "$key" --event sign --result ok)" -ge 2
check "whose making is there under the same name" is_equal "$(found --key "$key" --event insert)" 1
check "who it was: the certificate's subject" contains '"peer":"CN=app"' "$work/signs"
check "with what" contains '"mech":"0x' "$work/signs"
check "and where" contains '"device":"soft"' "$work/signs"
check "people see names" sh -c "'$HUFU' audit search '$trail' --event sign | grep -q CKM_HUFU_SM2"
check "nothing is of the future" is_equal "$(found --since 2999)" 0
check "all is before it" test "$(found --until 2999)" -gt 20
check_status 1 "what is no time is told" audit search "$trail" --since yesterday
check "the newest is told first to last" sh -c "'$HUFU' audit tail '$trail' -n 3 -o json | wc -l | grep -qx 3"
check "the trail is exported" sh -c "'$HUFU' audit export '$trail' | python3 -c 'import json, sys; sys.exit(len(json.load(sys.stdin)) < 20)'"
check "as comma-separated values, too" sh -c "'$HUFU' audit export '$trail' --csv | python3 -c 'import csv, sys; rows = list(csv.DictReader(sys.stdin)); sys.exit(not any(r[\"event\"] == \"sign\" and r[\"identity\"] == \"app\" for r in rows))'"

# -- what is done to it ---------------------------------------------------------------
for suffix in .seed .key.pub .state; do cp "$trail$suffix" "$work/other$suffix"; done
audit verify "$trail" -o json >"$work/verdict"
spoilt() { audit verify "$work/other"; }
n_lines=$(wc -l <"$trail")
sed '7s/"result":"/"result":"x/' "$trail" >"$work/other"
check_status 6 "a change is found" spoilt
check "and where" contains "other:7:" "$work/out"
check_status 6 "nothing of it is exported" audit export "$work/other"
sed 9d "$trail" >"$work/other"
check_status 6 "a cut is found" spoilt
check "and where" contains "other:9:" "$work/out"
sed '8{h;d};9{G}' "$trail" >"$work/other"
check_status 6 "another order is found" spoilt
check "and where" contains "other:8:" "$work/out"
head -n $((n_lines - 4)) "$trail" >"$work/other"
check_status 6 "a missing end is found" spoilt
sed '4{p}' "$trail" >"$work/other"
check_status 6 "a record that stands there twice is found" spoilt
cp "$trail" "$work/other"
head -c 32 /dev/urandom >"$work/other.seed"
check_status 6 "another trail's seed is none of this" spoilt
cp "$trail.seed" "$work/other.seed"
openssl rand -hex 64 | tr -d '\n' >"$work/other.key.pub"
check_not "nor is any point a key" spoilt

# -- a disk that is full -----------------------------------------------------------------
python=
for candidate in python3 /usr/bin/python3; do
	"$candidate" -c 'import PyKCS11' 2>/dev/null && { python=$candidate; break; }
done
if [ -n "$python" ]; then
	check_claims "a full disk" env PYTHONDONTWRITEBYTECODE=1 "$python" "$top_srcdir/tests/scenario/python/full.py" "$MODULE" "$work/user.pin" \
		"$machine_pid" "$trail" "$url"
else
	skip "a full disk" "PyKCS11 is not installed"
fi
check "the trail is whole after it" audit verify "$trail"

# -- the end, and the next beginning --------------------------------------------------------
check "the machine stops" stop_machine
check "and that is recorded" test "$(found --event stop)" = 1
check "the last record is a checkpoint" sh -c "tail -n 1 '$trail' | grep -q '\"event\":\"checkpoint\".*\"sig\":'"
check "it starts again" start_machine
check "and the trail goes on" test "$(found --event start)" = 2
check "in one chain" audit verify "$trail"
check "the machine stops" stop_machine
cp "$trail" "$work/whole"
head -n 10 "$work/whole" >"$trail"
check_status 78 "a machine whose trail was cut does not start" "$HUFUD" -c "$machine_conf"
cp "$work/whole" "$trail"
sed -i "s|file = \"$trail\"|file = \"$work\"|" "$machine_conf"
check_status 78 "nor one whose trail cannot be written" "$HUFUD" -c "$machine_conf"

# -- secrets -----------------------------------------------------------------------------------
places="$trail $machine_log $work/hufu.log $work/hufud.out"
for secret in "$SO_PIN" "$PIN" wrong-pin "$(od -An -v -tx1 "$work/raw.key" | tr -d ' \n')" "$(base64 <"$work/raw.key")" \
	"$(od -An -v -tx1 "$dir/master.key" | tr -d ' \n')"; do
	# shellcheck disable=SC2086
	check "no secret is in trail or log" sh -c "! grep -qiF -e '$secret' $places"
done
# shellcheck disable=SC2086
check "nor is what looks like a ticket" sh -c "! grep -qi -e ticket -e '\"pin\"' '$trail'"
finish
