/* SPDX-License-Identifier: Apache-2.0 */
#include "sm_util.h"

#include "sm/sm3.h"
#include "sm/zuc.h"

/* -- the generator ------------------------------------------------------- */

static const struct {
	const char *key, *iv;
	uint32_t first[2];
} keystreams[] = {
	{"00000000000000000000000000000000", "00000000000000000000000000000000", {0x27bede74, 0x018082da}},
	{"ffffffffffffffffffffffffffffffff", "ffffffffffffffffffffffffffffffff", {0x0657cfa0, 0x7096398b}},
	{"3d4c4be96a82fdaeb58f641db17b455b", "84319aa8de6915ca1f6bda6bfbd8c766", {0x14f1c272, 0x3279c419}},
	{"4d320bfad4c285bfd6b8bd00f39d8b41", "52959daba0bf176ece2dc315049eb574", {0xed4400e7, 0x0633e5c5}},
};

static void test_keystream(void)
{
	for (size_t i = 0; i < sizeof(keystreams) / sizeof(keystreams[0]); i++) {
		uint8_t key[16], iv[16];
		uint32_t words[2];
		struct zuc z;

		unit_hex(keystreams[i].key, key);
		unit_hex(keystreams[i].iv, iv);
		zuc_init(&z, key, iv);
		zuc_words(&z, words, 2);
		CU_ASSERT(words[0] == keystreams[i].first[0] && words[1] == keystreams[i].first[1]);
	}
}

static void test_long_keystream(void)
{
	static uint32_t words[2000];
	uint8_t key[16], iv[16];
	uint32_t word;
	struct zuc z;

	unit_hex(keystreams[3].key, key);
	unit_hex(keystreams[3].iv, iv);
	zuc_init(&z, key, iv);
	zuc_words(&z, words, 2000);
	CU_ASSERT(words[1999] == 0x7a574cdb);
	zuc_init(&z, key, iv);
	for (int i = 0; i < 2000; i++) {
		zuc_words(&z, &word, 1);
		CU_ASSERT(word == words[i]);
	}
}

/* -- 128-EEA3 ------------------------------------------------------------ */

static const struct {
	const char *key;
	uint32_t count, bearer, direction, nbits;
	const char *in, *out;
} eea3_vectors[] = {
	{"173d14ba5003731d7a60049470f00a29", 0x66035492, 0xf, 0, 193,
	 "6cf65340735552ab0c9752fa6f9025fe0bd675d9005875b2",
	 "a6c85fc66afb8533aafc2518dfe784940ee1e4b030238cc8"},
	{"e5bd3ea0eb55ade866c6ac58bd54302a", 0x56823, 0x18, 1, 800,
	 "14a8ef693d678507bbe7270a7f67ff5006c3525b9807e467c4e56000ba338f5d429559036751822246c80d3b38f07f4be2d8ff5805f51322"
	 "29bde93bbbdcaf38"
	 "2bf1ee972fbf9977bada8945847a2a6c9ad34a667554e04d1f7fa2c33241bd8f01ba220d",
	 "131d43e0dea1be5c5a1bfd971d852cbf712d7b4f57961fea3208afa8bca433f456ad09c7417e58bc69cf8866d1353f74865e80781d202dfb"
	 "3ecff7fcbc3b190f"
	 "e82a204ed0e350fc0f6f2613b2f2bca6df5a473a57a4a00d985ebad880d6f23864a07b01"},
	{"e13fed21b46e4e7ec31253b2bb17b3e0", 0x2738cdaa, 0x1a, 0, 4019,
	 "8d74e20d54894e06d3cb13cb3933065e8674be62adb1c72b3a646965ab63cb7b7854dfdc27e84929f49c64b872a490b13f957b64827e71f4"
	 "1fbd4269a42c97f8"
	 "24537027f86e9f4ad82d1df451690fdd98b6d03f3a0ebe3a312d6b840ba5a1820b2a2c9709c090d245ed267cf845ae41fa975d3333ac3009"
	 "fd40eba9eb5b8857"
	 "14b768b697138baf21380eca49f644d48689e4215760b906739f0d2b3f091133ca15d981cbe401baf72d05ace05cccb2d297f4ef6a5f58d9"
	 "1246cfa77215b892"
	 "ab441d5278452795ccb7f5d79057a1c4f77f80d46db2033cb79bedf8e60551ce10c667f62a97abafabbcd6772018df96a282ea737ce2cb33"
	 "1211f60d5354ce78"
	 "f9918d9c206ca042c9b62387dd709604a50af16d8d35a8906be484cf2e74a9289940364353249b27b4c9ae29eddfc7da6418791a4e7baa06"
	 "60fa64511f2d685c"
	 "c3a5ff70e0d2b74292e3b8a0cd6b04b1c790b8ead2703708540dea2fc09c3da770f65449c84d817a4f551055e19ab85018a0028b71a144d9"
	 "6791e9a357793350"
	 "4eee0060340c69d274e1bf9d805dcbcc1a6faa976800b6ff2b671dc463652fa8a33ee50974c1c21be01eabb2167430269d72ee511c9dde30"
	 "797c9a25d86ce74f"
	 "5b961be5fdfb6807814039e7137636bd1d7fa9e09efd2007505906a5ac45dfdeed7757bbee745749c29633350bee0ea6f409df458016",
	 "94eaa4aa30a57137ddf09b97b25618a20a13e2f10fa5bf8161a879cc2ae797a6b4cf2d9df31debb9905ccfec97de605d21c61ab8531b7f3c"
	 "9da5f03931f8a064"
	 "2de48211f5f52ffea10f392a047669985da454a28f080961a6c2b62daa17f33cd60a4971f48d2d909394a55f48117ace43d708e6b77d3dc4"
	 "6d8bc017d4d1abb7"
	 "7b7428c042b06f2f99d8d07c9879d99600127a31985f1099bbd7d6c1519ede8f5eeb4a610b349ac01ea2350691756bd105c974a53eddb35d"
	 "1d4100b012e522ab"
	 "41f4c5f2fde76b59cb8b96d885cfe4080d1328a0d636cc0edc05800b76acca8fef672084d1f52a8bbd8e0993320992c7ffbae17c408441e0"
	 "ee883fc8a8b05e22"
	 "f5ff7f8d1b48c74c468c467a028f09fd7ce91109a570a2d5c4d5f4fa18c5dd3e4562afe24ef771901f59af645898acef088abae07e92d52e"
	 "b2de55045bb1b7c4"
	 "164ef2d7a6cac15eeb926d7ea2f08b66e1f759f3aee44614725aa3c7482b30844c143ff87b53f1e583c501257dddd096b81268daa303f172"
	 "34c2333541f0bb8e"
	 "190648c5807c866d7193228609adb948686f7de294a802cc38f7fe5208f5ea3196d0167b9bdd02f0d2a5221ca508f893af5c4b4bb9f4f520"
	 "fd84289b3dbe7e61"
	 "497a7e2a584037ea637b6981127174af57b471df4b2768fd79c1540fb3edf2ea22cb69bec0cf8d933d9c6fdd645e850591cca3d62c0c"},
};

static void test_eea3(void)
{
	for (size_t i = 0; i < sizeof(eea3_vectors) / sizeof(eea3_vectors[0]); i++) {
		uint8_t key[16], text[600];
		size_t len = unit_hex(eea3_vectors[i].in, text);
		struct zuc_eea3 e;

		unit_hex(eea3_vectors[i].key, key);
		zuc_eea3_init(&e, key, eea3_vectors[i].count, eea3_vectors[i].bearer, eea3_vectors[i].direction);
		zuc_eea3_update(&e, text, text, eea3_vectors[i].nbits);
		ASSERT_HEX(text, len, eea3_vectors[i].out);
		zuc_eea3_init(&e, key, eea3_vectors[i].count, eea3_vectors[i].bearer, eea3_vectors[i].direction);
		zuc_eea3_update(&e, text, text, eea3_vectors[i].nbits);
		/* The texts end in zero bits where the message has ended. */
		ASSERT_HEX(text, len, eea3_vectors[i].in);
	}
}

/* A message of 0 to 700 bits with random key and parameters. */
struct message {
	uint8_t key[16], text[88];
	uint32_t count, bearer, direction;
	uint64_t nbits;
	size_t len;
};

/* The xorshift generator starts anew for each sweep: so does the Python that gave the expected digests. */
static void draw(struct message *m, uint64_t *state, uint64_t nbits)
{
	uint8_t bytes[16 + 6 + 88];

	m->nbits = nbits;
	m->len = (size_t)(nbits + 7) / 8;
	for (size_t i = 0; i < 22 + m->len; i++) {
		*state ^= *state >> 12;
		*state ^= *state << 25;
		*state ^= *state >> 27;
		bytes[i] = (uint8_t)(*state * 0x2545f4914f6cdd1d >> 56);
	}
	memcpy(m->key, bytes, 16);
	m->count = (uint32_t)bytes[16] << 24 | (uint32_t)bytes[17] << 16 | (uint32_t)bytes[18] << 8 | bytes[19];
	m->bearer = bytes[20] & 31;
	m->direction = bytes[21] & 1;
	memcpy(m->text, bytes + 22, m->len);
}

static void test_eea3_every_length(void)
{
	uint64_t state = 0x9e3779b97f4a7c15;
	uint8_t digest[32], out[88 + 1];
	struct zuc_eea3 e;
	struct message m;
	struct sm3 all;

	sm3_init(&all);
	for (uint64_t nbits = 0; nbits <= 700; nbits++) {
		draw(&m, &state, nbits);
		memset(out, 0x77, sizeof(out));
		zuc_eea3_init(&e, m.key, m.count, m.bearer, m.direction);
		zuc_eea3_update(&e, m.text, out, nbits);
		CU_ASSERT(out[m.len] == 0x77);
		sm3_update(&all, out, m.len);
	}
	sm3_final(&all, digest);
	ASSERT_HEX(digest, 32, "21b025980448933569a7865289c019177cda1336ac049b4ad9a467f1daaa28ed");
}

static void test_eea3_pieces(void)
{
	uint8_t whole[88], out[88], same[88];
	struct zuc_eea3 e;
	struct message m;
	uint64_t state = 1;

	for (uint64_t nbits = 650; nbits <= 700; nbits++) {
		draw(&m, &state, nbits);
		zuc_eea3_init(&e, m.key, m.count, m.bearer, m.direction);
		zuc_eea3_update(&e, m.text, whole, nbits);
		for (size_t cut = 0; 8 * cut <= nbits; cut += 4) {
			zuc_eea3_init(&e, m.key, m.count, m.bearer, m.direction);
			zuc_eea3_update(&e, m.text, out, 8 * cut);
			zuc_eea3_update(&e, m.text + cut, out + cut, nbits - 8 * cut);
			ASSERT_SAME(out, whole, m.len);
			memcpy(same, m.text, m.len);
			zuc_eea3_init(&e, m.key, m.count, m.bearer, m.direction);
			zuc_eea3_update(&e, same, same, 8 * cut);
			zuc_eea3_update(&e, same + cut, same + cut, nbits - 8 * cut);
			ASSERT_SAME(same, whole, m.len);
		}
	}
}

/* -- 128-EIA3 ------------------------------------------------------------ */

static const struct {
	const char *key;
	uint32_t count, bearer, direction, nbits;
	const char *in, *mac;
} eia3_vectors[] = {
	{"47054125561eb2dda94059da05097850", 0x561eb2dd, 0x14, 0, 90, "000000000000000000000000", "6719a088"},
	{"00000000000000000000000000000000", 0x0, 0x0, 0, 1,
	 "00", "c8a9595e"},
	{"c9e6cec4607c72db000aefa88385ab0a", 0xa94059da, 0xa, 1, 577,
	 "983b41d47d780c9e1ad11d7eb70391b1de0b35da2dc62f83e7b78d6306ca0ea07e941b7be91348f9fcb170e2217fecd97f9f68adb16e5d7d"
	 "21e569d280ed775c"
	 "ebde3f4093c5388100", "fae8ff0b"},
	{"6b8b08ee79e0b5982d6d128ea9f220cb", 0x561eb2dd, 0x1c, 0, 5670,
	 "5bad724710ba1c56d5a315f8d40f6e093780be8e8de07b6992432018e08ed96a5734af8bad8a575d3a1f162f85045cc770925571d9f5b94e"
	 "454a77c16e72936b"
	 "f016ae157499f0543b5d52caa6dbeab697d2bb73e41b8075dce79b4b86044f661d4485a543dd78606e0419e8059859d3cb2b67ce0977603f"
	 "81ff839e33185954"
	 "4cfbc8d00fef1a4c8510fb547d6b06c611ef44f1bce107cfa45a06aab360152b28dc1ebe6f7fe09b0516f9a5b02a1bd84bb0181e2e89e19b"
	 "d8125930d178682f"
	 "3862dc51b636f04e720c47c3ce51ad70d94b9b2255fbae906549f499f8c6d39947ed5e5df8e2def113253e7b08d0a76b6bfc68c812f375c7"
	 "9b8fe5fd85976aa6"
	 "d46b4a2339d8ae5147f680fbe70f978b38effd7b2f7866a22554e193a94e98a68b74bd25bb2b3f5fb0a5fd59887f9ab68159b7178d5b7b67"
	 "7cb546bf41eadca2"
	 "16fc10850128f8bdef5c8d89f96afa4fa8b54885565ed838a950fee5f1c3b0a4f6fb71e54dfd169e82cecc7266c850e67c5ef0ba960f5214"
	 "060e71eb172a75fc"
	 "1486835cbea6534465b055c96a72e4105224182325d830414b40214daa8091d2e0fb010ae15c6de90850973bdf1e423be148a237b87a0c9f"
	 "34d4b47605b803d7"
	 "43a86a90399a4af396d3a1200a62f3d9507962e8e5bee6d3da2bb3f7237664ac7a292823900bc63503b29e80d63f6067bf8e1716ac25beba"
	 "350deb62a99fe031"
	 "85eb4f69937ecd387941fda544ba67db0911774938b01827bcc69c92b3f772a9d2859ef003398b1f6bbad7b574f7989a1d10b2df798e0dbf"
	 "30d6587464d24878"
	 "cd00c0eaee8a1a0cc753a27979e11b41db1de3d5038afaf49f5c682c3748d8a3a9ec54e6a371275f1683510f8e4f90938f9ab6e134c2cfdf"
	 "4841cba88e0cff2b"
	 "0bcc8e6adcb71109b5198fecf1bb7e5c531aca50a56a8a3b6de59862d41fa113d9cd957808f08571d9a4bb792af271f6cc6dbb8dc7ec36e3"
	 "6be1ed308164c31c"
	 "7c0afc541c", "0ca12792"},
};

static void test_eia3(void)
{
	for (size_t i = 0; i < sizeof(eia3_vectors) / sizeof(eia3_vectors[0]); i++) {
		uint8_t key[16], mac[4], text[800];
		struct zuc_eia3 e;

		unit_hex(eia3_vectors[i].in, text);
		unit_hex(eia3_vectors[i].key, key);
		zuc_eia3_init(&e, key, eia3_vectors[i].count, eia3_vectors[i].bearer, eia3_vectors[i].direction);
		zuc_eia3_update(&e, text, eia3_vectors[i].nbits);
		zuc_eia3_final(&e, mac);
		ASSERT_HEX(mac, 4, eia3_vectors[i].mac);
	}
}

static void mac_of(const struct message *m, uint8_t mac[4])
{
	struct zuc_eia3 e;

	zuc_eia3_init(&e, m->key, m->count, m->bearer, m->direction);
	zuc_eia3_update(&e, m->text, m->nbits);
	zuc_eia3_final(&e, mac);
}

static void test_eia3_every_length(void)
{
	uint64_t state = 0x9e3779b97f4a7c15;
	uint8_t digest[32], mac[4];
	struct message m;
	struct sm3 all;

	sm3_init(&all);
	for (uint64_t nbits = 0; nbits <= 700; nbits++) {
		draw(&m, &state, nbits);
		mac_of(&m, mac);
		sm3_update(&all, mac, 4);
	}
	sm3_final(&all, digest);
	ASSERT_HEX(digest, 32, "be68be827d9b215081ab26323725244cac54af0f607f296cd534a7a0b405cf29");
}

static void test_eia3_pieces(void)
{
	uint8_t whole[4], mac[4];
	struct zuc_eia3 e;
	struct message m;
	uint64_t state = 1;

	for (uint64_t nbits = 600; nbits <= 700; nbits++) {
		draw(&m, &state, nbits);
		mac_of(&m, whole);
		for (size_t cut = 0; 8 * cut <= nbits; cut += 4) {
			zuc_eia3_init(&e, m.key, m.count, m.bearer, m.direction);
			zuc_eia3_update(&e, m.text, 8 * cut);
			zuc_eia3_update(&e, m.text + cut, nbits - 8 * cut);
			zuc_eia3_update(&e, m.text, 0);
			zuc_eia3_final(&e, mac);
			ASSERT_SAME(mac, whole, 4);
		}
	}
}

static void test_eia3_ignores_the_rest(void)
{
	uint8_t whole[4], mac[4];
	struct message m;
	uint64_t state = 1;

	for (uint64_t nbits = 1; nbits <= 64; nbits++) {
		draw(&m, &state, nbits);
		mac_of(&m, whole);
		if (nbits % 8) {
			m.text[m.len - 1] ^= (uint8_t)(0xff >> nbits % 8);
			mac_of(&m, mac);
			ASSERT_SAME(mac, whole, 4);
		}
		for (size_t bit = 0; bit < nbits; bit++) {
			m.text[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
			mac_of(&m, mac);
			CU_ASSERT(memcmp(mac, whole, 4) != 0);
			m.text[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		}
	}
}

static void test_eia3_wipes(void)
{
	static const struct zuc_eia3 zero;
	uint8_t key[16] = {0}, mac[4];
	struct zuc_eia3 e;

	zuc_eia3_init(&e, key, 0, 0, 0);
	zuc_eia3_update(&e, key, 37);
	zuc_eia3_final(&e, mac);
	ASSERT_SAME(&e, &zero, sizeof(e));
}

static const struct unit_case cases[] = {
	{"ZUC gives the keystreams of GM/T 0001.1 appendix A", test_keystream},
	{"ZUC gives word 2000 of test 4, all at once and one by one", test_long_keystream},
	{"EEA3 gives the values of GM/T 0001.2 and takes them back", test_eea3},
	{"EEA3 agrees with an independent implementation at 0 to 700 bits", test_eea3_every_length},
	{"EEA3 in pieces, in place, is EEA3 in one", test_eea3_pieces},
	{"EIA3 gives the values of GM/T 0001.3", test_eia3},
	{"EIA3 agrees with an independent implementation at 0 to 700 bits", test_eia3_every_length},
	{"EIA3 in pieces is EIA3 in one", test_eia3_pieces},
	{"EIA3 sees every bit of the message and none behind it", test_eia3_ignores_the_rest},
	{"EIA3 leaves its context wiped", test_eia3_wipes},
	{0},
};

UNIT_MAIN("zuc", cases)
