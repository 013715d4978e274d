#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: hufud starts, tells how it is, takes over changes and refuses mistakes, and stops, as an operator would have it.
. "$(dirname "$0")/lib.sh"
HUFUD=${HUFUD:-$top_builddir/hufud}
[ -x "$HUFUD" ] || { echo "1..0 # SKIP hufud is not built"; exit 0; }
need curl python3

conf=$work/hufud.conf
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url=http://127.0.0.1:$port
head -c 32 /dev/urandom >"$work/master.key"; chmod 600 "$work/master.key"
write_conf() {
	cat >"$conf" <<-END
	log { to = "file:$work/hufu.log" level = info }
	machine { name = north listen = "unix:$work/s" master = "file:$work/master.key" http = "127.0.0.1:$port" drain_ms = 2000 $1 }
	device "soft" { driver = soft }
	token "bank" { devices = { soft } }
	identity "me" { user = $(id -u) tokens = bank roles = devices }
	$2
	END
	chmod 600 "$conf"
}
# Until a command succeeds; only a failure takes the whole time.
until_true() {
	local i
	for i in $(seq 200); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done
	return 1
}
logged() { grep -q "$1" "$work/hufu.log"; }
start() {
	: >"$work/hufu.log"
	"$HUFUD" -c "$conf" >"$work/daemon.out" 2>&1 &
	pid=$!
	pids="$pids $pid"
	until_true curl -sf "$url/livez"
}
code() { curl -s -o "$work/body" -w '%{http_code}' "$url$1"; }

check "it says what it is" "$HUFUD" --version
check "with its version" contains "hufud [0-9]" "$work/out"
check "it says how it is used" "$HUFUD" --help
check "with its options" contains -e "--check-config" "$work/out"
check_not "an argument that is no option is refused" "$HUFUD" start

write_conf "" ""
check "a good configuration is said to be good" "$HUFUD" --check-config -c "$conf"
check "with what is in it" contains "1 tokens, 1 devices, 1 identities" "$work/out"
write_conf "colour = red" ""
check_status 78 "a mistake is refused" "$HUFUD" --check-config -c "$conf"
check "with file and line" contains "hufud.conf:2: unknown key" "$work/out"
check_status 78 "and nothing is started with it" "$HUFUD" -c "$conf"
write_conf "" ""
chmod 644 "$work/master.key"
check_status 78 "a master key that others may read is refused" "$HUFUD" --check-config -c "$conf"
chmod 600 "$work/master.key"
check_status 78 "a configuration that is not there is refused" "$HUFUD" -c "$work/none.conf"
echo 'log { } token_dir = "/tmp"' >"$work/other.conf"; chmod 600 "$work/other.conf"
check_status 78 "one of a module is refused in words" "$HUFUD" -c "$work/other.conf"
check "that say what is missing" contains "there is no machine" "$work/out"
write_conf "" 'identity "ghost" { user = "no-such-user-here" tokens = bank roles = devices }'
check_status 78 "an identity of a user that is not there is refused" "$HUFUD" --check-config -c "$conf"

write_conf "" ""
check "it starts" start
check "its socket is there" test -S "$work/s"
check "it is alive" test "$(code /livez)" = 200
check "it is ready" until_true test "$(code /readyz)" = 200
check "its health is JSON" sh -c "curl -sf '$url/healthz?verbose' | python3 -m json.tool >'$work/health'"
check "and says what there is" grep -q '"bank"' "$work/health"
check "it counts for Prometheus" sh -c "curl -sf '$url/metrics' >'$work/metrics'"
check "every line of that is a comment or a number" sh -c "! grep -vE '^(# (HELP|TYPE) hufu_|hufu_[a-z_]+(\{[^}]*\})? [-+0-9.eE]+\$)' '$work/metrics'"
check "each family is told once" sh -c "test -z \"\$(grep '^# TYPE' '$work/metrics' | sort | uniq -d)\""
check "devices are among it" grep -q '^hufu_member_state{token="bank",member="soft",state="up"} 1$' "$work/metrics"
check "the machine's own operation was done" until_true sh -c "curl -sf '$url/metrics' | grep -qE '^hufu_selftest_last_success_timestamp_seconds [1-9]'"
check "what is not there is not found" test "$(code /secrets)" = 404
check "nothing is taken in over HTTP" sh -c "curl -s -o /dev/null -w '%{http_code}' -X POST -d x '$url/livez' | grep -qE '^(405|501|413|400)'"
check "nobody traces it, nor gets a core of it" sh -c "test \"\$(awk '/CoreDumping/ {print \$2}' /proc/$pid/status)\" = 0 && grep -qE 'Max core file size +0 +0' /proc/$pid/limits"

write_conf "idle_s = 77" ""
kill -HUP "$pid"
check "a changed configuration is taken over" until_true logged "was read again"
write_conf "idle_s = 0" ""
kill -HUP "$pid"
check "one with a mistake is not" until_true logged "what was in force stays"
check "and the mistake is in the log, with its line" logged "hufud.conf:2: idle_s = .*out of range"
check "it goes on" test "$(code /livez)" = 200
write_conf "window = 9" 'token "new" { }'
kill -HUP "$pid"
check "what waits for a restart is said" until_true logged "token new is new: it waits for a restart"

export HUFU_CONF=$conf
check "an administrator drains its device" "$HUFU" device drain soft
check "it hears of that without a signal" until_true sh -c "curl -s '$url/healthz?verbose' | grep -q '\"admin\": \"draining\"'"
check "and is not ready" test "$(code /readyz)" = 503
check "but alive, and says that it is degraded" sh -c "curl -sf '$url/healthz' | grep -q '\"degraded\": true'"
check "the device is brought back" "$HUFU" device undrain soft
check "and it is ready" until_true sh -c "curl -sf '$url/readyz'"

kill -TERM "$pid"
check "SIGTERM ends it" sh -c "while kill -0 $pid 2>/dev/null; do sleep 0.1; done"
wait "$pid"; status=$?
check "in good order" test "$status" = 0
check "and it said so" logged "hufud ends"

# systemd's side of sd_notify(3), spoken by a socket of our own.
cat >"$work/manager.py" <<'END'
import os, select, signal, socket, subprocess, sys
path, hufud, conf = sys.argv[1:4]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(path)
listen = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM); listen.bind(path + ".listen"); listen.listen()
def child():
    os.dup2(listen.fileno(), 3); os.set_inheritable(3, True)
    os.environ["LISTEN_FDS"] = "1"; os.environ["LISTEN_PID"] = str(os.getpid())
    os.environ["WATCHDOG_PID"] = str(os.getpid())
env = dict(os.environ, NOTIFY_SOCKET=path, WATCHDOG_USEC="3000000")
script = 'exec 3<&%d; LISTEN_FDS=1 LISTEN_PID=$$ WATCHDOG_PID=$$ exec "$0" -c "$1"' % listen.fileno()
p = subprocess.Popen(["/bin/sh", "-c", script, hufud, conf], env=env, pass_fds=[listen.fileno()])
def hear(word):
    text = ""
    while word not in text:
        if not select.select([s], [], [], 20)[0]: sys.exit("never heard " + word)
        text = s.recv(4096).decode()
hear("READY=1"); print("ready")
hear("WATCHDOG=1"); hear("WATCHDOG=1"); print("fed")
c = socket.socket(socket.AF_UNIX); c.connect(path + ".listen"); c.settimeout(20)
c.sendall(b"\0" * 24); print("answered" if c.recv(100)[:2] == b"HF" else "silent"); c.close()
p.send_signal(signal.SIGHUP); hear("RELOADING=1"); hear("READY=1"); print("reloaded")
p.send_signal(signal.SIGTERM); hear("STOPPING=1"); print("stopping")
sys.exit(p.wait(20))
END
write_conf "" ""
: >"$work/hufu.log"
check "a service manager is told what happens" timeout 60 python3 "$work/manager.py" "$work/notify" "$HUFUD" "$conf"
check "that it is ready, works, is reloaded and stops" test "$(tr '\n' ' ' <"$work/out")" = "ready fed answered reloaded stopping "
finish
