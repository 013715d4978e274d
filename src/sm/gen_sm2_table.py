#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes sm2_table.h: multiples of the base point of sm2p256v1 for the fixed-base comb of sm2_curve.c.

The comb has TEETH teeth, SPACING bits apart, and is moved over the scalar in BLOCKS blocks of STEPS steps. Entry i - 1 of
block b is the sum of 2^(SPACING j + STEPS b) G over the bits j that are set in i, 1 <= i < 2^TEETH; affine, x then y, in
Montgomery form (times 2^256 mod p), the lowest 64-bit word first.

Run: python3 gen_sm2_table.py > sm2_table.h        (tests/unit/test_sm2.c proves the table against point arithmetic)
"""
P = 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff
G = (0x32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7,
     0xbc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0)
TEETH, SPACING, BLOCKS, STEPS = 5, 52, 4, 13


def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P) % P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def multiply(k, point):
    result = None
    while k:
        if k & 1:
            result = add(result, point)
        point = add(point, point)
        k >>= 1
    return result


def words(v):
    v = v * 2**256 % P
    return ', '.join('0x%016x' % (v >> (64 * i) & (2**64 - 1)) for i in range(4))


def main():
    print('/* SPDX-License-Identifier: Apache-2.0 */')
    print('/* Written by gen_sm2_table.py, which explains it. */')
    print('#define COMB_TEETH %d' % TEETH)
    print('#define COMB_SPACING %d' % SPACING)
    print('#define COMB_BLOCKS %d' % BLOCKS)
    print('#define COMB_STEPS %d' % STEPS)
    print()
    print('static const uint64_t comb_table[COMB_BLOCKS][(1 << COMB_TEETH) - 1][8] = {')
    for block in range(BLOCKS):
        print('\t{')
        for i in range(1, 2**TEETH):
            scalar = sum(2**(SPACING * j + STEPS * block) for j in range(TEETH) if i >> j & 1)
            x, y = multiply(scalar, G)
            print('\t\t{%s,\n\t\t %s},' % (words(x), words(y)))
        print('\t},')
    print('};')


if __name__ == '__main__':
    main()
