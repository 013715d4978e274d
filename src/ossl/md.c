/* SPDX-License-Identifier: Apache-2.0 */
/* MD5 by libcrypto's plain functions, as src/crypto/hash.c has SHA-1: the state is memory, which a context's copy takes along. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "ossl/md.h"

#include <openssl/objects.h>
#include <string.h>
#include <strings.h>

#include "base/secret.h"

static const struct md_choice md5_sha1 = {HASH_SHA1, true};

int md_choose(const struct provider *provider, const char *name, struct md_choice *choice)
{
	enum hash_id hash = hash_of_name(name);

	if (hash == HASH_NONE && strcasecmp(name, "MD5-SHA1") != 0)
		return fail(provider, REASON_PARAMETER, "the message digest \"%s\" is none that hufu signs", name);
	*choice = hash == HASH_NONE ? md5_sha1 : (struct md_choice){.hash = hash};
	return 1;
}

bool md_same(struct md_choice a, struct md_choice b)
{
	return a.hash == b.hash && a.behind_md5 == b.behind_md5;
}

size_t md_len(struct md_choice choice)
{
	return hash_len(choice.hash) + (choice.behind_md5 ? MD5_DIGEST_LENGTH : 0);
}

const char *md_name(struct md_choice choice)
{
	if (choice.hash == HASH_NONE)
		return "";
	return choice.behind_md5 ? "MD5-SHA1" : hash_name(choice.hash);
}

int md_nid(struct md_choice choice)
{
	static const int nids[HASH_COUNT] = {
		[HASH_SM3] = NID_sm3, [HASH_SHA1] = NID_sha1, [HASH_SHA224] = NID_sha224, [HASH_SHA256] = NID_sha256,
		[HASH_SHA384] = NID_sha384, [HASH_SHA512] = NID_sha512, [HASH_SHA512_224] = NID_sha512_224,
		[HASH_SHA512_256] = NID_sha512_256, [HASH_SHA3_224] = NID_sha3_224, [HASH_SHA3_256] = NID_sha3_256,
		[HASH_SHA3_384] = NID_sha3_384, [HASH_SHA3_512] = NID_sha3_512,
	};

	return choice.behind_md5 ? NID_md5_sha1 : nids[choice.hash];
}

int md_begin(const struct provider *provider, struct md *md, struct md_choice choice)
{
	if (hash_init(&md->hash, choice.hash) != HUFU_OK)
		return fail(provider, REASON_INTERNAL, "%s cannot be computed here", md_name(choice));
	if (choice.behind_md5)
		MD5_Init(&md->md5);
	md->choice = choice;
	md->begun = true;
	return 1;
}

void md_update(struct md *md, const void *data, size_t len)
{
	hash_update(&md->hash, data, len);
	if (md->choice.behind_md5)
		MD5_Update(&md->md5, data, len);
}

void md_final(struct md *md, uint8_t digest[MD_LEN_MAX])
{
	if (md->choice.behind_md5)
		MD5_Final(digest, &md->md5);
	hash_final(&md->hash, digest + (md->choice.behind_md5 ? MD5_DIGEST_LENGTH : 0));
	md_clear(md);
}

void md_clear(struct md *md)
{
	hash_clear(&md->hash);
	secret_wipe(md, sizeof *md);
}

bool md_copy(struct md *to, const struct md *from)
{
	if (from->begun && hash_copy(&to->hash, &from->hash) != HUFU_OK)
		return false;
	to->begun = from->begun;
	to->choice = from->choice;
	to->md5 = from->md5;
	return true;
}
