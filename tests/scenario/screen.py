# SPDX-License-Identifier: Apache-2.0
"""hufu top under a pseudo terminal: screen.py HUFU STATES. Says "ok CLAIM" or "not ok CLAIM: WHY"."""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

HUFU, STATES = sys.argv[1:3]
PATIENCE = 30  # seconds: only a real failure lasts so long
ENTERS, LEAVES, DOWN = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1bOB"


class Screen:
    def __init__(self, *options):
        self.master, self.slave = pty.openpty()
        self.resize(24, 160)
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for fd in (0, 1, 2):
                os.dup2(self.slave, fd)
            os.environ.update(TERM="xterm", LC_ALL="C.UTF-8")
            for sig in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
                signal.signal(sig, signal.SIG_DFL)  # whoever runs us may have them ignored, and that is inherited
            os.execv(HUFU, [HUFU, "top", "--interval", "0.1", *options])

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            self.seen += os.read(self.master, 65536)

    def shows(self, text, since=0):
        """Waits for the text; the screen sends only what changed, so look for whole words that are new."""
        end = time.monotonic() + PATIENCE
        while text.encode() not in self.seen[since:]:
            if time.monotonic() > end:
                raise AssertionError("%r is not shown; last: %r" % (text, self.seen[-400:]))
            self.read(0.1)

    def key(self, key):
        """Gives back where in what was seen the answer begins."""
        at = len(self.seen)
        os.write(self.master, key)
        return at

    def end(self):
        end = time.monotonic() + PATIENCE
        while True:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                break
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                raise AssertionError("it does not end")
            self.read(0.05)
        while select.select([self.master], [], [], 0)[0]:
            self.seen += os.read(self.master, 65536)
        return status

    def restored(self):
        assert termios.tcgetattr(self.slave) == self.before, "the terminal's modes differ"
        assert self.seen.count(ENTERS) == self.seen.count(LEAVES) == 1, "the screen was not given back"
        assert self.seen.rindex(LEAVES) > self.seen.rindex(ENTERS)
        assert self.seen.rindex(b"\x1b[?25h") > self.seen.rindex(b"\x1b[?25l"), "the cursor is hidden"


def wish(device):
    try:
        with open(STATES) as states:
            for line in states:
                if line.startswith('device "%s"' % device):
                    return line.split("wish = ")[1].split()[0]
    except FileNotFoundError:
        pass
    return "enabled"


def wished(device, what):
    end = time.monotonic() + PATIENCE
    while wish(device) != what:
        assert time.monotonic() < end, "%s is %s, not %s" % (device, wish(device), what)
        time.sleep(0.02)


def claim(what, prove):
    try:
        prove()
        print("ok", what, flush=True)
    except Exception as why:
        print("not ok %s: %s %s" % (what, type(why).__name__, str(why).replace("\n", " ")), flush=True)


def keys():
    screen = Screen()
    screen.shows("hufu top")
    screen.shows("card2")
    at = screen.key(b"d")
    screen.shows('device "card1": draining', at)
    wished("card1", "draining")
    at = screen.key(b"u")
    screen.shows("enabled", at)
    wished("card1", "enabled")
    screen.key(DOWN)
    screen.key(b"m")
    wished("card2", "maintenance")
    screen.key(b"u")
    wished("card2", "enabled")
    at = screen.key(b"e")
    screen.shows("Counters", at)
    screen.shows("opened", at)
    at = screen.key(b"e")
    screen.shows("DEVICE", at)
    screen.key(b"q")
    assert screen.end() == 0
    screen.restored()


def resized():
    screen = Screen()
    screen.shows("card2")
    for rows, columns in ((5, 20), (1, 1), (50, 200)):
        at = len(screen.seen)
        screen.resize(rows, columns)
        os.kill(screen.pid, signal.SIGWINCH)
        if rows > 5:
            screen.shows("card2", at)
    screen.key(b"q")
    assert screen.end() == 0
    screen.restored()


def ended_by(number):
    def prove():
        screen = Screen()
        screen.shows("card2")
        os.kill(screen.pid, number)
        assert os.WTERMSIG(screen.end()) == number
        screen.restored()
    return prove


def counted():
    screen = Screen("--count", "2")
    assert screen.end() == 0
    screen.restored()


def broken_configuration():
    path = os.environ["HUFU_CONF"]
    with open(path) as file:
        text = file.read()
    screen = Screen()
    screen.shows("card2")
    with open(path, "w") as file:
        file.write("token {")
    at = screen.key(b"d")
    screen.shows("raining", at)
    with open(path, "w") as file:
        file.write(text)
    screen.key(b"u")
    wished("card1", "enabled")
    screen.key(b"q")
    assert screen.end() == 0
    screen.restored()


claim("d, u and m set wishes, e explains, q quits", keys)
claim("it follows the terminal's size, down to nothing", resized)
claim("SIGTERM ends it, the terminal restored", ended_by(signal.SIGTERM))
claim("SIGINT ends it, the terminal restored", ended_by(signal.SIGINT))
claim("SIGHUP ends it, the terminal restored", ended_by(signal.SIGHUP))
claim("--count ends it", counted)
claim("a configuration that is broken for a moment does not end it", broken_configuration)
