/* SPDX-License-Identifier: Apache-2.0 */
/* Claim: a PIN is taken only from where nobody else could have read it, and never from a URI. */
#include "base/secret.h"
#include "tools/pin.h"
#include "tools/report.h"
#include "tools/selector.h"
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/hufu-test-pin.XXXXXX";

static const char *file(const char *name, const char *text, mode_t mode)
{
	static char path[256];
	static bool made; /* the name alone does not tell: it may end in an X of its own */

	if (!made && !mkdtemp(dir))
		abort();
	made = true;
	snprintf(path, sizeof path, "%s/%s", dir, name);
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fchmod(fd, mode))
		abort();
	close(fd);
	return path;
}

static void expect(const char *path, const char *want)
{
	struct pin pin = {0};

	CU_ASSERT_EQUAL(pin_from_file(path, &pin), want ? ST_OK : ST_AUTH);
	if (want && pin.bytes) {
		CU_ASSERT_EQUAL(pin.len, strlen(want));
		CU_ASSERT(pin.len == strlen(want) && !memcmp(pin.bytes, want, pin.len));
	}
	pin_clear(&pin);
	unlink(path);
}

static void test_first_line(void)
{
	expect(file("a", "1234\n", 0600), "1234");
	expect(file("b", "1234", 0400), "1234");
	expect(file("c", "12 34\r\nsecond\n", 0600), "12 34");
}

static void test_open_to_others(void)
{
	static const mode_t modes[] = {0640, 0604, 0660, 0602, 0620, 0644, 0601};

	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		expect(file("open", "1234\n", modes[i]), NULL);
}

static void test_not_a_pin(void)
{
	char *longest = malloc(PIN_MAX + 3);

	expect(file("empty", "", 0600), NULL);
	expect(file("blank", "\n1234\n", 0600), NULL);
	expect("/nonexistent/pin", NULL);
	expect("/tmp", NULL);
	memset(longest, 'a', PIN_MAX + 1);
	longest[PIN_MAX] = 0;
	expect(file("long", longest, 0600), longest);
	longest[PIN_MAX] = 'a';
	longest[PIN_MAX + 1] = 0;
	expect(file("longer", longest, 0600), NULL);
	free(longest);
}

static void test_fd_takes_one_line(void)
{
	struct pin pin;
	int fds[2];

	CU_ASSERT_FATAL(pipe(fds) == 0 && write(fds[1], "first\nsecond\n", 13) == 13);
	close(fds[1]);
	CU_ASSERT(pin_from_fd(fds[0], "pipe", &pin) == ST_OK && pin.len == 5 && !memcmp(pin.bytes, "first", 5));
	pin_clear(&pin);
	CU_ASSERT(pin_from_fd(fds[0], "pipe", &pin) == ST_OK && pin.len == 6 && !memcmp(pin.bytes, "second", 6));
	pin_clear(&pin);
	CU_ASSERT_EQUAL(pin_from_fd(fds[0], "pipe", &pin), ST_AUTH);
	pin_clear(&pin);
	close(fds[0]);
}

static enum status select_uri(const char *uri, char **pin_source)
{
	struct selector s;
	enum status status = selector_init(&(struct args){0}, uri, SELECT_OBJECT, &s);

	if (pin_source)
		*pin_source = s.pin_source ? strdup(s.pin_source) : NULL;
	selector_clear(&s);
	return status;
}

static void test_uri(void)
{
	char *source;

	CU_ASSERT_EQUAL(select_uri("pkcs11:token=t;object=k?pin-value=1234", NULL), ST_USAGE);
	CU_ASSERT_EQUAL(select_uri("pkcs11:token=t?pin-value=", NULL), ST_USAGE);
	CU_ASSERT_EQUAL(select_uri("pkcs11:token=t?pin-source=|cat%20pin", NULL), ST_USAGE);
	CU_ASSERT_EQUAL(select_uri("pkcs11:token=t?pin-source=relative", NULL), ST_USAGE);
	CU_ASSERT_EQUAL(select_uri("pkcs11:tokken=t", NULL), ST_USAGE);
	CU_ASSERT_EQUAL(select_uri("pkcs11:token=%zz", NULL), ST_USAGE);
	CU_ASSERT_EQUAL(select_uri("pkcs11:object=k?pin-source=file:/a/b", &source), ST_OK);
	CU_ASSERT(source && !strcmp(source, "/a/b"));
	free(source);
	CU_ASSERT_EQUAL(select_uri("pkcs11:object=k?pin-source=file:///a/b", &source), ST_OK);
	CU_ASSERT(source && !strcmp(source, "/a/b"));
	free(source);
}

static void test_label_is_attribute(void)
{
	struct selector s;
	CK_ULONG n;

	CU_ASSERT_EQUAL_FATAL(selector_init(&(struct args){0}, "my key", SELECT_OBJECT, &s), ST_OK);
	const CK_ATTRIBUTE *attrs = selector_attributes(&s, &n);
	CU_ASSERT(n == 1 && attrs[0].type == CKA_LABEL && attrs[0].ulValueLen == 6 && !memcmp(attrs[0].pValue, "my key", 6));
	CU_ASSERT_FALSE(selector_names_token(&s));
	selector_clear(&s);
}

static void test_token_match(void)
{
	struct module m = {0};
	struct slot slot = {.present = true, .id = 7};
	struct selector s;

	memset(slot.token.label, ' ', sizeof slot.token.label);
	memcpy(slot.token.label, "trading", 7);
	CU_ASSERT_EQUAL_FATAL(selector_init(&(struct args){0}, "trading", SELECT_TOKEN, &s), ST_OK);
	CU_ASSERT(selector_names_token(&s) && selector_match_slot(&s, &m, &slot));
	slot.token.label[7] = '2';
	CU_ASSERT_FALSE(selector_match_slot(&s, &m, &slot));
	selector_clear(&s);
	CU_ASSERT_EQUAL(selector_init(&(struct args){0}, "a label that is longer than 32 bytes", SELECT_TOKEN, &s), ST_USAGE);
	selector_clear(&s);
	CU_ASSERT_EQUAL_FATAL(selector_init(&(struct args){0}, "pkcs11:slot-id=7", SELECT_TOKEN, &s), ST_OK);
	CU_ASSERT(selector_match_slot(&s, &m, &slot));
	slot.id = 8;
	CU_ASSERT_FALSE(selector_match_slot(&s, &m, &slot));
	selector_clear(&s);
}

static void test_uri_round_trip(void)
{
	CK_TOKEN_INFO token;
	CK_OBJECT_CLASS class = CKO_SECRET_KEY, *got;
	unsigned char id[] = {0, 0xff, ';'};
	CK_ATTRIBUTE attrs[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, "k;=?", 4}, {CKA_ID, id, sizeof id}};
	struct selector s;
	CK_ULONG n;

	memset(&token, ' ', sizeof token);
	memcpy(token.label, "t/1", 3);
	memcpy(token.serialNumber, "0001", 4);
	char *uri = uri_of_object(&token, attrs, 3);
	CU_ASSERT_PTR_NOT_NULL_FATAL(uri);
	CU_ASSERT_EQUAL_FATAL(selector_init(&(struct args){0}, uri, SELECT_OBJECT, &s), ST_OK);
	const CK_ATTRIBUTE *back = selector_attributes(&s, &n);
	CU_ASSERT_EQUAL(n, 3);
	for (CK_ULONG i = 0; i < n; i++) {
		got = back[i].pValue;
		CU_ASSERT(back[i].type != CKA_CLASS || *got == CKO_SECRET_KEY);
		CU_ASSERT(back[i].type != CKA_ID || (back[i].ulValueLen == sizeof id && !memcmp(back[i].pValue, id, sizeof id)));
		CU_ASSERT(back[i].type != CKA_LABEL || (back[i].ulValueLen == 4 && !memcmp(back[i].pValue, "k;=?", 4)));
	}
	selector_clear(&s);
	free(uri);
	rmdir(dir);
	CU_ASSERT_EQUAL(secret_in_use(), 0);
}

static const struct unit_case cases[] = {
	{"a PIN is the first line of its file, without the line's end", test_first_line},
	{"a PIN file that group or others can touch is refused", test_open_to_others},
	{"no PIN, too long a PIN, no file, a directory: refused", test_not_a_pin},
	{"a descriptor gives one line and keeps the next", test_fd_takes_one_line},
	{"a URI with a PIN is refused, so is any pin-source but an absolute file", test_uri},
	{"a plain word is an object's label", test_label_is_attribute},
	{"a token is matched by whole label or slot, never by prefix", test_token_match},
	{"URIs of objects find the same object again; no secret memory is left", test_uri_round_trip},
	{0},
};
UNIT_MAIN("tool_pin", cases)
