#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: hufu driver qualify finds the emulated cards clean and names every
# fault of the careless library, survives whatever a library does, and writes a
# profile that fits.
. "$(dirname "$0")/lib.sh"
need jq
cards=$top_builddir/tests/cards
# As root the library runs as nobody: it has to get at the library, and at nothing else here.
chmod 711 "$work"
cd "$work" || exit 99

library() { cp "$cards/.libs/$1.so" "$work/$1.so" && chmod 755 "$work/$1.so"; }
qualify() { local library=$1; shift; "$HUFU" driver qualify "$library" --report "$work/report" --timeout 20 "$@"; }
# A finding of this result in this chapter whose text holds the words.
found() { jq -e --arg c "$1" --arg r "$2" --arg t "$3" '[.chapters[] | select(.id == $c).checks[] | select(.result == $r and (.text | contains($t)))] | length > 0' report/report.json; }
faults() { jq -r '.counts.fault' report/report.json; }

# -- the careless library ---------------------------------------------------------------
library careless
told() { printf '%s' "$1" >careless.so.faults; chmod 644 careless.so.faults; }
(umask 077; printf careless >password)

check "well, the careless library is clean" qualify ./careless.so
check "a table for people says so" contains "layouts *pass" out
check "the report is JSON of the documented shape" jq -e '.schema == "hufu-qualify/1" and (.chapters | length) >= 15 and .counts.fault == 0' report/report.json
check "and a page that fetches nothing and runs nothing" absent -i -e '<script' -e 'href="http' -e 'src=' report/report.html
check "with a plot, or a word on how to get one" contains -e '<svg' -e gnuplot-nox report/report.html
check "the 15 tests of GM/T 0005 pass" found random pass "all 26 rows"
check "the profile that was written fits" qualify ./careless.so --profile report/careless.conf --chapters layouts,answers,sizes
check "with its password, rights are what they are" qualify ./careless.so --chapters rights --index 3 --password-file password

check "--full calls more, and waits for longer" qualify ./careless.so --full --threads 2 --idle 2 --chapters cross,threads,late,idle
check "by many threads' calls" found threads pass "2 threads, a session each: 10000 SM2 signatures, none wrong"
check "over a longer time" found late pass "within 5000 ms"
check_status 6 "where no call of the profile takes a configuration" qualify ./careless.so --open-config /nowhere --chapters open
check "what to do is told" found open fault "the profile names no call that takes it"

# WORD, options, chapter, result, words of the finding
names() {
	local word=$1 options=$2 chapter=$3 result=$4 text=$5 want=6
	[ "$result" = fault ] || want=0
	told "$word"
	# shellcheck disable=SC2086
	check_status $want "$word: the exit code" qualify ./careless.so --chapters "$chapter" $options
	check "$word is named" found "$chapter" "$result" "$text"
}
names oversize "" layouts fault "422 bytes are written to an ECCCipher of 180"
check "oversize: with the profile that was written it is a quirk" qualify ./careless.so --profile report/careless.conf --chapters layouts
names minus-one "" errors fault "0xffffffff for all of"
names private "" errors fault "0x80000008 is in neither the standard nor the profile"
check "private: with the profile that was written the codes are known" qualify ./careless.so --profile report/careless.conf --chapters errors
names racy "" reconnect fault "one handle was given to two"
check "a device each is tried when asked for" qualify ./careless.so --chapters threads-devices
check "and goes well" found threads-devices pass "8 threads, a device each"
written() { contains "$1 = $2" report/careless.conf; }
check "sessions, which are better, stay in the profile" written concurrency sessions
names together=crash "" threads fault "in SDF_InternalSign_ECC"
check "together=crash: the profile that was written knows" written concurrency none
check_status 6 "together=crash: a device each is tried then" qualify ./careless.so --chapters threads,threads-devices
check "together=crash: and goes well" found threads-devices pass "8 threads, a device each"
check "together=crash: which the profile knows" written concurrency devices
names together=crash "" performance fault "in SDF_InternalSign_ECC"
check "together=crash: the profile knows it from there, too" written concurrency none
names together=crash "" reconnect fault "was ended by signal 6"
check "together=crash: beside it, nothing is opened" written open_exclusive true
names together=hang "--timeout 5" threads fault "SDF_InternalSign_ECC did not return within 5 s"
check "together=hang: the profile knows" written concurrency none
names sessions=1 "" threads skipped "fewer than two threads can have a session each"
check "sessions=1: all that takes several is skipped" qualify ./careless.so --chapters sizes,threads,threads-devices,reconnect
check "sessions=1: and nothing of it passes" is_equal \
	"$(jq '[.chapters[] | select(.id | IN("threads", "threads-devices", "reconnect")).checks[] | select(.result == "pass")] | length' report/report.json)" 0
check "sessions=1: nor is anything learnt of it" written concurrency sessions
told ""
check "of three threads, two are measured" qualify ./careless.so --threads 3 --chapters performance
check "which is what is told" found performance info "/s by 2"
names sessions=3 "--threads 8" performance info "/s by 2"
check "sessions=3: the table names as many as were measured" jq -e \
	'.chapters[0].tables["Calls a second"] | length == 4 and all(.[1:][]; .[3] == "2")' report/report.json
names late "" late fault "SDF_InternalSign_ECC: "
names stacks "--index 3 --password-file password" rights fault "wants two releases"
names session-rights "--index 3 --password-file password" rights pass "counts for its session alone"
names iv-kept "" chaining fault "the IV is not updated"
check "iv-kept: with the profile that was written it is a quirk" qualify ./careless.so --profile report/careless.conf --chapters chaining
names sessions=10 "" sizes quirk "10 sessions are open at a time"
names idle=1000 "--idle 4" idle fault "is of no use any more"
told ""
qualify ./careless.so --chapters leaks >out 2>&1
if found leaks skipped "under a sanitizer" >/dev/null; then
	skip "what leaks is named" "a sanitizer keeps memory that was given back"
else
	names leak "" leaks fault "sessions opened and closed: 4"
	told ""
	check "a key that does not sign" qualify ./careless.so --index 3 --chapters leaks
	check "is not known to leak nothing" found leaks skipped "signatures: not tried, since the first failed: SDR_PRKRERR"
fi
# The pair at the third index signs for nobody who has not its password.
check "a key that does not sign has no late signature" qualify ./careless.so --index 3 --chapters late
check "which is told" found late skipped "SDF_InternalSign_ECC: no call of it succeeded (SDR_PRKRERR"
check "but random numbers do" found late pass SDF_GenerateRandom
names stuck "" random fault "repeat every 16 bytes"
check "stuck: no test of randomness is wasted on it" found random skipped "do not repeat"
names wrong=20 "" cross fault "10 of 200 wrong"
names "" "" answers pass "SM4-GCM, RFC 8998 A.1, opened with its tag, and refused"
names any-tag "" answers fault "opened with a tag that is wrong in a bit: it is accepted"
check "any-tag: the profile that was written does not offer it" written sm4_gcm 0x00000000
names leaky "" answers quirk "the text is written nonetheless"
names hang=SDF_CloseDevice "--timeout 5" reconnect fault "SDF_CloseDevice did not return within 5 s"
names hang=SDF_InternalSign_ECC "--timeout 5" late fault "SDF_InternalSign_ECC did not return within 5 s"
told hang=SDF_InternalSign_ECC
check_status 6 "a hang ends its chapter alone" qualify ./careless.so --chapters layouts,cross,open --timeout 5
check "the next chapters go on without the function" found cross skipped "the device signs, software verifies"
check "and end well" found open pass "opened again"
told hang=SDF_OpenDevice
check_status 6 "where nothing opens, every chapter says so" qualify ./careless.so --chapters open,answers,errors --timeout 5
check "once" is_equal "$(jq '[.chapters[].checks[] | select(.id == "hang")] | length' report/report.json)" 1

# -- a judge who does not stay to the end -------------------------------------------------
# Not by a function: the process is the judge itself.
judge() {
	"$HUFU" driver qualify ./careless.so --report "$work/report" --timeout 600 --chapters open,answers >judge.out 2>&1 &
	judge=$!
	pids="$pids $judge"
}
# Whose memory is whose, only root sees.
in_the_library() {
	examiner=$(ps -o pid= --ppid "$judge" | tr -d ' ') && [ -n "$examiner" ] || return 1
	[ "$(id -u)" != 0 ] || grep -q careless.so "/proc/$examiner/maps"
}
judge
check "an examiner hangs" wait_for in_the_library
kill -KILL "$judge"
wait "$judge" 2>/dev/null
check "with its judge killed, it does not outlive him" wait_for gone "${examiner:-$$}"
judge
check "another one hangs" wait_for in_the_library
kill -HUP "$judge"
wait "$judge"
check "a judge whose terminal goes stops, and says that it is not all" is_equal $? 5
check "the examiner is gone" wait_for gone "${examiner:-$$}"
check "the report is there" found open skipped "stopped by the user"
rm careless.so.faults

# -- what is no library ---------------------------------------------------------------------
check_status 1 "a text is no library" qualify /etc/passwd
check_status 2 "what is not there: 2" qualify ./nothing.so
check_status 1 "an unknown chapter: 1" qualify ./careless.so --chapters nonsense
check_status 4 "an unknown profile: 4" qualify ./careless.so --profile no-such-profile
cp "$MODULE" other.so && chmod 755 other.so
check_status 6 "a library without SDF functions is told so" qualify ./other.so --chapters symbols
check "by name" found symbols fault "SDF_OpenDevice is missing"

if [ "$(id -u)" = 0 ]; then
	mkdir -m 700 private && cp careless.so private/
	check_status 6 "root's own library is not open to nobody" qualify private/careless.so
	check "which is told, with what to do" found symbols fault "--user"
	check "once" is_equal "$(faults)" 1
	check "and with --user it is" qualify private/careless.so --user root --chapters symbols,open
fi

# -- a library that is out for the judge -----------------------------------------------------
if command -v cc >/dev/null; then
	cat >hostile.c <<'C'
#include <string.h>
#include <unistd.h>
static const char line[] = "{\"t\":\"check\",\"id\":\"<script>\",\"result\":\"fault\",\"text\":\"\\u001b[2J<script>\"}\n"
	"{\"t\":\"fact\",\"key\":\"width\",\"value\":1e99}\n{\"t\":\"row\",\"table\":\"x\",\"cells\":[1,null]}\n"
	"{\"t\":\"point\",\"plot\":\"\\\"; system 'touch spoilt'\",\"series\":\"s\",\"x\":1,\"y\":2}\nno line of JSON\n";
__attribute__((constructor)) static void start(void)
{
	for (int fd = 0; fd < 64; fd++)
		(void)!write(fd, line, strlen(line));
}
int SDF_OpenDevice(void **d) { _exit(0); *d = 0; return 0; }
C
	check "a hostile library" cc -shared -fPIC -o hostile.so hostile.c
	chmod 755 hostile.so
	check_status 6 "is told to be none" qualify ./hostile.so --chapters symbols,open,layouts
	check "by what it wrote" found symbols fault "is no report"
	check_status 6 "every chapter of --full comes to its end with it" qualify ./hostile.so --full --idle 1
	check "the one that is not quick, too" found idle fault "is no report"
	check "its words reach no terminal as they are" absent "$(printf '\033')" out
	check "nor the page" absent -i '<script' report/report.html
	check "nor gnuplot" is_equal "$(find . -name spoilt)" ""
	check "and the profile is well" grep -q 'field_bytes = 64' report/hostile.conf

	cat >slow.c <<'C'
#include <signal.h>
#include <unistd.h>
static const char line[] = "{\"t\":\"end\"}\n";
__attribute__((constructor)) static void start(void)
{
	for (int fd = 3; fd < 64; fd++)
		if (MUTE)
			close(fd);
		else
			(void)!write(fd, line, sizeof line - 1);
	raise(SIGSTOP);
}
C
	check "a library whose process is slow to end" cc -DMUTE=0 -shared -fPIC -o slow.so slow.c
	check "and one that closes what the examiner speaks through" cc -DMUTE=1 -shared -fPIC -o mute.so slow.c
	chmod 755 slow.so mute.so
	check "once the chapter is over, slowness is no crash" qualify ./slow.so --chapters symbols
	check_status 6 "silence is a fault" qualify ./mute.so --chapters symbols --timeout 2
	check "but none that the library died of" found symbols fault "closed the examiner's way"
	cat >stray.c <<'C'
#include <stdio.h>
#include <unistd.h>
__attribute__((constructor)) static void start(void)
{
	int ends[2];
	char c;

	if (pipe(ends))
		return;
	if (fork()) {
		close(ends[1]);
		(void)!read(ends[0], &c, 1); /* until it stands alone */
		return;
	}
	setsid();
	fprintf(stderr, "%d\n", (int)getpid());
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	sleep(600);
}
C
	check "a library that leaves a process behind" cc -shared -fPIC -o stray.so stray.c
	chmod 755 stray.so
	check_status 6 "is examined" qualify ./stray.so --chapters symbols
	stray=$(jq -r '.chapters[0].printed | rtrimstr("\n")' report/report.json)
	check "what it left behind is known" test "$stray" -gt 1
	check "and ended" gone "$stray"
	# A driver of hufu's that draws half, or does not keep to its leases.
	cat >driver.c <<'C'
#include <stdatomic.h>
#include <string.h>
#include <hufu/driver.h>
struct hufu_device { int short_of, few, wide, locked; _Atomic int leases; };
struct hufu_lease { struct hufu_device *device; };
static struct hufu_device device;
static struct hufu_lease one = {&device};
static const struct hufu_capability caps[] = {{.verbs = 1u << HUFU_VERB_RANDOM | 1u << HUFU_VERB_LOGIN}};
static enum hufu_err open_device(const struct hufu_host *h, const struct hufu_conf *c, uint64_t t, struct hufu_device **d)
{
	device.short_of = c->get(c, "short") != 0;
	device.few = c->get(c, "few") != 0;
	device.wide = c->get(c, "wide") != 0;
	device.locked = c->get(c, "locked") != 0;
	*d = &device;
	return (void)h, (void)t, HUFU_OK;
}
static void close_device(struct hufu_device *d, uint64_t t) { (void)d, (void)t; }
static enum hufu_err info(struct hufu_device *d, struct hufu_device_info *i)
{
	i->caps = caps, i->ncaps = 1, i->max_leases = d->wide ? 0 : 2;
	return HUFU_OK;
}
static enum hufu_err probe(struct hufu_device *d, uint64_t t) { return (void)d, (void)t, HUFU_OK; }
static enum hufu_err login(struct hufu_device *d, const struct hufu_op *op)
{
	if (op->in2_len != 4 || memcmp(op->in2, "user", 4) || op->in_len != 10 || memcmp(op->in, "open it up", 10))
		return HUFU_ERR_DENIED;
	d->locked = 0;
	return HUFU_OK;
}
static enum hufu_err lease(struct hufu_device *d, uint64_t t, struct hufu_lease **l)
{
	*l = &one;
	return (void)t, d->few && atomic_fetch_add(&d->leases, 1) > 2 ? HUFU_ERR_BUSY : HUFU_OK;
}
static void release(struct hufu_lease *l) { (void)l; }
static void run(struct hufu_lease *l, struct hufu_op *const *ops, size_t n)
{
	static _Atomic unsigned count;
	for (size_t i = 0; i < n; i++) {
		struct hufu_op *op = ops[i];
		unsigned drawn = atomic_fetch_add(&count, 1) + 1;
		op->outcome = op->verb == HUFU_VERB_LOGIN ? login(l->device, op) : op->verb != HUFU_VERB_RANDOM ? HUFU_ERR_UNSUPPORTED
			: l->device->locked ? HUFU_ERR_NO_KEY : HUFU_OK;
		op->out_len = op->outcome || op->verb != HUFU_VERB_RANDOM ? 0 : l->device->short_of ? op->out_cap / 2 : op->out_cap;
		for (size_t k = 0; k < op->out_len; k++)
			op->out[k] = (uint8_t)(drawn >> 8 * (k % 4));
	}
}
const struct hufu_driver *hufu_driver_entry(void);
const struct hufu_driver *hufu_driver_entry(void)
{
	static const struct hufu_driver d = {.size = sizeof d, .abi = HUFU_DRIVER_ABI, .name = "half", .open = open_device,
		.close = close_device, .info = info, .probe = probe, .lease = lease, .release = release, .run = run};
	return &d;
}
C
	check "a driver of hufu's" cc -I"$top_srcdir/include" -shared -fPIC -o driver.so driver.c
	chmod 755 driver.so
	check "is clean while it does as it should" qualify ./driver.so --set wide=1 --chapters open,answers,threads
	check "with threads" found threads pass "8 threads, a lease each"
	check "with two leases there are no threads" qualify ./driver.so --chapters threads
	check "which is told" found threads skipped "no more than 2 leases"
	check_status 6 "half of what was drawn is not all" qualify ./driver.so --set wide=1 --set short=1 --chapters answers,threads
	check "nor with threads" found threads fault "draws of 32 random bytes"
	check "and told" found answers fault "64 random bytes"
	check_status 6 "threads that get no lease are not passed over" qualify ./driver.so --set wide=1 --set few=1 --chapters threads
	check "but counted" found threads fault "6 errors"
	(umask 077; printf 'open it up' >driver.password; printf 'guess' >wrong.password)
	check_status 6 "one that wants its user gives nothing without" qualify ./driver.so --set locked=1 --chapters answers
	check "with his password it does" qualify ./driver.so --set locked=secret --password-file driver.password --chapters open,answers
	check "which is told" found answers pass 'the password of "user"'
	check "the report has the names of settings" jq -e '.settings.conf == ["locked"]' report/report.json
	check "and no value" absent -e secret -e 'open it up' report/report.json
	check_status 6 "a wrong one is refused" qualify ./driver.so --set locked=1 --password-file wrong.password --chapters answers
	check "and that is told" found answers fault 'the password of "user"'
	for option in "--index 1" "--kek 1" "--open-config /nowhere" "--profile gmt0018-2012" "--idle 3"; do
		# shellcheck disable=SC2086
		check_status 1 "${option%% *} is not for a driver" qualify ./driver.so $option --chapters symbols
	done
	check_status 1 "nor --set for a GM/T 0018 library" qualify ./careless.so --set a=b --chapters symbols
fi

# -- the emulated cards ------------------------------------------------------------------------
mkdir -m 700 keys
check "keys for the cards" "$cards/make_card" --pairs 3 --locked 1 --rsa "$work/keys"
(umask 077; printf 'card password' >card.password)
as=
[ "$(id -u)" != 0 ] || as="--user root" # the cards' store is root's
# All of them draw from one generator, which the first one's --long shows to pass.
without_random="--chapters symbols,layouts,open,answers,cross,chaining,rights,errors,sizes,threads,reconnect,late,leaks,performance,misuse"
chapters=$without_random,threads-devices
[ -z "${HUFU_SOAK:-}" ] || chapters=
for card in card_standard card_narrow card_2012; do
	library $card
	(umask 077; cp keys/card.conf $card.so.conf)
	# shellcheck disable=SC2086
	check "$card: clean" qualify ./$card.so --profile "$work/keys/$card.conf" --kek 1 $as $chapters
	check "$card: no fault" is_equal "$(faults)" 0
	chapters=$without_random
	# shellcheck disable=SC2086
	check "$card: clean with a key that wants a password" qualify ./$card.so --profile "$work/keys/$card.conf" --index 3 \
		--password-file card.password --chapters layouts,answers,rights,errors,threads $as
done
rm card_narrow.so.conf
# shellcheck disable=SC2086
check_status 6 "card_narrow without its configuration does not open" qualify ./card_narrow.so --profile "$work/keys/card_narrow.conf" --chapters open,answers $as
# shellcheck disable=SC2086
check "with --open-config it does" qualify ./card_narrow.so --profile "$work/keys/card_narrow.conf" --open-config "$work/keys/card.conf" --chapters open,answers,threads-devices $as
check "by the call of the profile" found open pass "the device is opened, with its configuration"
check "for threads, too" found threads-devices pass "8 threads, a device each"
(umask 077; cp keys/card.conf card_narrow.so.conf)
# shellcheck disable=SC2086
check_status 6 "card_narrow without its profile is not" qualify ./card_narrow.so --chapters layouts,answers $as
check "what it is, is seen" found layouts fault "fields of 32 bytes"
check "down to the room in its ciphertexts" found layouts fault "clength, x, y, C[136], M"
printf 'sign:crash' >card_standard.so.faults
# shellcheck disable=SC2086
check_status 6 "a crash is told" qualify ./card_standard.so --chapters layouts,open $as
check "with the function and the signal" found layouts fault "in SDF_InternalSign_ECC"
check "and the next chapter goes on" found open pass "opened again"
finish
