#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: two machines share a token in a PostgreSQL database; while that is away signing goes on and changes are refused at
# once; an old dump in its place is noticed; the token moves to a file and back.
. "$(dirname "$0")/lib.sh"
HUFUD=${HUFUD:-$top_builddir/hufud}
[ -x "$HUFUD" ] || { echo "1..0 # SKIP hufud is not built"; exit 0; }
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1)
[ -x "$bin/initdb" ] || { echo "1..0 # SKIP no PostgreSQL server is installed"; exit 0; }
need runuser

# -- a database of its own: never as root --------------------------------------------------
as_user() { "$@"; }
db=$(mktemp -d /tmp/hufu-pg-XXXXXX) || exit 99
trap 'stop_database; cleanup; rm -rf "$db"' EXIT
if [ "$(id -u)" = 0 ]; then
	user=postgres; id postgres >/dev/null 2>&1 || user=nobody
	chown "$user" "$db"
	as_user() { runuser -u "$user" -- "$@"; }
fi
chmod 755 "$db"
as_user "$bin/initdb" -D "$db/data" -U hufu -A trust -N --locale=C >"$work/initdb" 2>&1 || { cat "$work/initdb"; echo "Bail out! initdb"; exit 99; }
answers() { "$bin/pg_isready" -q -h "$db" -U hufu -d postgres; }
start_database() {
	(cd "$db" && as_user "$bin/pg_ctl" -D "$db/data" -W -l "$db/log" -o "-k $db -c listen_addresses= -c fsync=off" start) >/dev/null 2>&1
	wait_for answers
}
stop_database() { (cd "$db" && as_user "$bin/pg_ctl" -D "$db/data" -m immediate stop) >/dev/null 2>&1; }
sql() { "$bin/psql" -qAtX -h "$db" -U hufu -d postgres -v ON_ERROR_STOP=1 -c "$1"; }
check "a database" start_database
store="postgres:host=$db user=hufu dbname=postgres"

# -- two machines, one client ----------------------------------------------------------------
dir=$work/domain
one=$(free_port)
two=$(free_port)
check "a machine with a store in the database" "$HUFU" machine init "$dir" --name machine1 --port "$one" --token demo --store "$store"
check "and another" "$HUFU" machine init "$dir" --name machine2 --port "$two" --token demo --store "$store"
check "and a client" "$HUFU" machine client "$dir" app --token demo --machine machine1="127.0.0.1:$one" \
	--machine machine2="127.0.0.1:$two" --grant "$dir/machine1.conf" --grant "$dir/machine2.conf"
for m in machine1 machine2; do
	HUFU_LOG=file:$work/$m.log "$HUFUD" --config "$dir/$m.conf" >"$work/$m.out" 2>&1 &
	pids="$pids $!"
done
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
check "they serve" sh -c ":" && wait_for listens "$one" && wait_for listens "$two"
cd "$work" || exit 99
umask 077
echo 12345678 >so.pin
echo 87654321 >user.pin
export HUFU_CONF=$dir/app.conf
app() { hufu "$@"; }
check "the token is made, in the database" app token init --label demo --so-pin-file so.pin --new-pin-file user.pin
check "a key too" app key generate pkcs11:token=demo --type sm2 --label signer --id 01 --pin-file user.pin
echo data >data
sign() { app sign "pkcs11:token=demo;object=signer;type=private" data --out sig --pin-file user.pin; }
check "it signs" sign
check "its rows are in the database, and sealed there" is_equal "$(sql 'SELECT count(*) FROM hufu_object')" 2

# -- as an administrator of a machine sees it --------------------------------------------------
on_machine() { HUFU_CONF=$dir/machine1.conf "$HUFU" "$@"; }
check "a machine tells where the store is" on_machine store status demo
check "that it is well" contains "^state  *ok" out
check "and which server is the primary" contains "^server .*primary" out
check "all of it is verified" on_machine store verify demo --pin-file user.pin
check "the token moves into a file" on_machine store migrate demo "sqlite:$work/moved.db"
check_status 7 "which is not overwritten" on_machine store migrate demo "sqlite:$work/moved.db"
check "where it verifies" on_machine store verify --path "$work/moved.db" --pin-file user.pin
check "a backup is a file, too" on_machine store backup demo "$work/backup.db"

# -- the database goes away ----------------------------------------------------------------------
stop_database
check "with the database down the machines say so" wait_for contains "database does not answer" machine1.log
begun=$(date +%s)
check_not "nobody logs in: no try at a PIN can be counted" sign
check "which is said at once" test $(($(date +%s) - begun)) -le 8
check "public objects are still shown" app key list pkcs11:token=demo
check "the state tells" sh -c "HUFU_CONF='$dir/machine1.conf' '$HUFU' store status demo >status 2>&1; grep -q 'unreachable' status"
check "the database is back" start_database
check "and with it all else" wait_for sign
check "keys are made again" app key generate pkcs11:token=demo --type sm4 --label later --pin-file user.pin

# -- an old dump -----------------------------------------------------------------------------------
"$bin/pg_dump" -h "$db" -U hufu -d postgres >dump.sql 2>/dev/null || not_ok "a dump"
check "a key that the dump has not" app key generate pkcs11:token=demo --type sm4 --label newer --pin-file user.pin
sql 'DROP TABLE hufu_schema, hufu_token, hufu_role, hufu_object, hufu_lookup, hufu_domain, hufu_credential, hufu_journal'
"$bin/psql" -qX -h "$db" -U hufu -d postgres -f dump.sql >/dev/null 2>&1
check "an old dump in its place raises an alarm" wait_for contains "ALARM" machine1.log
check "on each machine" wait_for contains "ALARM" machine2.log
check_not "nobody logs in" sign
for m in machine1 machine2; do
	check_status 6 "$m tells" env HUFU_CONF="$dir/$m.conf" "$HUFU" store status demo
	check "the officer accepts it on $m" env HUFU_CONF="$dir/$m.conf" "$HUFU" store accept-head demo --so-pin-file so.pin
done
check "and the token is used again" wait_for sign
finish
