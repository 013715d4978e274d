/* SPDX-License-Identifier: Apache-2.0 */
/* What a shared library exports, without loading it. Its bytes are as much to be trusted as its code: not at all. */
#include "tools/qualify/judge.h"

#include <elf.h>
#include <link.h>
#include <string.h>

struct image {
	const unsigned char *bytes;
	size_t len;
};

/* n bytes from there, aligned for what is read from them; NULL: they are not all in the file. */
static const void *at(const struct image *i, uint64_t offset, uint64_t n)
{
	return offset <= i->len && n <= i->len - offset && offset % sizeof(void *) == 0 ? i->bytes + offset : NULL;
}

static bool named(const struct image *i, const ElfW(Shdr) *strings, uint32_t offset, const char *name)
{
	size_t len = strlen(name) + 1;
	const char *text =
	        offset < strings->sh_size && strings->sh_offset <= i->len && strings->sh_size <= i->len - strings->sh_offset
	                ? (const char *)i->bytes + strings->sh_offset + offset
	                : NULL;

	return text && strings->sh_size - offset >= len && !memcmp(text, name, len);
}

static bool has(const struct image *i, const ElfW(Shdr) *symbols, const ElfW(Shdr) *strings, const char *name)
{
	const ElfW(Sym) *symbol = at(i, symbols->sh_offset, symbols->sh_size);

	for (uint64_t n = symbol ? symbols->sh_size / sizeof *symbol : 0; n; n--, symbol++)
		if (symbol->st_shndx != SHN_UNDEF && named(i, strings, symbol->st_name, name))
			return true;
	return false;
}

bool elf_exports(const void *bytes, size_t len, const char *name)
{
	struct image i = {bytes, len};
	const ElfW(Ehdr) *header = at(&i, 0, sizeof *header);
	const ElfW(Shdr) *sections;

	if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 || header->e_shentsize != sizeof *sections)
		return false;
	sections = at(&i, header->e_shoff, (uint64_t)header->e_shnum * sizeof *sections);
	for (unsigned s = 0; sections && s < header->e_shnum; s++)
		if (sections[s].sh_type == SHT_DYNSYM && sections[s].sh_link < header->e_shnum &&
		    has(&i, &sections[s], &sections[sections[s].sh_link], name))
			return true;
	return false;
}
