# SPDX-License-Identifier: Apache-2.0
"""Says "ok CLAIM" or "not ok CLAIM: WHY", which python.sh numbers; and what the programs beside it share."""
import contextlib
import subprocess
import sys

import PyKCS11
from PyKCS11 import *

TRUE, FALSE = PyKCS11.CK_TRUE, PyKCS11.CK_FALSE
CKR_ACTION_PROHIBITED = 0x1B # which PyKCS11 1.5.12 does not name
CKR[CKR_ACTION_PROHIBITED] = "CKR_ACTION_PROHIBITED"


@contextlib.contextmanager
def claim(what):
    """The block proves what it says, unless it raises."""
    try:
        yield
        print("ok", what, flush=True)
    except Exception as why:
        line = sys.exc_info()[2].tb_next.tb_lineno if sys.exc_info()[2].tb_next else 0
        print("not ok %s: %s %s (line %d)" % (what, type(why).__name__, str(why).replace("\n", " "), line), flush=True)


@contextlib.contextmanager
def refused(what, *codes):
    """The block is answered by one of these codes."""
    with claim(what):
        try:
            yield
        except PyKCS11Error as error:
            assert error.value in codes, "%s, not %s" % (error, " or ".join(CKR[code] for code in codes))
        else:
            raise AssertionError("not refused")


def same(expected, got):
    assert bytes(expected) == bytes(got), "%s is not %s" % (bytes(got).hex(), bytes(expected).hex())


class Token:
    """The module, and the first slot with a token; the PIN is in a file."""

    def __init__(self, module, pin_file):
        self.module = PyKCS11Lib()
        self.module.load(module)
        self.slot = [s for s in self.module.getSlotList(tokenPresent=True) if self.module.getTokenInfo(s).label.strip() == "demo"][0]
        with open(pin_file) as f:
            self.pin = f.read().strip()

    def session(self, flags=CKF_RW_SESSION):
        return self.module.openSession(self.slot, CKF_SERIAL_SESSION | flags)

    def login(self):
        session = self.session()
        session.login(self.pin)
        return session


def from_argv():
    return Token(sys.argv[1], sys.argv[2])


def secret(session, value, *more, key_type=CKK_AES):
    """A secret key of this value, for the session."""
    return session.createObject([(CKA_CLASS, CKO_SECRET_KEY), (CKA_KEY_TYPE, key_type), (CKA_TOKEN, FALSE), (CKA_VALUE, bytes(value)), *more])


def aes(session, nbytes, *more):
    return session.generateKey([(CKA_CLASS, CKO_SECRET_KEY), (CKA_KEY_TYPE, CKK_AES), (CKA_VALUE_LEN, nbytes), *more])


def rsa(session, *more):
    return session.generateKeyPair([(CKA_MODULUS_BITS, 2048), (CKA_PUBLIC_EXPONENT, (1, 0, 1)), (CKA_VERIFY, TRUE), (CKA_ENCRYPT, TRUE), (CKA_WRAP, TRUE)],
                                   [(CKA_SIGN, TRUE), (CKA_DECRYPT, TRUE), (CKA_UNWRAP, TRUE), *more])


CURVES = {"P-256": bytes.fromhex("06082a8648ce3d030107"), "P-384": bytes.fromhex("06052b81040022"), "P-521": bytes.fromhex("06052b81040023")}


def ec(session, curve, *more):
    return session.generateKeyPair([(CKA_EC_PARAMS, CURVES[curve]), (CKA_VERIFY, TRUE)], [(CKA_SIGN, TRUE), (CKA_DERIVE, TRUE), *more], MechanismECGENERATEKEYPAIR)


# Just enough DER for openssl to read a public key and a signature.
def der(tag, *parts):
    body = b"".join(parts)
    length = bytes([len(body)]) if len(body) < 128 else len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag]) + (length if len(body) < 128 else bytes([0x80 | len(length)]) + length) + body


def der_integer(value):
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def public_info(algorithm, bits):
    """SubjectPublicKeyInfo (RFC 5280 4.1)."""
    return der(0x30, der(0x30, algorithm), der(0x03, b"\0", bits))


def rsa_public(session, key):
    modulus, exponent = [int.from_bytes(bytes(v), "big") for v in session.getAttributeValue(key, [CKA_MODULUS, CKA_PUBLIC_EXPONENT], True)]
    return public_info(bytes.fromhex("06092a864886f70d0101010500"), der(0x30, der_integer(modulus), der_integer(exponent)))


def point(session, key):
    """The point without the OCTET STRING around it (PKCS#11 3.1 6.3.3)."""
    value = bytes(session.getAttributeValue(key, [CKA_EC_POINT], True)[0])
    assert value[0] == 0x04, "the point is not in an OCTET STRING"
    return value[2:] if value[1] < 0x80 else value[3:]


def ec_public(session, key, curve):
    return public_info(bytes.fromhex("06072a8648ce3d0201") + CURVES[curve], point(session, key))


def ecdsa_der(signature):
    half = len(signature) // 2
    return der(0x30, der_integer(int.from_bytes(signature[:half], "big")), der_integer(int.from_bytes(signature[half:], "big")))


def openssl(*args, data=None):
    done = subprocess.run(("openssl",) + args, input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 0, "openssl %s: %s" % (args[0], done.stderr.decode())
    return done.stdout


def write(path, data):
    with open(path, "wb") as f:
        f.write(bytes(data))
    return path
