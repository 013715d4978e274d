# SPDX-License-Identifier: Apache-2.0
"""Leaves with a login and an operation half done: "exit" as the interpreter does, "abrupt" without its clean-up, "exec" by another program."""
import os

from claims import *

token = from_argv()
session = token.login()
public, private = rsa(session)
session.sign(private, b"data", Mechanism(CKM_SHA256_RSA_PKCS))
assert session.lib.C_DigestInit(session.session, Mechanism(CKM_SHA256).to_native()) == CKR_OK
print("left", flush=True)
if sys.argv[3] == "abrupt":
    os._exit(0)
if sys.argv[3] == "exec":
    os.execv("/bin/true", ["true"])
