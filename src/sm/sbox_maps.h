/* SPDX-License-Identifier: Apache-2.0 */
/* Written by gen_sbox.py, which explains it. Bit 0 is the lowest; x and y do not overlap. */

/* SM4: into the tower. */
static inline void sm4_into_tower(const slice x[8], slice y[8])
{
	slice t0 = x[0] ^ x[6];
	slice t1 = x[4] ^ t0;
	y[0] = x[1] ^ x[7];
	y[1] = x[3] ^ x[5] ^ x[6] ^ x[7];
	y[2] = x[1] ^ x[2] ^ x[5];
	y[3] = ~(x[2] ^ x[4] ^ x[6]);
	y[4] = ~t1;
	y[5] = ~x[2];
	y[6] = x[5] ^ t1;
	y[7] = x[1] ^ t0;
}

/* SM4: out of the tower. */
static inline void sm4_out_of_tower(const slice x[8], slice y[8])
{
	slice t0 = x[6] ^ x[7];
	slice t1 = x[2] ^ t0;
	slice t2 = x[1] ^ x[3];
	slice t3 = x[4] ^ t1;
	slice t4 = t1 ^ t2;
	y[0] = ~x[4];
	y[1] = ~(x[0] ^ x[4] ^ x[6]);
	y[2] = t3;
	y[3] = x[5] ^ t0 ^ t2;
	y[4] = ~(x[3] ^ x[5] ^ t3);
	y[5] = x[0] ^ t4;
	y[6] = ~x[3];
	y[7] = ~t4;
}

/* ZUC: S1: into the tower. */
static inline void zuc_s1_into_tower(const slice x[8], slice y[8])
{
	slice t0 = x[0] ^ x[4];
	slice t1 = x[2] ^ t0;
	slice t2 = x[5] ^ x[7];
	slice t3 = x[3] ^ t1;
	slice t4 = t1 ^ t2;
	y[0] = x[6] ^ t0 ^ t2;
	y[1] = x[1] ^ t4;
	y[2] = t4;
	y[3] = x[1] ^ x[3] ^ t0;
	y[4] = x[5] ^ t3;
	y[5] = x[0] ^ x[1] ^ x[6];
	y[6] = x[6] ^ t1;
	y[7] = t3;
}

/* ZUC: S1: out of the tower. */
static inline void zuc_s1_out_of_tower(const slice x[8], slice y[8])
{
	slice t0 = x[2] ^ x[3];
	slice t1 = x[5] ^ x[7];
	slice t2 = x[1] ^ x[6];
	slice t3 = x[2] ^ x[4];
	slice t4 = t1 ^ t2;
	y[0] = ~(x[5] ^ t0);
	y[1] = x[4] ^ x[6] ^ x[7] ^ t0;
	y[2] = ~x[1];
	y[3] = x[4] ^ x[5];
	y[4] = ~(x[0] ^ t0 ^ t4);
	y[5] = t1 ^ t3;
	y[6] = ~t4;
	y[7] = x[0] ^ t3;
}

/* ZUC: P1, four bits to four. */
static inline void zuc_p1(const slice x[4], slice y[4])
{
	slice m3 = x[0] & x[1];
	slice m5 = x[0] & x[2];
	slice m6 = x[1] & x[2];
	slice m9 = x[0] & x[3];
	slice m10 = x[1] & x[3];
	slice m12 = x[2] & x[3];
	slice t0 = x[0] ^ x[2];
	slice t1 = x[1] ^ x[3];
	slice t2 = m5 ^ t0;
	slice t3 = m10 ^ t1;
	y[0] = ~(m12 ^ t3);
	y[1] = m9 ^ t2;
	y[2] = m6 ^ t2;
	y[3] = ~(m3 ^ t3);
}

/* ZUC: P2, four bits to four. */
static inline void zuc_p2(const slice x[4], slice y[4])
{
	slice m3 = x[0] & x[1];
	slice m5 = x[0] & x[2];
	slice m6 = x[1] & x[2];
	slice m9 = x[0] & x[3];
	slice m10 = x[1] & x[3];
	slice m12 = x[2] & x[3];
	slice m7 = x[0] & m6;
	slice m11 = x[0] & m10;
	slice m13 = x[0] & m12;
	slice m14 = x[1] & m12;
	slice t0 = x[2] ^ m9;
	slice t1 = x[1] ^ t0;
	slice t2 = m10 ^ m12;
	slice t3 = x[0] ^ m6;
	slice t4 = x[3] ^ t2;
	slice t5 = m3 ^ m14;
	slice t6 = t1 ^ t5;
	y[0] = m7 ^ t0 ^ t3 ^ t4;
	y[1] = m5 ^ t4 ^ t6;
	y[2] = m13 ^ t3 ^ t6;
	y[3] = ~(m7 ^ m11 ^ t1 ^ t2);
}

/* ZUC: P3, four bits to four. */
static inline void zuc_p3(const slice x[4], slice y[4])
{
	slice m3 = x[0] & x[1];
	slice m5 = x[0] & x[2];
	slice m6 = x[1] & x[2];
	slice m9 = x[0] & x[3];
	slice m10 = x[1] & x[3];
	slice m12 = x[2] & x[3];
	y[0] = x[3] ^ m5 ^ m12;
	y[1] = ~(x[2] ^ m6 ^ m10);
	y[2] = x[0] ^ m9 ^ m10;
	y[3] = x[1] ^ m3 ^ m5;
}
