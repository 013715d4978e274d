#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: two machines on two hosts (network namespaces): the cable of the one that is at work is pulled, so that nothing comes
# back, no reset either, and no caller meets an error; nor when it is put in again and the other's is pulled.
# In a network of its own, without a way out: where a cable is pulled its route is gone, and what was meant for the machine would
# else go to whatever network this host is in.
if [ -z "${OWN_NETWORK:-}" ] && unshare --net true 2>/dev/null; then
	OWN_NETWORK=1 exec unshare --net bash "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
need ip nsenter
HUFUD=${HUFUD:-$top_builddir/hufud}
LOAD=$top_builddir/tests/chaos/load
[ -x "$HUFUD" ] && [ -x "$LOAD" ] || { echo "1..0 # SKIP hufud is not built"; exit 0; }
[ -n "${OWN_NETWORK:-}" ] || { echo "1..0 # SKIP only root makes network namespaces"; exit 0; }
tag=hufu$(($$ % 100000))
ip netns add "${tag}n1" 2>/dev/null || { echo "1..0 # SKIP no network namespaces can be made here"; exit 0; }
# ip(8) mounts what it enters: where the root is no mount, as in a chroot, it cannot.
ip -n "${tag}n1" link >/dev/null 2>&1 || { ip netns del "${tag}n1"; echo "1..0 # SKIP no network namespace can be entered here"; exit 0; }
remove_hosts() {
	for pid in $pids; do kill "$pid" 2>/dev/null; done
	for i in 1 2; do ip link del "${tag}v$i" 2>/dev/null; ip netns del "${tag}n$i" 2>/dev/null; done
	cleanup
}
trap remove_hosts EXIT
net=10.213.$(($$ % 250))
cd "$work" || exit 99

# The host's end of cable i is $tag.i; far is the machine's address.
far() { echo "$net.$(($1 * 4 + 2))"; }
host() {
	{ [ "$1" = 1 ] || ip netns add "${tag}n$1"; } &&
		ip link add "${tag}v$1" type veth peer name eth0 netns "${tag}n$1" &&
		ip addr add "$net.$(($1 * 4 + 1))/30" dev "${tag}v$1" && ip link set "${tag}v$1" up &&
		ip -n "${tag}n$1" addr add "$(far "$1")/30" dev eth0 && ip -n "${tag}n$1" link set eth0 up &&
		ip -n "${tag}n$1" link set lo up
}
cable() { ip link set "${tag}v$1" "$2"; }
machine() {
	"$HUFU" machine init "$work/d" --name "m$1" --host "$(far "$1")" --token chaos --store "sqlite:$work/store.db"
}
start() {
	HUFU_LOG= nsenter --net="/run/netns/${tag}n$1" "$HUFUD" -c "$work/d/m$1.conf" >"m$1.out" 2>&1 &
	pids="$pids $!"
	wait_for reached "$1"
}
reached() { timeout 1 bash -c "exec 3<>/dev/tcp/$(far "$1")/5696"; }
# So many more lines with a larger number than the last one now.
goes_on() {
	local before
	before=$(grep -v '#' answers | tail -n 1)
	wait_for more_than "$((before + 200))"
}
more_than() { [ "$(grep -v '#' answers | tail -n 1)" -gt "$1" ]; }

check "two hosts are made" eval "ip link set lo up && host 1 && host 2"
check "a machine on each" eval "machine 1 && machine 2"
check "and a client of both" "$HUFU" machine client d app --token chaos --machine "m1=$(far 1):5696" --machine "m2=$(far 2):5696" \
	--grant d/m1.conf --grant d/m2.conf
# A deadline that a full machine does not reach: a call that nobody answers takes as long, and is an error.
sed 's/^token "chaos" {/&\n\thardware_only = no\n\tdeadline_ms = 30000/' d/app.conf >"$HUFU_CONF"
chmod 600 "$HUFU_CONF"
check "they serve" eval "start 1 && start 2"
mkfifo orders
HUFU_LOG= "$LOAD" chaos <orders >answers 2>&1 &
load=$!
pids="$pids $load"
exec 9>orders
check "the token is at work" wait_for more_than 200
for round in 1 2; do
	for i in 1 2; do
		check "cable $i is pulled" cable $i down
		check "the token works on" goes_on
		check "it is put in again" cable $i up
		check "the machine is reached again" wait_for reached $i
		check "the token works on" goes_on
	done
done
exec 9>&-
check "it ends" wait "$load"
check "without an error" contains "^errors 0$" answers
finish
