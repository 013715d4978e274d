#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes sbox_maps.h: the S-boxes of SM4 and ZUC as XOR programs around one inversion.

SM4's S-box and ZUC's S1 are affine maps before and after the inversion in a field of 256 elements. gf256.h inverts in the
tower GF(((2^2)^2)^2), in normal bases; this script finds the isomorphisms from the two fields into that tower, folds them
into the affine maps, and shortens the maps by Paar's greedy search for common pairs. ZUC's S0 is three rounds of a Feistel
network of four-bit functions and a rotation; its functions are written as polynomials.

Every program is run on all 256 inputs against the standards' tables (below) before it is printed.

Run: python3 gen_sbox.py > sbox_maps.h
"""

# GB/T 32907-2016 clause 6.2.
SM4_S = bytes.fromhex(
    'd690e9fecce13db716b614c228fb2c052b679a762abe04c3aa441326498606999c4250f491ef987a33540b43edcfac62'
    'e4b31ca9c908e89580df94fa758f3fa64707a7fcf37317ba83593c19e6854fa8686b81b27164da8bf8eb0f4b70569d35'
    '1e240e5e6358d1a225227c3b01217887d40046579fd327524c3602e7a0c4c89eeabf8ad240c738b5a3f7f2cef96115a1'
    'e0ae5da49b341a55ad933230f58cb1e31df6e22e8266ca60c02923ab0d534e6fd5db3745defd8e2f03ff6a726d6c5b51'
    '8d1baf92bbddbc7f11d95c411f105ad80ac13188a5cd7bbd2d74d012b8e5b4b08969974a0c96777e65b9f109c56ec684'
    '18f07dec3adc4d2079ee5f3ed7cb3948')
# GM/T 0001.1-2012, S-boxes S0 and S1.
ZUC_S0 = bytes.fromhex(
    '3e725b47cae0003304d1549809b96dcb7b1bf932af9d6aa5b82dfc1d085303904d4e8499e4ced991ddb685488b296eac'
    'cdc1f81e734369c6b5bdfd396320d438767db2a7cfed57c5f32cbb142106559be3ef5e314f7f5aa40d8251495fba581c'
    '4a16d517a892241f8cffd8ae2e01d3ad3b4bda46ebc9de9a8f87d73a806f2fc8b1b437f70a2213287ccc3c89c7c39656'
    '07bf7ef00b2b975235417961a64c10febc2695888ab0a3fbc01894f2e1e5e95dd0dc1166645cec59427512f5749caa23'
    '0e86abbe2a02e767e644a26cc2939ff1f6fa36d250689e6271153dd640c4e20f8e83776b25053f0c30ea70b7a1e8a965'
    '8d271adb81b3a0f4457a19dfee783460')
ZUC_S1 = bytes.fromhex(
    '55c263713bc847869f3cda5b29aafd778cc5940ca61a1300e3a8167240f9f8424426689681d9453e1076c6a78b3943e1'
    '3ab5562ac06db3052266bfdc0bfa6248dd20110636c9c1cff62752bb69f5d4877f844cd29c57a4bc4f9adffed68d7aeb'
    '2b53d85ca11417fb23d57d3067730809eeb7703f61b2198e4ee54b938f5ddba9adf1ae2ecb0dfcf42d466e1d97e8d1e9'
    '4d37a5755e839eab829db91ce0cd498901b6bd5824a25f387899159050b895e4d091c7ceed0fb46fa0ccf0024a79c3de'
    'a3efea51e66b18ec1b2c80f774e7ff215a6a541e41319235c433070aba7e0e3488b1987cf33d606c7bcad31f32650428'
    '64be859b2f598ad7b025acaf1203e2f2')
SM4_POLY, SM4_CONST = 0x1f5, 0xd3
ZUC_POLY, ZUC_CONST = 0x18b, 0x55
# The four-bit functions of S0, from the design and evaluation report of ZUC; the report's rotation is 5.
P1 = [9, 15, 0, 14, 15, 15, 2, 10, 0, 4, 0, 12, 7, 5, 3, 9]
P2 = [8, 13, 6, 5, 7, 0, 12, 4, 11, 1, 14, 10, 15, 3, 9, 2]
P3 = [2, 6, 10, 6, 0, 13, 10, 15, 3, 3, 13, 5, 0, 9, 12, 13]


# -- the tower: as in gf256.h, high coefficient in the high bits -------------
def tower_mul(bits, scale):
    """Multiplication in a normal basis {T^q, T} with T^q + T = 1 and T^(q+1) = N, where scale multiplies by N."""
    half = bits // 2
    mask = (1 << half) - 1
    sub = tower_mul(half, scale_below(half)) if half > 1 else lambda a, b: a & b

    def mul(a, b):
        a1, a0, b1, b0 = a >> half, a & mask, b >> half, b & mask
        e = scale(sub(a1 ^ a0, b1 ^ b0), sub)
        return (sub(a1, b1) ^ e) << half | (sub(a0, b0) ^ e)
    return mul


N4 = 0b10      # the norm of Z over GF(4): W^2
NU16 = 0b1101  # the norm of Y over GF(16): of the possible ones the cheapest, all maps counted


def scale_below(bits):
    return {2: lambda x, sub: x, 4: lambda x, sub: sub(x, N4)}[bits]


mul16 = tower_mul(4, scale_below(4))
mul256 = tower_mul(8, lambda x, sub: sub(x, NU16))
ONE = 0xff     # in normal bases every coefficient of 1 is 1


def inverse(mul, a):
    return next((b for b in range(256) if mul(a, b) == ONE), 0)


# -- the fields of the standards ---------------------------------------------
def poly_mul(poly):
    def mul(a, b):
        r = 0
        while b:
            if b & 1:
                r ^= a
            a <<= 1
            if a & 0x100:
                a ^= poly
            b >>= 1
        return r
    return mul


def poly_inverse(poly):
    mul = poly_mul(poly)
    return [next((b for b in range(256) if mul(a, b) == 1), 0) for a in range(256)]


def parity(x):
    return bin(x).count('1') & 1


def apply(rows, x):
    """rows[i] is the mask of the input bits whose sum is output bit i."""
    return sum(parity(r & x) << i for i, r in enumerate(rows))


def linear_rows(f):
    """The rows of a linear function on bytes; None if f is not linear."""
    rows = [sum((f(1 << j) >> i & 1) << j for j in range(8)) for i in range(8)]
    return rows if all(apply(rows, x) == f(x) for x in range(256)) else None


def isomorphisms(poly):
    """Each sends the standard's x to one of the eight roots of its polynomial in the tower."""
    for root in range(1, 256):
        powers, p = [], ONE
        for _ in range(9):
            powers.append(p)
            p = mul256(p, root)
        total = 0
        for i in range(9):
            if poly >> i & 1:
                total ^= powers[i]
        if total == 0:
            yield lambda x, powers=powers: xor_all(powers[i] for i in range(8) if x >> i & 1)


def xor_all(values):
    total = 0
    for v in values:
        total ^= v
    return total


# -- XOR programs ------------------------------------------------------------
def paar(rows, width):
    """Greedy: again and again the pair of terms that most rows share becomes a term. -> (pairs, rows of term sets)"""
    rows = [{j for j in range(width) if r >> j & 1} for r in rows]
    pairs = []
    while True:
        count = {}
        for r in rows:
            terms = sorted(r)
            for i, a in enumerate(terms):
                for b in terms[i + 1:]:
                    count[a, b] = count.get((a, b), 0) + 1
        best = max(count.items(), key=lambda kv: (kv[1], -kv[0][0], -kv[0][1]), default=(None, 0))
        if best[1] < 2:
            return pairs, rows
        new = width + len(pairs)
        pairs.append(best[0])
        for r in rows:
            if set(best[0]) <= r:
                r -= set(best[0])
                r.add(new)


def cost(rows, width=8):
    pairs, left = paar(rows, width)
    return len(pairs) + sum(len(r) - 1 for r in left if r)


def emit_sum(rows, inputs, constant, out):
    """C statements for out[i] = the sum of row i, with the bits of constant added."""
    pairs, left = paar(rows, len(inputs))
    names = list(inputs)
    lines = []
    for n, (a, b) in enumerate(pairs):
        lines.append('\tslice t%d = %s ^ %s;' % (n, names[a], names[b]))
        names.append('t%d' % n)
    for i, r in enumerate(left):
        terms = ' ^ '.join(names[t] for t in sorted(r))
        if constant >> i & 1:
            terms = '~(%s)' % terms if len(r) > 1 else '~' + terms
        lines.append('\t%s[%d] = %s;' % (out, i, terms))
    return lines


def run(lines, x):
    """Executes emitted statements on the bits of x; the C operators used mean the same in Python."""
    env = {'x': [x >> i & 1 for i in range(8)], 'y': [0] * 8}
    exec('\n'.join(l.strip().rstrip(';').replace('slice ', '') for l in lines), env)
    return sum((b & 1) << i for i, b in enumerate(env['y']))


def function(comment, name, lines, width=8):
    signature = 'static inline void %s(const slice x[%d], slice y[%d])' % (name, width, width)
    return ['/* %s */' % comment, signature, '{'] + lines + ['}', '']


def affine_pair(title, name, table, poly, before, const_in, after, const_out):
    """The programs into the tower and out of it, for table[x] = after(inverse(before(x) + const_in)) + const_out."""
    def score(iso):
        return cost(linear_rows(lambda x: iso(before(x)))) + cost(linear_rows(out_of(iso)))

    def out_of(iso):
        back = {iso(x): x for x in range(256)}
        return lambda y: after(back[y])

    iso = min(isomorphisms(poly), key=score)
    X = ['x[%d]' % i for i in range(8)]
    into = emit_sum(linear_rows(lambda x: iso(before(x))), X, iso(const_in), 'y')
    out = emit_sum(linear_rows(out_of(iso)), X, const_out, 'y')
    for x in range(256):
        assert run(out, inverse(mul256, run(into, x))) == table[x]
    return (function('%s: into the tower.' % title, name + '_into_tower', into) +
            function('%s: out of the tower.' % title, name + '_out_of_tower', out))


# -- four-bit functions as polynomials ---------------------------------------
def moebius(values):
    """Truth table -> coefficients of the monomials, indexed by the mask of their variables."""
    c = list(values)
    for bit in (1, 2, 4, 8):
        for m in range(16):
            if m & bit:
                c[m] ^= c[m ^ bit]
    return c


def four_bit(name, table):
    """y[0..3] = table(x[0..3])."""
    coeff = [moebius([v >> i & 1 for v in table]) for i in range(4)]
    used = sorted({m for c in coeff for m in range(1, 16) if c[m]}, key=lambda m: (bin(m).count('1'), m))
    lines, names = [], {1 << i: 'x[%d]' % i for i in range(4)}

    def monomial(m):
        if m not in names:
            low = m & -m
            lines.append('\tslice m%d = %s & %s;' % (m, names[low], monomial(m ^ low)))
            names[m] = 'm%d' % m
        return names[m]

    inputs = [monomial(m) for m in used]
    rows = [sum(c[m] << i for i, m in enumerate(used)) for c in coeff]
    lines += emit_sum(rows, inputs, sum(c[0] << i for i, c in enumerate(coeff)), 'y')
    assert [run(lines, x) for x in range(16)] == table
    return function('ZUC: %s, four bits to four.' % name, 'zuc_' + name.lower(), lines, 4)


def rol8(x, n):
    return (x << n | x >> (8 - n)) & 255


def check_feistel():
    for x in range(256):
        hi, lo = x >> 4, x & 15
        hi ^= P1[lo]
        lo ^= P2[hi]
        hi ^= P3[lo]
        assert rol8(hi << 4 | lo, 5) == ZUC_S0[x]


def sm4_affine(x):
    """The circulant matrix on either side of SM4's inversion."""
    return sum(parity(rol8(SM4_ROW0, i) & x) << i for i in range(8))


def find_sm4_row():
    inv = poly_inverse(SM4_POLY)
    for row in range(256):
        a = [sum(parity(rol8(row, i) & x) << i for i in range(8)) for x in range(256)]
        if all(a[inv[a[x] ^ SM4_CONST]] ^ SM4_CONST == SM4_S[x] for x in range(256)):
            return row
    raise SystemExit('no circulant matrix explains the S-box')


SM4_ROW0 = find_sm4_row()


def main():
    zuc_inv = poly_inverse(ZUC_POLY)
    check_feistel()
    out = ['/* SPDX-License-Identifier: Apache-2.0 */',
           '/* Written by gen_sbox.py, which explains it. Bit 0 is the lowest; x and y do not overlap. */', '']
    out += affine_pair('SM4', 'sm4', SM4_S, SM4_POLY, sm4_affine, SM4_CONST, sm4_affine, SM4_CONST)
    out += affine_pair('ZUC: S1', 'zuc_s1', ZUC_S1, ZUC_POLY, lambda x: x, 0, lambda y: ZUC_S1[zuc_inv[y]] ^ ZUC_CONST, ZUC_CONST)
    for name, table in (('P1', P1), ('P2', P2), ('P3', P3)):
        out += four_bit(name, table)
    print('\n'.join(out).rstrip())


if __name__ == '__main__':
    main()
