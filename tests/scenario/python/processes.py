# SPDX-License-Identifier: Apache-2.0
"""Claim: a child of fork uses the module as its parent does, and both go on; processes may end as they like."""
import os
import signal

from claims import *

token = from_argv()
HOW = Mechanism(CKM_SHA256_RSA_PKCS)


def child(work):
    """Runs work in a child of fork; its exit status."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException as why:
            print("# child: %s" % repr(why).replace("\n", " "), flush=True)
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def forks():
    session = token.login()
    public, private = rsa(session, (CKA_PRIVATE, TRUE))

    def signs():
        signature = session.sign(private, b"data", HOW)
        assert session.verify(public, b"data", signature, HOW)

    def starts_anew():
        fresh = Token(sys.argv[1], sys.argv[2])
        mine = fresh.session()
        assert mine.generateRandom(16)
        assert mine.findObjects([(CKA_LABEL, "kept")])

    def makes_key():
        rsa(session)
        aes(session, 16, (CKA_TOKEN, TRUE), (CKA_LABEL, "of a child"))

    aes(session, 16, (CKA_TOKEN, TRUE), (CKA_LABEL, "kept"), (CKA_PRIVATE, FALSE))
    with claim("a child signs in its parent's session"):
        assert child(signs) == 0
    with claim("a child initialises anew"):
        assert child(starts_anew) == 0
    with claim("a child makes keys, on the token too"):
        assert child(makes_key) == 0
    with claim("where its parent finds them"):
        assert len(session.findObjects([(CKA_LABEL, "of a child")])) == 1
    with claim("a child of a child signs"):
        assert child(lambda: sys.exit(child(signs)) if child(signs) else None) == 0
    with claim("random numbers of parent and child differ"):
        reader, writer = os.pipe()
        assert child(lambda: os.write(writer, bytes(session.generateRandom(32)))) == 0
        assert os.read(reader, 32) != bytes(session.generateRandom(32))
    with claim("the parent goes on"):
        signs()
    with claim("four children at once, while the parent works"):
        pids = []
        for _ in range(4):
            sys.stdout.flush()
            pid = os.fork()
            if pid == 0:
                try:
                    for _ in range(5):
                        signs()
                    os._exit(0)
                finally:
                    os._exit(1)
            pids.append(pid)
        for _ in range(5):
            signs()
        ends = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
        assert ends == [0] * 4, ends
    session.logout()
    with claim("the parent's logout is its own"):
        session.login(token.pin)
    token.module.closeAllSessions(token.slot)


def ends():
    """Each way out, in a child that has a session, a login, and an operation half done."""

    def half_done():
        fresh = Token(sys.argv[1], sys.argv[2])
        session = fresh.login()
        assert session.lib.C_DigestInit(session.session, Mechanism(CKM_SHA256).to_native()) == CKR_OK
        aes(session, 16)
        return fresh

    def kills_itself():
        half_done()
        os.kill(os.getpid(), signal.SIGKILL)

    with claim("an end without C_Finalize"):
        assert child(half_done) == 0
    with claim("an end by SIGKILL"):
        assert child(kills_itself) == -signal.SIGKILL
    with claim("neither of which others notice"):
        session = token.login()
        assert session.findObjects([(CKA_LABEL, "kept")])
        session.closeSession()


forks()
ends()
