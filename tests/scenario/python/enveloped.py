# SPDX-License-Identifier: Apache-2.0
"""An authority that sends an encryption key, by the openssl command alone.

    enveloped.py KEY.pem SIGNER.pub DIR

writes the SM2EnvelopedKey of GB/T 35276 for the holder of SIGNER in many guises:
DIR/plain.der, .b64, .pem; octets.der, content.der (within other values); padded.der
(64 bytes of key); blob.bin (ENVELOPEDKEYBLOB of GM/T 0016); and wrong ones, bad-*.
"""
import base64
import os
import re
import struct
import subprocess
import sys

key_file, signer, directory = sys.argv[1:]


def openssl(*args, data=b""):
    return subprocess.run(["openssl", *args], input=data, capture_output=True, check=True).stdout


def value(tag, *contents):
    content = b"".join(contents)
    n = len(content)
    head = bytes([n]) if n < 128 else bytes([0x81, n]) if n < 256 else bytes([0x82]) + n.to_bytes(2, "big")
    return bytes([tag]) + head + content


def oid(dotted):
    arcs = [int(arc) for arc in dotted.split(".")]
    out = bytes([40 * arcs[0] + arcs[1]])
    for arc in arcs[2:]:
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.insert(0, arc & 0x7F | 0x80)
        out += bytes(septets)
    return value(6, out)


def halves(pem):
    text = openssl("pkey", "-in", pem, "-noout", "-text").decode()
    field = lambda name: bytes.fromhex(re.sub(r"[\s:]", "", re.search(name + r":\s+((?:[0-9a-f]{2}:?\s*)+)", text)[1]))
    return field("priv")[-32:].rjust(32, b"\0"), field("pub")


def children(der):
    out, at = [], 2 if der[1] < 128 else 2 + (der[1] & 0x7F)
    while at < len(der):
        n = der[at + 1]
        assert n < 128
        out.append(der[at + 2 : at + 2 + n])
        at += 2 + n
    return out


def write(name, data):
    with open(os.path.join(directory, name), "wb") as f:
        f.write(data)


SM4_ECB, SM1, DATA = "1.2.156.10197.1.104.1", "1.2.156.10197.1.102", "1.2.156.10197.6.1.4.2.1"
d, point = halves(key_file)
session_key = os.urandom(16)
ecb = lambda text: openssl("enc", "-sm4-ecb", "-nopad", "-K", session_key.hex(), data=text)
sealed_key = openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", signer, data=session_key)
bits = lambda b: value(3, b"\0", b)


def envelope(cipher=SM4_ECB, parameters=b"", wrapped=sealed_key, public=point, scalar=ecb(d)):
    return value(0x30, value(0x30, oid(cipher), parameters), wrapped, bits(public), bits(scalar))


plain = envelope()
write("plain.der", plain)
write("plain.b64", base64.b64encode(plain))
write("plain.pem", b"-----BEGIN SM2 ENVELOPED KEY-----\r\n" + base64.encodebytes(plain) + b"-----END SM2 ENVELOPED KEY-----\r\n")
write("octets.der", value(0x30, value(2, b"\1"), value(4, plain)))
write("content.der", value(0x30, oid(DATA), value(0xA0, plain)))
write("null.der", envelope(parameters=value(5)))
write("mode.der", envelope(cipher="1.2.156.10197.1.104"))
write("padded.der", envelope(scalar=ecb(bytes(32) + d)))
x, y, tag, text = children(sealed_key)
field = lambda n: n.lstrip(b"\0").rjust(64, b"\0")
public = struct.pack("<I", 256) + field(point[1:33]) + field(point[33:])
blob = struct.pack("<III", 1, 0x401, 256) + bytes(32) + ecb(d) + public + field(x) + field(y) + tag + struct.pack("<I", 16) + text
write("blob.bin", blob)
write("blob.b64", base64.encodebytes(blob))

other = os.path.join(directory, "other.pem")
openssl("genpkey", "-algorithm", "SM2", "-out", other)
write("bad-public.der", envelope(public=halves(other)[1]))
write("bad-point.der", envelope(public=b"\4" + b"\1" * 64))
write("bad-scalar.der", envelope(scalar=ecb(bytes(32))))
write("bad-seal.der", envelope(wrapped=sealed_key[:-1] + bytes([sealed_key[-1] ^ 1])))
write("bad-short.der", envelope(scalar=ecb(d)[:16]))
write("bad-cipher.der", envelope(cipher=SM1))
write("bad-cut.der", plain[:-5])
write("bad-empty.der", b"")
write("bad-blob.bin", blob[:-1])
nest = b"\5\0"
for _ in range(2000):
    nest = value(0x30, nest)
write("bad-nest.der", nest)
