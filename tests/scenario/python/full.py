# SPDX-License-Identifier: Apache-2.0
"""Claim: while its audit trail cannot be written a machine refuses logins and keys' lives; signatures go on as far as the buffer goes."""
import os
import resource
import time
import urllib.error
import urllib.request

from claims import *

module, pin_file, pid, trail, url = sys.argv[1:]
pid = int(pid)
pin = open(pin_file).read()
lib = PyKCS11.PyKCS11Lib()
lib.load(module)
slot = lib.getSlotList(tokenPresent=True)[0]
session = lib.openSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION)
session.login(pin)
key = session.findObjects([(CKA_CLASS, CKO_PRIVATE_KEY), (CKA_LABEL, "signer")])[0]
SM2_SM3 = PyKCS11.Mechanism(0xC8554604, None) # CKM_HUFU_SM2_SM3


def sign():
    return session.sign(key, b"a document", SM2_SM3)


def make():
    return session.generateKey([(CKA_CLASS, CKO_SECRET_KEY), (CKA_KEY_TYPE, CKK_AES), (CKA_VALUE_LEN, 16), (CKA_TOKEN, TRUE), (CKA_LABEL, "later")],
                               mecha=PyKCS11.Mechanism(CKM_AES_KEY_GEN, None))


def records():
    return sum(1 for line in open(trail) if '"event":"sign"' in line)


def get(path):
    try:
        with urllib.request.urlopen(url + path, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def until(condition):
    """Only a failure takes the whole minute."""
    for _ in range(600):
        if condition():
            return True
        time.sleep(0.1)
    return False


def is_refused(call):
    try:
        call()
    except PyKCS11Error:
        return True
    return False


before = len(session.findObjects([(CKA_LABEL, "later")]))
with claim("a signature before it"):
    sign()
time.sleep(1.5) # what is not written yet, and the checkpoint that is due
unlimited = resource.prlimit(pid, resource.RLIMIT_FSIZE)
size = os.path.getsize(trail)
resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, unlimited[1]))
with claim("signatures go on"):
    for _ in range(20):
        sign()
with claim("a key is refused"):
    assert is_refused(make)
with claim("the machine says that it is not ready"):
    assert until(lambda: get("/readyz")[0] == 503)
    assert "audit" in get("/readyz")[1]
with claim("and that nothing is written"):
    assert "hufu_audit_writable 0\n" in get("/metrics")[1]
with claim("but that it lives: a restart would not help"):
    assert get("/livez")[0] == 200
with claim("signatures go on still"):
    sign()
with claim("until the buffer is full"):
    assert any(is_refused(sign) for _ in range(120))
with claim("a login is refused"):
    session.logout()
    assert is_refused(lambda: session.login(pin))
with claim("nothing was written meanwhile"):
    assert os.path.getsize(trail) <= size
resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
with claim("with space again the machine gets ready by itself"):
    assert until(lambda: get("/readyz")[0] == 200)
with claim("a login is let in"):
    assert until(lambda: not is_refused(lambda: session.login(pin)))
key = session.findObjects([(CKA_CLASS, CKO_PRIVATE_KEY), (CKA_LABEL, "signer")])[0]
with claim("and a signature made"):
    sign()
with claim("and a key"):
    make()
with claim("what was signed meanwhile is recorded"):
    assert until(lambda: records() >= 24), records()
lib.closeAllSessions(slot)
