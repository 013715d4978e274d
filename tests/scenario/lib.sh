# SPDX-License-Identifier: Apache-2.0
# Sourced by every scenario: TAP, a place of its own, an end for every process.
#
#	. "$(dirname "$0")/lib.sh"
#	need pkcs11-tool                 # skips the whole scenario, visibly
#	init_token demo                  # $MODULE, $PIN, $SO_PIN, $URI
#	check "a claim" command args...  # ok when the command succeeds
#	check_not "a claim" command...   # ok when it fails, but not by a signal
#	check_status 6 "a claim" command...
#	check_claims "of what" program...  # the claims that a program prints
#	finish                           # the plan
#
# From make: top_srcdir, top_builddir (absolute where given by local.mk).
# HUFU_WRAP, if set, stands before programs that load the module (valgrind).
set -u
export LC_ALL=C
top_srcdir=$(cd "${top_srcdir:-$(dirname "$0")/../..}" && pwd)
top_builddir=$(cd "${top_builddir:-.}" && pwd)
MODULE=${MODULE:-$top_builddir/.libs/hufu-pkcs11.so}
HUFU=${HUFU:-$top_builddir/hufu}
HUFU_WRAP=${HUFU_WRAP:-}

n=0
pids=
work=$(mktemp -d "${TMPDIR:-/tmp}/hufu-scenario.XXXXXX") || exit 99
chmod 700 "$work"
export HUFU_CONF=$work/hufu.conf HUFU_LOG=file:$work/hufu.log

# Ends what background() started, and whatever else the scenario made.
memory=
cleanup() {
	for pid in $pids; do kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; done
	cd / && rm -rf "$work" ${memory:+"$memory"}
}
# From here on what programs make in passing lies in $memory: in memory if there is such a place, and this scenario's own.
in_memory() {
	memory=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo "$work")/hufu-place.XXXXXX") || exit 99
	export TMPDIR=$memory
}
trap cleanup EXIT
trap 'exit 99' INT TERM

ok() { n=$((n + 1)); echo "ok $n - $1"; }
not_ok() {
	n=$((n + 1)); echo "not ok $n - $1"
	[ -s "$work/last" ] && tail -n 30 "$work/last" | sed 's/^/# /'
	[ -s "$work/hufu.log" ] && tail -n 10 "$work/hufu.log" | sed 's/^/# log: /'
	return 0
}
skip() { n=$((n + 1)); echo "ok $n - $1 # SKIP $2"; }
diag() { echo "# $*"; }
finish() { echo "1..$n"; }

# What the last command printed is in $work/out; contains, absent and their kin
# look at it, so they leave it alone.
run_checked() {
	"$@" >"$work/last" 2>&1
	local status=$?
	case $1 in
	contains | absent | is_equal | same | test) ;;
	*) cp "$work/last" "$work/out" ;;
	esac
	return $status
}
check() {
	local claim=$1; shift
	run_checked "$@"
	local status=$?
	if [ $status -eq 0 ]; then ok "$claim"; else not_ok "$claim (exit $status: $*)"; fi
	return 0
}
check_not() {
	local claim=$1; shift
	run_checked "$@"
	local status=$?
	if [ $status -ne 0 ] && [ $status -lt 126 ]; then ok "$claim"; else not_ok "$claim (exit $status: $*)"; fi
	return 0
}
# A particular exit status.
check_status() {
	local want=$1 claim=$2; shift 2
	run_checked "$@"
	local status=$?
	if [ $status -eq "$want" ]; then ok "$claim"; else not_ok "$claim (exit $status, not $want: $*)"; fi
	return 0
}
# A program that makes many claims prints "ok CLAIM" or "not ok CLAIM: WHY" for
# each; its end is a claim too.
check_claims() {
	local claim=$1 line status; shift
	"$@" >"$work/claims" 2>"$work/claims.err"
	status=$?
	while IFS= read -r line; do
		: >"$work/last"
		case $line in
		"ok "*) ok "$claim: ${line#ok }" ;;
		"not ok "*) not_ok "$claim: ${line#not ok }" ;;
		*) diag "$line" ;;
		esac
	done <"$work/claims"
	cp "$work/claims.err" "$work/last"
	if [ $status -eq 0 ]; then ok "$claim, to the end"; else not_ok "$claim, to the end (exit $status: $*)"; fi
	return 0
}
same() { cmp "$1" "$2"; }
contains() { local file=${!#}; set -- "${@:1:$#-1}"; [ $# -gt 1 ] || set -- -e "$1"; grep -q "$@" -- "$file"; }
absent() { ! contains "$@"; }
is_equal() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }

need() {
	for tool in "$@"; do
		command -v "$tool" >/dev/null 2>&1 && continue
		echo "1..0 # SKIP $tool is not installed"
		exit 0
	done
}

background() { "$@" & pids="$pids $!"; }
# Servers: asked again and again until they answer, for a bounded time.
wait_for() {
	for _ in $(seq 600); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done
	echo "waited a minute in vain for: $*"
	return 1
}
# Ended, whether or not its parent has taken note.
gone() { case $(ps -o state= -p "$1") in "" | Z*) ;; *) return 1 ;; esac; }
exists() { [ -e "$1" ]; }
# A port that nobody listens at, below those that clients are given.
free_port() {
	local port
	for _ in $(seq 100); do
		port=$((10000 + RANDOM % 20000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return 0; }
	done
	return 1
}

# A configuration with one token section; more lines from stdin if there are any ($2 set).
# Under valgrind an RSA key may take longer than a minute.
write_conf() {
	cat >"$HUFU_CONF" <<CONF
log { to = "file:$work/hufu.log" level = "info" }
token "$1" {
	store = "sqlite:$work/$1.db"
	host_secret = "file:$work/host.key"
	devices = { "soft" }
${HUFU_WRAP:+deadline_ms = 600000}
${2:-}
}
device "soft" { driver = "soft" domain = "soft" }
CONF
	chmod 600 "$HUFU_CONF"
}

# A fresh token by the tool, its PINs in files.
init_token() {
	LABEL=$1
	write_conf "$1" "${2:-}"
	SO_PIN=so-$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')
	PIN=user-$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')
	(umask 077; printf %s "$SO_PIN" >"$work/so.pin"; printf %s "$PIN" >"$work/user.pin")
	URI="pkcs11:token=$LABEL"
	hufu token init --label "$LABEL" --so-pin-file "$work/so.pin" --new-pin-file "$work/user.pin" >"$work/out" 2>&1 && return 0
	sed 's/^/# /' "$work/out"
	echo "Bail out! cannot initialise a token"
	exit 99
}

# The tool on the module under test.
hufu() { $HUFU_WRAP "$HUFU" "$@" --module "$MODULE"; }
# Its commands that need no module: config, store.
hufu_core() { $HUFU_WRAP "$HUFU" "$@"; }
# On the module, logged in.
hufu_in() { local noun=$1 verb=$2; shift 2; hufu "$noun" "$verb" --pin-file "$work/user.pin" "$@"; }
p11tool_() { $HUFU_WRAP p11tool --provider "$MODULE" --batch "$@"; }
pkcs11_tool() { $HUFU_WRAP pkcs11-tool --module "$MODULE" "$@"; }
