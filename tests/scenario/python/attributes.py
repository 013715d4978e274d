# SPDX-License-Identifier: Apache-2.0
"""Claim: attributes are shown, hidden, computed and kept as PKCS#11 3.1 4.9 and 4.10 say."""
from claims import *

token = from_argv()
session = token.login()
UNAVAILABLE = 0 # how PyKCS11 shows CK_UNAVAILABLE_INFORMATION


def answer(key, *types):
    """The code of one C_GetAttributeValue that only asks for lengths, and the lengths."""
    template = PyKCS11.LowLevel.ckattrlist(len(types))
    for i, number in enumerate(types):
        template[i].SetType(number)
    return session.lib.C_GetAttributeValue(session.session, key, template), [template[i].GetLen() for i in range(len(types))]


def values(key, *types):
    return session.getAttributeValue(key, types)


def shown():
    public, private = rsa(session, (CKA_SENSITIVE, TRUE))
    for name, number in (("CKA_PRIVATE_EXPONENT", CKA_PRIVATE_EXPONENT), ("CKA_PRIME_1", CKA_PRIME_1), ("CKA_COEFFICIENT", CKA_COEFFICIENT)):
        with claim("%s of a sensitive key" % name):
            assert answer(private, number) == (CKR_ATTRIBUTE_SENSITIVE, [UNAVAILABLE]), answer(private, number)
    with claim("what may be seen comes beside it, with its length"):
        code, lengths = answer(private, CKA_MODULUS, CKA_PRIME_2, CKA_PUBLIC_EXPONENT)
        assert (code, lengths) == (CKR_ATTRIBUTE_SENSITIVE, [256, UNAVAILABLE, 3]), (code, lengths)
    with claim("an attribute that a key cannot have"):
        code, lengths = answer(private, CKA_KEY_TYPE, CKA_EC_POINT)
        assert (code, lengths) == (CKR_ATTRIBUTE_TYPE_INVALID, [8, UNAVAILABLE]), (code, lengths)
    with claim("the modulus of both halves is one"):
        same(session.getAttributeValue(public, [CKA_MODULUS], True)[0], session.getAttributeValue(private, [CKA_MODULUS], True)[0])
    with claim("an insensitive key shows its value"):
        key = secret(session, bytes(range(16)), (CKA_SENSITIVE, FALSE), (CKA_EXTRACTABLE, TRUE))
        same(bytes(range(16)), session.getAttributeValue(key, [CKA_VALUE], True)[0])
    with claim("an insensitive key that may not leave does not"):
        key = secret(session, bytes(range(16)), (CKA_SENSITIVE, FALSE), (CKA_EXTRACTABLE, FALSE))
        assert answer(key, CKA_VALUE) == (CKR_ATTRIBUTE_SENSITIVE, [UNAVAILABLE]), answer(key, CKA_VALUE)


HISTORY = (CKA_LOCAL, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE)


def computed():
    with claim("a generated key: local, always sensitive, never extractable"):
        key = aes(session, 16, (CKA_SENSITIVE, TRUE), (CKA_EXTRACTABLE, FALSE))
        assert [bool(v) for v in values(key, *HISTORY)] == [True, True, True]
        assert values(key, CKA_KEY_GEN_MECHANISM) == [CKM_AES_KEY_GEN]
    with claim("a key from outside: none of it"):
        key = secret(session, bytes(16), (CKA_SENSITIVE, TRUE), (CKA_EXTRACTABLE, FALSE))
        assert [bool(v) for v in values(key, *HISTORY)] == [False, False, False]
    with claim("a key made sensitive later was not always so"):
        key = aes(session, 16, (CKA_SENSITIVE, FALSE), (CKA_EXTRACTABLE, TRUE))
        session.setAttributeValue(key, [(CKA_SENSITIVE, TRUE), (CKA_EXTRACTABLE, FALSE)])
        assert [bool(v) for v in values(key, CKA_SENSITIVE, CKA_EXTRACTABLE, *HISTORY)] == [True, False, True, False, False]
    with refused("what is computed cannot be given", CKR_ATTRIBUTE_READ_ONLY, CKR_TEMPLATE_INCONSISTENT, CKR_ATTRIBUTE_TYPE_INVALID):
        aes(session, 16, (CKA_LOCAL, TRUE))


def one_way():
    key = aes(session, 16, (CKA_SENSITIVE, TRUE), (CKA_EXTRACTABLE, FALSE))
    with refused("a sensitive key stays so", CKR_ATTRIBUTE_READ_ONLY):
        session.setAttributeValue(key, [(CKA_SENSITIVE, FALSE)])
    with refused("a key that may not leave stays so", CKR_ATTRIBUTE_READ_ONLY):
        session.setAttributeValue(key, [(CKA_EXTRACTABLE, TRUE)])
    with refused("the value does not change", CKR_ATTRIBUTE_READ_ONLY):
        session.setAttributeValue(key, [(CKA_VALUE, bytes(16))])
    with refused("nor the class", CKR_ATTRIBUTE_READ_ONLY):
        session.setAttributeValue(key, [(CKA_CLASS, CKO_DATA)])
    with claim("the label does"):
        session.setAttributeValue(key, [(CKA_LABEL, "a \u7b26 in UTF-8")])
        assert values(key, CKA_LABEL) == ["a \u7b26 in UTF-8"], values(key, CKA_LABEL)
    with refused("unless the key is not modifiable", CKR_ACTION_PROHIBITED, CKR_ATTRIBUTE_READ_ONLY):
        session.setAttributeValue(aes(session, 16, (CKA_MODIFIABLE, FALSE)), [(CKA_LABEL, "new")])
    with refused("an indestructible key stays", CKR_ACTION_PROHIBITED):
        session.destroyObject(aes(session, 16, (CKA_DESTROYABLE, b"\0")))


def templates():
    with refused("a secret key without its length", CKR_TEMPLATE_INCOMPLETE):
        session.generateKey([(CKA_CLASS, CKO_SECRET_KEY), (CKA_KEY_TYPE, CKK_AES)])
    with refused("an RSA key without its size", CKR_TEMPLATE_INCOMPLETE):
        session.generateKeyPair([(CKA_PUBLIC_EXPONENT, (1, 0, 1))], [])
    with refused("an EC key without its curve", CKR_TEMPLATE_INCOMPLETE):
        session.generateKeyPair([], [], MechanismECGENERATEKEYPAIR)
    with refused("a curve that nobody knows", CKR_CURVE_NOT_SUPPORTED, CKR_DOMAIN_PARAMS_INVALID, CKR_ATTRIBUTE_VALUE_INVALID):
        session.generateKeyPair([(CKA_EC_PARAMS, bytes.fromhex("06032a0304"))], [], MechanismECGENERATEKEYPAIR)
    with refused("an AES key of 17 bytes", CKR_KEY_SIZE_RANGE, CKR_ATTRIBUTE_VALUE_INVALID):
        aes(session, 17)
    with refused("an AES key from 17 bytes", CKR_KEY_SIZE_RANGE, CKR_ATTRIBUTE_VALUE_INVALID):
        secret(session, bytes(17))
    with refused("the mechanism makes another class", CKR_TEMPLATE_INCONSISTENT):
        session.generateKey([(CKA_CLASS, CKO_PUBLIC_KEY), (CKA_VALUE_LEN, 16)])
    with refused("and another type", CKR_TEMPLATE_INCONSISTENT):
        session.generateKey([(CKA_KEY_TYPE, CKK_DES3), (CKA_VALUE_LEN, 16)])
    with refused("a key without a value", CKR_TEMPLATE_INCOMPLETE):
        session.createObject([(CKA_CLASS, CKO_SECRET_KEY), (CKA_KEY_TYPE, CKK_AES)])
    with refused("an object without a class", CKR_TEMPLATE_INCOMPLETE):
        session.createObject([(CKA_LABEL, "lost")])


for part in (shown, computed, one_way, templates):
    part()
