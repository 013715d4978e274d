# SPDX-License-Identifier: Apache-2.0
"""Claim: sessions and logins allow what PKCS#11 3.1 5.6 says, and answer the rest with its codes."""
from claims import *

token = from_argv()
with open(sys.argv[3]) as so_file:
    SO_PIN = so_file.read().strip()


def state(session):
    return session.getSessionInfo().state


def labels(session, *template):
    return sorted(session.getAttributeValue(o, [CKA_LABEL])[0] for o in session.findObjects(list(template)))


def data_object(session, label, private, on_token):
    return session.createObject([(CKA_CLASS, CKO_DATA), (CKA_LABEL, label), (CKA_PRIVATE, private), (CKA_TOKEN, on_token), (CKA_VALUE, b"value")])


def states():
    reader, writer = token.session(0), token.session()
    with claim("states without login"):
        assert (state(reader), state(writer)) == (CKS_RO_PUBLIC_SESSION, CKS_RW_PUBLIC_SESSION)
    with refused("logout without login", CKR_USER_NOT_LOGGED_IN):
        reader.logout()
    with refused("a wrong PIN", CKR_PIN_INCORRECT):
        reader.login(token.pin + "x")
    with claim("a login holds for every session"):
        reader.login(token.pin)
        assert (state(reader), state(writer)) == (CKS_RO_USER_FUNCTIONS, CKS_RW_USER_FUNCTIONS)
    with refused("a second login", CKR_USER_ALREADY_LOGGED_IN):
        writer.login(token.pin)
    with refused("the officer beside the user", CKR_USER_ANOTHER_ALREADY_LOGGED_IN, CKR_SESSION_READ_ONLY_EXISTS):
        writer.login(SO_PIN, CKU_SO)
    with claim("a logout too"):
        writer.logout()
        assert (state(reader), state(writer)) == (CKS_RO_PUBLIC_SESSION, CKS_RW_PUBLIC_SESSION)
    with refused("the officer beside a session that only reads", CKR_SESSION_READ_ONLY_EXISTS):
        writer.login(SO_PIN, CKU_SO)
    reader.closeSession()
    with claim("the officer alone"):
        writer.login(SO_PIN, CKU_SO)
        assert state(writer) == CKS_RW_SO_FUNCTIONS
    with refused("a session that only reads beside the officer", CKR_SESSION_READ_WRITE_SO_EXISTS):
        token.session(0)
    with claim("who closes the last session is logged out"):
        writer.closeSession()
        writer = token.session()
        assert state(writer) == CKS_RW_PUBLIC_SESSION
    writer.closeSession()
    with refused("a session that was closed", CKR_SESSION_HANDLE_INVALID):
        writer.getSessionInfo()


def objects():
    writer, reader = token.login(), token.session(0)
    kept = data_object(writer, "kept-public", FALSE, TRUE)
    data_object(writer, "kept-private", TRUE, TRUE)
    hidden = data_object(writer, "passing-private", TRUE, FALSE)
    other = token.session()
    data_object(other, "passing-public", FALSE, FALSE)
    with claim("an empty template finds all"):
        assert set(labels(reader)) >= {"kept-private", "kept-public", "passing-private", "passing-public"}, labels(reader)
    with claim("a label finds its object"):
        assert labels(reader, (CKA_LABEL, "kept-public")) == ["kept-public"]
    with claim("two attributes must both fit"):
        assert labels(reader, (CKA_LABEL, "kept-public"), (CKA_PRIVATE, TRUE)) == []
    with claim("an unknown label finds nothing"):
        assert labels(reader, (CKA_LABEL, "nobody")) == []
    with claim("thirty objects are found"):
        for i in range(30):
            data_object(writer, "many", FALSE, FALSE)
        assert labels(reader, (CKA_LABEL, "many")) == ["many"] * 30
    with refused("a session that only reads makes no object on the token", CKR_SESSION_READ_ONLY):
        data_object(reader, "no", FALSE, TRUE)
    with refused("nor changes one", CKR_SESSION_READ_ONLY):
        reader.setAttributeValue(kept, [(CKA_LABEL, "no")])
    with refused("nor destroys one", CKR_SESSION_READ_ONLY):
        reader.destroyObject(kept)
    with claim("it makes its own"):
        data_object(reader, "mine", FALSE, FALSE)
    other.closeSession()
    with claim("a session's objects go with it"):
        assert labels(reader, (CKA_LABEL, "passing-public")) == []
    reader.logout()
    with claim("after a logout, public objects are seen"):
        assert labels(reader, (CKA_LABEL, "kept-public")) == ["kept-public"]
    with claim("private ones are not"):
        assert labels(reader, (CKA_PRIVATE, TRUE)) == []
    with refused("and the handles to them are dead", CKR_OBJECT_HANDLE_INVALID):
        reader.getAttributeValue(hidden, [CKA_LABEL])
    with refused("a private object cannot be made", CKR_USER_NOT_LOGGED_IN):
        data_object(writer, "no", TRUE, FALSE)
    writer.login(token.pin)
    with claim("a new login finds the token's again"):
        assert labels(reader, (CKA_LABEL, "kept-private")) == ["kept-private"]
    with claim("not the sessions' private ones"):
        assert labels(reader, (CKA_LABEL, "passing-private")) == []
    with claim("objects are destroyed"):
        for label in ("kept-private", "kept-public"):
            for found in writer.findObjects([(CKA_LABEL, label)]):
                writer.destroyObject(found)
        assert labels(reader, (CKA_TOKEN, TRUE), (CKA_CLASS, CKO_DATA)) == []
    token.module.closeAllSessions(token.slot)


def operations():
    session = token.login()
    key = aes(session, 16, (CKA_ENCRYPT, TRUE), (CKA_DECRYPT, TRUE))
    mute = aes(session, 16, (CKA_ENCRYPT, FALSE), (CKA_DECRYPT, TRUE))
    _, signer = rsa(session)
    ecb = Mechanism(CKM_AES_ECB)
    with refused("data that fills no block", CKR_DATA_LEN_RANGE):
        session.encrypt(key, bytes(17), ecb)
    with refused("enciphered data that fills none", CKR_ENCRYPTED_DATA_LEN_RANGE):
        session.decrypt(key, bytes(17), ecb)
    with claim("an operation that failed has ended"):
        same(bytes(16), session.decrypt(key, session.encrypt(key, bytes(16), ecb), ecb))
    with refused("a key that may not encipher", CKR_KEY_FUNCTION_NOT_PERMITTED):
        session.encrypt(mute, bytes(16), ecb)
    with refused("a key of another type", CKR_KEY_TYPE_INCONSISTENT):
        session.sign(key, bytes(16), Mechanism(CKM_SHA256_RSA_PKCS))
    with refused("a mechanism that does not exist", CKR_MECHANISM_INVALID):
        session.sign(signer, bytes(16), Mechanism(0x7fffff00))
    with refused("a mechanism for something else", CKR_MECHANISM_INVALID):
        session.sign(signer, bytes(16), Mechanism(CKM_SHA256))
    with refused("an IV of the wrong length", CKR_MECHANISM_PARAM_INVALID, CKR_ARGUMENTS_BAD):
        session.encrypt(key, bytes(16), Mechanism(CKM_AES_CBC, bytes(15)))
    with refused("a key that is none", CKR_KEY_HANDLE_INVALID, CKR_OBJECT_HANDLE_INVALID):
        gone = aes(session, 16)
        session.destroyObject(gone)
        session.encrypt(gone, bytes(16), ecb)
    with claim("one operation of a kind at a time"):
        lib, handle = session.lib, session.session
        assert lib.C_DigestInit(handle, Mechanism(CKM_SHA256).to_native()) == CKR_OK
        assert lib.C_DigestInit(handle, Mechanism(CKM_SHA256).to_native()) == CKR_OPERATION_ACTIVE
        assert lib.C_DigestFinal(handle, PyKCS11.ckbytelist(bytes(32))) == CKR_OK
        assert lib.C_DigestUpdate(handle, PyKCS11.ckbytelist(b"x")) == CKR_OPERATION_NOT_INITIALIZED
    with claim("a buffer too small keeps the operation"):
        assert lib.C_DigestInit(handle, Mechanism(CKM_SHA256).to_native()) == CKR_OK
        assert lib.C_DigestFinal(handle, PyKCS11.ckbytelist(bytes(31))) == CKR_BUFFER_TOO_SMALL
        assert lib.C_DigestFinal(handle, PyKCS11.ckbytelist(bytes(32))) == CKR_OK
    with claim("random numbers"):
        first, second = bytes(session.generateRandom(100)), bytes(session.generateRandom(100))
        assert len(first) == 100 and first != second
        session.seedRandom(bytes(20))
    session.logout()
    with refused("a private key after the logout", CKR_KEY_HANDLE_INVALID, CKR_OBJECT_HANDLE_INVALID, CKR_USER_NOT_LOGGED_IN):
        session.sign(signer, bytes(16), Mechanism(CKM_SHA256_RSA_PKCS))
    token.module.closeAllSessions(token.slot)


for part in (states, objects, operations):
    part()
