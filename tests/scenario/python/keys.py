# SPDX-License-Identifier: Apache-2.0
"""Claim: keys of every kind compute what the standards say and what openssl accepts; they wrap and unwrap each other."""
import hashlib
import hmac
import os
import struct

from claims import *

token = from_argv()
work = sys.argv[3]
session = token.login()


def file(name, data):
    return write(os.path.join(work, name), data)


def mechanism(number, parameter=None):
    return Mechanism(number, parameter)


def ctr(block):
    return Mechanism(CKM_AES_CTR, struct.pack("@L16s", 128, block))


def digests():
    data = os.urandom(1000)
    for name, number in (("sha1", CKM_SHA_1), ("sha224", CKM_SHA224), ("sha256", CKM_SHA256), ("sha384", CKM_SHA384), ("sha512", CKM_SHA512)):
        with claim("%s is hashlib's" % name):
            same(hashlib.new(name, data).digest(), session.digest(data, mechanism(number)))
            parts = session.digestSession(mechanism(number))
            for at in range(0, 1000, 77):
                parts.update(data[at:at + 77])
            same(hashlib.new(name, data).digest(), parts.final())
        with claim("hmac by %s is hmac's" % name):
            value = os.urandom(64)
            key = secret(session, value, (CKA_SIGN, TRUE), (CKA_VERIFY, TRUE), key_type=CKK_GENERIC_SECRET)
            number = getattr(PyKCS11, "CKM_%s_HMAC" % name.upper().replace("SHA1", "SHA_1"))
            tag = session.sign(key, data, mechanism(number))
            same(hmac.new(value, data, name).digest(), tag)
            assert session.verify(key, data, tag, mechanism(number))
            assert not session.verify(key, data[1:], tag, mechanism(number)), "accepted for other data"


# NIST SP 800-38A F.1.1, F.2.1 and F.5.1.
KEY = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
PLAIN = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
ECB = bytes.fromhex("3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf43b1cd7f598ece23881b00e3ed0306887b0c785e27e8ad3f8223207104725dd4")
CBC = bytes.fromhex("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b273bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7")
CTR = bytes.fromhex("874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee")
# McGrew and Viega, The Galois/Counter Mode of Operation, test case 4.
GCM_KEY = bytes.fromhex("feffe9928665731c6d6a8f9467308308")
GCM_IV = bytes.fromhex("cafebabefacedbaddecaf888")
GCM_AAD = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
GCM_PLAIN = bytes.fromhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39")
GCM_OUT = bytes.fromhex("42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
                        "5bc94fbc3221a5db94fae95ae7121a47")
CRYPT = ((CKA_ENCRYPT, TRUE), (CKA_DECRYPT, TRUE))


def ciphers():
    key = secret(session, KEY, *CRYPT)
    for name, how, expected in (("ECB", mechanism(CKM_AES_ECB), ECB), ("CBC", mechanism(CKM_AES_CBC, bytes(range(16))), CBC),
                                ("CTR", ctr(bytes(range(0xf0, 0x100))), CTR)):
        with claim("AES %s as in SP 800-38A" % name):
            same(expected, session.encrypt(key, PLAIN, how))
            same(PLAIN, session.decrypt(key, expected, how))
    gcm = secret(session, GCM_KEY, *CRYPT)
    with claim("AES GCM as its authors computed it"):
        same(GCM_OUT, session.encrypt(gcm, GCM_PLAIN, AES_GCM_Mechanism(GCM_IV, GCM_AAD, 128)))
        same(GCM_PLAIN, session.decrypt(gcm, GCM_OUT, AES_GCM_Mechanism(GCM_IV, GCM_AAD, 128)))
    with refused("a forged tag", CKR_ENCRYPTED_DATA_INVALID):
        session.decrypt(gcm, GCM_OUT[:-1] + bytes([GCM_OUT[-1] ^ 1]), AES_GCM_Mechanism(GCM_IV, GCM_AAD, 128))
    for nbytes in (16, 24, 32):
        with claim("a generated AES key of %d bits, with padding" % (nbytes * 8)):
            generated = aes(session, nbytes, *CRYPT)
            for size in (1, 15, 16, 17, 1000):
                data, iv = os.urandom(size), os.urandom(16)
                enciphered = session.encrypt(generated, data, mechanism(CKM_AES_CBC_PAD, iv))
                assert len(enciphered) == size // 16 * 16 + 16
                same(data, session.decrypt(generated, enciphered, mechanism(CKM_AES_CBC_PAD, iv)))
    with refused("padding that is none", CKR_ENCRYPTED_DATA_INVALID):
        session.decrypt(key, CBC, mechanism(CKM_AES_CBC_PAD, bytes(range(16))))


def rsa_keys():
    public, private = rsa(session)
    pem = file("rsa.der", rsa_public(session, public))
    data = os.urandom(500)
    message = file("data", data)
    for name in ("sha1", "sha256", "sha384", "sha512"):
        with claim("RSA with %s" % name):
            how = mechanism(getattr(PyKCS11, "CKM_%s_RSA_PKCS" % name.upper()))
            signature = session.sign(private, data, how)
            openssl("dgst", "-" + name, "-keyform", "DER", "-verify", pem, "-signature", file("sig", signature), message)
            assert session.verify(public, data, signature, how)
            assert not session.verify(public, data[1:], signature, how), "accepted for other data"
    with refused("a signature of the wrong length", CKR_SIGNATURE_LEN_RANGE):
        session.verify(public, data, bytes(100), mechanism(CKM_SHA256_RSA_PKCS))
    with claim("RSA-PSS"):
        how = RSA_PSS_Mechanism(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 32)
        signature = session.sign(private, data, how)
        openssl("dgst", "-sha256", "-keyform", "DER", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32",
                "-verify", pem, "-signature", file("sig", signature), message)
        assert session.verify(public, data, signature, how)
    short = file("short", data[:50])
    encrypt = ("pkeyutl", "-encrypt", "-pubin", "-keyform", "DER", "-inkey", pem, "-in", short, "-pkeyopt")
    with claim("RSA PKCS#1 v1.5, enciphered by openssl"):
        same(data[:50], session.decrypt(private, openssl(*encrypt, "rsa_padding_mode:pkcs1"), mechanism(CKM_RSA_PKCS)))
    with claim("RSA PKCS#1 v1.5, enciphered by the token"):
        same(data[:50], session.decrypt(private, session.encrypt(public, data[:50], mechanism(CKM_RSA_PKCS)), mechanism(CKM_RSA_PKCS)))
    for name, number, mgf in (("sha1", CKM_SHA_1, CKG_MGF1_SHA1), ("sha256", CKM_SHA256, CKG_MGF1_SHA256)):
        with claim("RSA-OAEP with %s, enciphered by openssl" % name):
            enciphered = openssl(*encrypt, "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:" + name, "-pkeyopt", "rsa_mgf1_md:" + name)
            same(data[:50], session.decrypt(private, enciphered, RSAOAEPMechanism(number, mgf)))
        with claim("RSA-OAEP with %s, enciphered by the token" % name):
            enciphered = session.encrypt(public, data[:50], RSAOAEPMechanism(number, mgf))
            same(data[:50], session.decrypt(private, enciphered, RSAOAEPMechanism(number, mgf)))
    with claim("RSA without padding"):
        block = b"\0" + data[:255]
        same(block, session.decrypt(private, session.encrypt(public, block, mechanism(CKM_RSA_X_509)), mechanism(CKM_RSA_X_509)))


def ec_keys():
    data = os.urandom(500)
    message = file("data", data)
    for curve, name in (("P-256", "sha256"), ("P-384", "sha384"), ("P-521", "sha512")):
        public, private = ec(session, curve)
        pem = file("ec.der", ec_public(session, public, curve))
        digest = hashlib.new(name, data).digest()
        how = mechanism(CKM_ECDSA)
        with claim("ECDSA on %s" % curve):
            signature = bytes(session.sign(private, digest, how))
            openssl("dgst", "-" + name, "-keyform", "DER", "-verify", pem, "-signature", file("sig", ecdsa_der(signature)), message)
            assert session.verify(public, digest, signature, how)
            assert not session.verify(public, digest[::-1], signature, how), "accepted for another digest"
        with claim("ECDSA on %s with %s" % (curve, name)):
            how = mechanism(getattr(PyKCS11, "CKM_ECDSA_" + name.upper()))
            signature = bytes(session.sign(private, data, how))
            openssl("dgst", "-" + name, "-keyform", "DER", "-verify", pem, "-signature", file("sig", ecdsa_der(signature)), message)
            assert session.verify(public, data, signature, how)
        with claim("ECDH on %s" % curve):
            openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:" + curve, "-out", os.path.join(work, "peer.pem"))
            info = openssl("pkey", "-in", os.path.join(work, "peer.pem"), "-pubout", "-outform", "DER")
            expected = openssl("pkeyutl", "-derive", "-inkey", os.path.join(work, "peer.pem"), "-peerform", "DER", "-peerkey", pem)
            derived = session.deriveKey(private, [(CKA_CLASS, CKO_SECRET_KEY), (CKA_KEY_TYPE, CKK_GENERIC_SECRET), (CKA_VALUE_LEN, len(expected)),
                                                  (CKA_SENSITIVE, FALSE), (CKA_EXTRACTABLE, TRUE)],
                                        ECDH1_DERIVE_Mechanism(info[-(2 * len(expected) + 1):]))
            same(expected, session.getAttributeValue(derived, [CKA_VALUE], True)[0])
        with refused("a point that is not on %s" % curve, CKR_MECHANISM_PARAM_INVALID, CKR_PUBLIC_KEY_INVALID):
            session.deriveKey(private, [(CKA_CLASS, CKO_SECRET_KEY), (CKA_KEY_TYPE, CKK_GENERIC_SECRET), (CKA_VALUE_LEN, 32)],
                              ECDH1_DERIVE_Mechanism(info[-(2 * len(expected) + 1):-1] + bytes([info[-1] ^ 1])))
    with claim("Ed25519"):
        public, private = session.generateKeyPair([(CKA_EC_PARAMS, bytes.fromhex("06032b6570"))], [(CKA_SIGN, TRUE)], mechanism(0x1055)) # CKM_EC_EDWARDS_KEY_PAIR_GEN
        pem = file("ed.der", public_info(bytes.fromhex("06032b6570"), point(session, public)))
        signature = session.sign(private, data, mechanism(0x1057)) # CKM_EDDSA
        openssl("pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", pem, "-in", message, "-sigfile", file("sig", signature))


LEAVES = ((CKA_SENSITIVE, FALSE), (CKA_EXTRACTABLE, TRUE))
WRAPS = ((CKA_WRAP, TRUE), (CKA_UNWRAP, TRUE))
KW = mechanism(0x2109)   # CKM_AES_KEY_WRAP
KWP = mechanism(0x210B)  # CKM_AES_KEY_WRAP_KWP


def wrapping():
    aes_again = [(CKA_CLASS, CKO_SECRET_KEY), (CKA_KEY_TYPE, CKK_AES), *LEAVES, *CRYPT]
    generic_again = [(CKA_CLASS, CKO_SECRET_KEY), (CKA_KEY_TYPE, CKK_GENERIC_SECRET), *LEAVES]
    with claim("key wrap as in RFC 3394 4.1"):
        kek = secret(session, bytes(range(16)), *WRAPS)
        value, expected = bytes.fromhex("00112233445566778899aabbccddeeff"), bytes.fromhex("1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5")
        same(expected, session.wrapKey(kek, secret(session, value, *LEAVES), KW))
        again = session.unwrapKey(kek, expected, aes_again, KW)
        same(value, session.getAttributeValue(again, [CKA_VALUE], True)[0])
    with claim("key wrap with padding as in RFC 5649 6"):
        kek = secret(session, bytes.fromhex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8"), *WRAPS)
        value, expected = bytes.fromhex("466f7250617369"), bytes.fromhex("afbeb0f07dfbf5419200f2ccb50bb24f")
        same(expected, session.wrapKey(kek, secret(session, value, *LEAVES, key_type=CKK_GENERIC_SECRET), KWP))
        again = session.unwrapKey(kek, expected, generic_again, KWP)
        same(value, session.getAttributeValue(again, [CKA_VALUE], True)[0])
    kek = aes(session, 32, *WRAPS)
    with refused("a wrapped key that was changed", CKR_WRAPPED_KEY_INVALID):
        wrapped = bytearray(session.wrapKey(kek, aes(session, 16, *LEAVES), KW))
        wrapped[3] ^= 1
        session.unwrapKey(kek, bytes(wrapped), aes_again, KW)
    with refused("wrapping a key that may not leave", CKR_KEY_UNEXTRACTABLE):
        session.wrapKey(kek, aes(session, 16, (CKA_SENSITIVE, TRUE), (CKA_EXTRACTABLE, FALSE)), KW)
    with refused("wrapping with a key not meant to", CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_WRAPPING_KEY_TYPE_INCONSISTENT):
        session.wrapKey(aes(session, 16, *CRYPT), aes(session, 16, *LEAVES), KW)
    with claim("an RSA private key wrapped, unwrapped, signing"):
        public, private = rsa(session, (CKA_EXTRACTABLE, TRUE), (CKA_SENSITIVE, TRUE))
        again = session.unwrapKey(kek, session.wrapKey(kek, private, KWP), [(CKA_CLASS, CKO_PRIVATE_KEY), (CKA_KEY_TYPE, CKK_RSA), (CKA_SIGN, TRUE)], KWP)
        assert session.verify(public, b"data", session.sign(again, b"data", mechanism(CKM_SHA256_RSA_PKCS)), mechanism(CKM_SHA256_RSA_PKCS))
    with claim("an EC private key wrapped, unwrapped, signing"):
        public, private = ec(session, "P-256", (CKA_EXTRACTABLE, TRUE), (CKA_SENSITIVE, TRUE))
        again = session.unwrapKey(kek, session.wrapKey(kek, private, KWP), [(CKA_CLASS, CKO_PRIVATE_KEY), (CKA_KEY_TYPE, CKK_EC), (CKA_SIGN, TRUE)], KWP)
        assert session.verify(public, bytes(32), session.sign(again, bytes(32), mechanism(CKM_ECDSA)), mechanism(CKM_ECDSA))
    public, private = rsa(session)
    for name, how in (("PKCS#1 v1.5", mechanism(CKM_RSA_PKCS)), ("OAEP", RSAOAEPMechanism(CKM_SHA_1, CKG_MGF1_SHA1))):
        with claim("an AES key wrapped by RSA %s" % name):
            key = aes(session, 32, *LEAVES, *CRYPT)
            again = session.unwrapKey(private, session.wrapKey(public, key, how), aes_again, how)
            same(session.getAttributeValue(key, [CKA_VALUE], True)[0], session.getAttributeValue(again, [CKA_VALUE], True)[0])


for part in (digests, ciphers, rsa_keys, ec_keys, wrapping):
    part()
