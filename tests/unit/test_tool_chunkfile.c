/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: hufu-file/1 gives back the file, and nothing that was changed, cut, moved or mixed passes. */
#include "tools/chunkfile.h"
#include "unit.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/mman.h>
#include <unistd.h>

/* AES-128-GCM of libcrypto stands in for the token. */
static const unsigned char key[16] = "0123456789abcdef";

static CK_RV seal(void *arg, const unsigned char *iv, const unsigned char *aad, const unsigned char *in, size_t len,
                  unsigned char *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n;

	(void)arg;
	bool good = EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, key, iv) &&
	            EVP_EncryptUpdate(ctx, NULL, &n, aad, CHUNKFILE_AAD_LEN) && EVP_EncryptUpdate(ctx, out, &n, in, (int)len) &&
	            EVP_EncryptFinal_ex(ctx, out + len, &n) && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, out + len);
	EVP_CIPHER_CTX_free(ctx);
	return good ? CKR_OK : CKR_GENERAL_ERROR;
}

static CK_RV open_chunk(void *arg, const unsigned char *iv, const unsigned char *aad, const unsigned char *in, size_t len,
                        unsigned char *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n, text = (int)len - 16;

	(void)arg;
	bool good = EVP_DecryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, key, iv) &&
	            EVP_DecryptUpdate(ctx, NULL, &n, aad, CHUNKFILE_AAD_LEN) && EVP_DecryptUpdate(ctx, out, &n, in, text) &&
	            EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, (void *)(size_t)(in + text)) &&
	            EVP_DecryptFinal_ex(ctx, out + text, &n) > 0;
	EVP_CIPHER_CTX_free(ctx);
	return good ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID;
}

static CK_RV draw(void *arg, unsigned char *out, size_t len)
{
	(void)arg;
	return RAND_bytes(out, (int)len) == 1 ? CKR_OK : CKR_RANDOM_NO_RNG;
}

static const struct chunkfile_aead aead = {CHUNKFILE_AES, NULL, seal, open_chunk, draw};

struct blob {
	unsigned char *data;
	size_t len;
};

static int file_of(const unsigned char *data, size_t len)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	return fd;
}

static struct blob content(int fd)
{
	struct blob b = {.len = (size_t)lseek(fd, 0, SEEK_END)};

	b.data = malloc(b.len + 1);
	if (pread(fd, b.data, b.len, 0) != (ssize_t)b.len)
		abort();
	close(fd);
	return b;
}

static enum status convert(bool encrypt, const unsigned char *data, size_t len, struct blob *result)
{
	struct input in = {.fd = file_of(data, len), .name = "test"};
	struct output out = {.fd = memfd_create("out", MFD_CLOEXEC)};
	enum status status = encrypt ? chunkfile_encrypt(&aead, &in, &out) : chunkfile_decrypt(&aead, &in, &out);

	close(in.fd);
	*result = content(out.fd);
	return status;
}

static struct blob plain(size_t len)
{
	struct blob b = {malloc(len + 1), len};

	RAND_bytes(b.data, (int)len);
	return b;
}

static void test_round_trip(void)
{
	static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 131072, 200000};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct blob text = plain(sizes[i]), sealed, opened;
		size_t chunks = sizes[i] ? (sizes[i] + CHUNKFILE_PLAIN - 1) / CHUNKFILE_PLAIN : 1;

		CU_ASSERT_EQUAL(convert(true, text.data, text.len, &sealed), ST_OK);
		CU_ASSERT_EQUAL(sealed.len, CHUNKFILE_HEADER_LEN + sizes[i] + chunks * (CHUNKFILE_IV_LEN + CHUNKFILE_TAG_LEN));
		CU_ASSERT_EQUAL(convert(false, sealed.data, sealed.len, &opened), ST_OK);
		CU_ASSERT(opened.len == text.len && !memcmp(opened.data, text.data, text.len));
		free(text.data);
		free(sealed.data);
		free(opened.data);
	}
}

/* Refused, and what came out before is the beginning of the plaintext. */
static void refused(const struct blob *text, const unsigned char *sealed, size_t len)
{
	struct blob opened;

	CU_ASSERT_EQUAL(convert(false, sealed, len, &opened), ST_INTEGRITY);
	CU_ASSERT(opened.len < text->len + (text->len == 0) && !memcmp(opened.data, text->data, opened.len));
	CU_ASSERT(opened.len % CHUNKFILE_PLAIN == 0);
	free(opened.data);
}

static void test_truncation(void)
{
	struct blob text = plain(3 * CHUNKFILE_PLAIN), sealed;
	const size_t chunk = CHUNKFILE_SEALED, header = CHUNKFILE_HEADER_LEN;
	const size_t cuts[] = {0, 5, 11, 12, 31, header, header + 1, header + 27, header + 28, header + 29, header + chunk - 1,
	                       header + chunk, header + chunk + 1, header + 2 * chunk, header + 2 * chunk + 40,
	                       header + 3 * chunk - 1};

	CU_ASSERT_EQUAL_FATAL(convert(true, text.data, text.len, &sealed), ST_OK);
	for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++)
		refused(&text, sealed.data, cuts[i]);
	free(text.data);
	free(sealed.data);
}

static void test_changes(void)
{
	struct blob text = plain(2 * CHUNKFILE_PLAIN + 100), sealed;

	CU_ASSERT_EQUAL_FATAL(convert(true, text.data, text.len, &sealed), ST_OK);
	const size_t places[] = {
		0, 11, 12, 13, 14, 15, 16, 31, 32, 43, 44, 1000, CHUNKFILE_HEADER_LEN + CHUNKFILE_SEALED - 1, sealed.len - 1};
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		sealed.data[places[i]] ^= 0x10;
		refused(&text, sealed.data, sealed.len);
		sealed.data[places[i]] ^= 0x10;
	}
	sealed.data[sealed.len] = 0; /* room for it was made */
	refused(&text, sealed.data, sealed.len + 1);
	free(text.data);
	free(sealed.data);
}

static void test_order(void)
{
	struct blob text = plain(3 * CHUNKFILE_PLAIN), sealed, other;
	unsigned char *first, *second, *spare = malloc(CHUNKFILE_SEALED);

	CU_ASSERT_EQUAL_FATAL(convert(true, text.data, text.len, &sealed), ST_OK);
	CU_ASSERT_EQUAL_FATAL(convert(true, text.data, text.len, &other), ST_OK);
	first = sealed.data + CHUNKFILE_HEADER_LEN;
	second = first + CHUNKFILE_SEALED;
	memcpy(spare, second, CHUNKFILE_SEALED);
	memcpy(second, first, CHUNKFILE_SEALED);
	refused(&text, sealed.data, sealed.len);                                /* repeated */
	memcpy(first, spare, CHUNKFILE_SEALED);
	refused(&text, sealed.data, sealed.len);                                /* swapped */
	memcpy(first, second, CHUNKFILE_SEALED);
	memcpy(second, other.data + CHUNKFILE_HEADER_LEN + CHUNKFILE_SEALED, CHUNKFILE_SEALED);
	refused(&text, sealed.data, sealed.len);                                /* of another file, same text and key */
	memmove(second, second + CHUNKFILE_SEALED, CHUNKFILE_SEALED);
	refused(&text, sealed.data, sealed.len - CHUNKFILE_SEALED);             /* left out */
	free(spare);
	free(text.data);
	free(sealed.data);
	free(other.data);
}

static const struct unit_case cases[] = {
	{"files of any length come back, at the length that the format says", test_round_trip},
	{"a file cut anywhere is refused; only whole authentic chunks come out", test_truncation},
	{"a bit changed anywhere, or a byte appended, is refused", test_changes},
	{"chunks repeated, swapped, left out or taken from another file are refused", test_order},
	{0},
};
UNIT_MAIN("tool_chunkfile", cases)
