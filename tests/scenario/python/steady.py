# SPDX-License-Identifier: Apache-2.0
"""Claim: this program never notices what is done to the devices that serve it. Works until the file in argv is there."""
import os
import sys
import time

from claims import *

token = from_argv()
stop, ready = sys.argv[3], sys.argv[4]
session = token.login()
public, private = ec(session, "P-256")
how = Mechanism(CKM_ECDSA_SHA256, None)
signed, longest = 0, 0.0
with claim("every signature is made, and verifies"):
    while not os.path.exists(stop):
        begun = time.monotonic()
        signature = session.sign(private, b"%d" % signed, how)
        longest = max(longest, time.monotonic() - begun)
        assert session.verify(public, b"%d" % signed, signature, how), "a signature does not verify"
        signed += 1
        if signed == 10:
            open(ready, "w").close()
        time.sleep(0.002)
    assert signed > 100, "only %d" % signed
print("# %d signatures, the longest took %.1f ms" % (signed, longest * 1000))
