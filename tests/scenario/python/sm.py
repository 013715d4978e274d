# SPDX-License-Identifier: Apache-2.0
"""Claim: the SM algorithms serve a client that knows them by their numbers alone (hufu/mechanisms.h)."""
import os
import struct

from claims import *

VENDOR = 0xC8554600
CKM_SM2_KEY_PAIR_GEN, CKM_SM2_SM3, CKM_SM3, CKM_SM4_CBC, CKM_ZUC_EEA3 = (VENDOR + n for n in (0x01, 0x04, 0x10, 0x22, 0x31))
CKK_SM4, CKK_ZUC = VENDOR + 2, VENDOR + 3

token = from_argv()
session = token.login()


def made(key_type, value):
    return session.createObject([
        (CKA_CLASS, CKO_SECRET_KEY), (CKA_KEY_TYPE, key_type), (CKA_VALUE, tuple(value)), (CKA_ENCRYPT, TRUE), (CKA_DECRYPT, TRUE),
    ])


with claim("SM3 gives the digest of GB/T 32905 A.1"):
    same(bytes.fromhex("66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"), session.digest(b"abc", Mechanism(CKM_SM3, None)))

with claim("SM4 gives the block of GB/T 32907 A.1"):
    value = bytes.fromhex("0123456789abcdeffedcba9876543210")
    cbc = Mechanism(CKM_SM4_CBC, bytes(16))
    sealed = session.encrypt(made(CKK_SM4, value), value, cbc)
    same(bytes.fromhex("681edf34d206965e86b3e94f536e4246"), sealed)
    same(value, session.decrypt(made(CKK_SM4, value), sealed, cbc))

with claim("128-EEA3 gives the first set of GM/T 0001.2"):
    key = made(CKK_ZUC, bytes.fromhex("173d14ba5003731d7a60049470f00a29"))
    count = struct.pack("@LLLL", 0x66035492, 0xf, 0, 193)
    plain = bytes.fromhex("6cf65340735552ab0c9752fa6f9025fe0bd675d9005875b200000000")
    same(bytes.fromhex("a6c85fc66afb8533aafc2518dfe784940ee1e4b030238cc800000000"), session.encrypt(key, plain, Mechanism(CKM_ZUC_EEA3, count)))

with claim("SM2 signs what it verifies, and nothing else"):
    public, private = session.generateKeyPair([(CKA_VERIFY, TRUE)], [(CKA_SIGN, TRUE)], Mechanism(CKM_SM2_KEY_PAIR_GEN, None))
    data, sm2 = os.urandom(100), Mechanism(CKM_SM2_SM3, None)
    signature = session.sign(private, data, sm2)
    assert len(signature) == 64 and session.verify(public, data, signature, sm2)
    assert not session.verify(public, data[1:], signature, sm2), "accepted for other data"
