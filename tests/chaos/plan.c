/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices and what befalls them, phase by phase. In each phase one device at
 * least is well, another one each time; two at most leave ops with an effect
 * unknown, since an op is attempted three times; the others are merely not to be had.
 */
#include "chaos.h"

#include "driver/fault/fault.h"
#include "rig.h"

size_t plan_ndevices;

/* Direct; made to run on lanes; lanes because it promises nothing. */
static const struct kind {
	const char *driver, *isolation;
	bool threaded;
	const char *card;              /* the library that is behind the driver sdf */
} kinds[] = {{"fault", "auto", false, NULL}, {"fault", "thread", true, NULL}, {"fault-hang", "auto", true, NULL}},
  card_kinds[] = {
	{"sdf", "auto", true, "card_standard"}, {"sdf", "thread", true, "card_narrow"}, {"sdf", "auto", true, "card_2012"},
};
#define CARD_PAIRS 2

static struct {
	char name[24];
	const struct kind *kind;
	unsigned connects_per_s;
	char script[160];
} devices[DEVICES_MAX];

static char libraries[COUNT(card_kinds)][RIG_PATH], vendors[COUNT(card_kinds)][RIG_PATH];

/* Libraries stay loaded once they were: the same ones, with the same keys, for all seeds. */
static void make_cards(void)
{
	if (*libraries[0])
		return;
	rig_keys(CARD_PAIRS, 0, false);
	for (size_t i = 0; i < COUNT(card_kinds); i++) {
		rig_card(card_kinds[i].card, card_kinds[i].card, libraries[i]);
		rig_profile(card_kinds[i].card, vendors[i]);
	}
}

static const char *library_of(size_t device)
{
	return libraries[devices[device].kind - card_kinds];
}

static void draw_cards(struct chance *c, bool soft)
{
	make_cards();
	plan_ndevices = COUNT(card_kinds) + soft;
	for (size_t i = 0; i < plan_ndevices; i++) {
		snprintf(devices[i].name, sizeof(devices[i].name), "%s%zu", i < COUNT(card_kinds) ? "c" : "d", i);
		devices[i].kind = i < COUNT(card_kinds) ? &card_kinds[i] : &kinds[chance_below(c, COUNT(kinds))];
		devices[i].connects_per_s = 1000;
	}
}

void plan_draw(const struct profile *profile, uint64_t seed)
{
	struct chance c = chance_of(seed, 1);

	if (profile->cards) {
		draw_cards(&c, profile->soft);
		return;
	}
	plan_ndevices = 3 + chance_below(&c, DEVICES_MAX - 2);
	for (size_t i = 0; i < plan_ndevices; i++) {
		snprintf(devices[i].name, sizeof(devices[i].name), "d%zu", i);
		devices[i].kind = &kinds[chance_below(&c, COUNT(kinds))];
		devices[i].connects_per_s = chance_below(&c, 2) ? 20 : 1000;
	}
}

static void device_section(FILE *conf, size_t i, unsigned weight)
{
	const struct kind *kind = devices[i].kind;

	fprintf(conf, "device \"%s\" { driver = \"%s\"  domain = \"%s\"  isolation = %s  weight = %u  connects_per_s = %u",
	        devices[i].name, kind->driver, kind->card ? "card" : "soft", kind->isolation, i % 2 ? weight : 100, devices[i].connects_per_s);
	if (kind->card)
		fprintf(conf, "  library = \"%s\"  profile = \"%s\"  indexes = \"1-%d\"  kek_index = 1  isk_index = 1", library_of(i),
		        vendors[kind - card_kinds], CARD_PAIRS);
	fprintf(conf, " }\n");
}

void plan_devices(FILE *conf, size_t without, unsigned weight)
{
	for (size_t i = 0; i < plan_ndevices; i++)
		if (i != without)
			device_section(conf, i, weight);
}

void plan_token(FILE *conf, const char *token, uint64_t seed, size_t without)
{
	const char *comma = "";

	fprintf(conf, "store = \"sqlite:%s/%s-%llu.db\"  devices = {", life_dir, token, (unsigned long long)seed);
	for (size_t i = 0; i < plan_ndevices; i++)
		if (i != without) {
			fprintf(conf, "%s \"%s\"", comma, devices[i].name);
			comma = ",";
		}
	fprintf(conf, " }");
}

uint32_t plan_hung(void)
{
	uint32_t hung = 0;

	for (size_t i = 0; i < plan_ndevices; i++)
		hung += devices[i].kind->card ? 0 : fault_hung(devices[i].name); /* a card's end with its script */
	return hung;
}

bool plan_is_closed(size_t device)
{
	struct fault_counts counts = fault_counts(devices[device].name);

	return counts.opens == counts.closes;
}

static void tell(size_t i, const char *script)
{
	char why[256];

	snprintf(devices[i].script, sizeof(devices[i].script), "%s", script);
	if (devices[i].kind->card) {
		rig_faults(library_of(i), script);
		return;
	}
	if (fault_script(devices[i].name, script, why, sizeof(why)) == HUFU_OK)
		return;
	printf("# %s\n", why);
	life_need(CKR_ARGUMENTS_BAD, script);
}

/* What the administrator wished in an earlier run is no more. */
void plan_enable_all(void)
{
	for (size_t i = 0; i < plan_ndevices; i++)
		life_wish(devices[i].name, CONF_WISH_ENABLED);
}

void plan_all_well(void)
{
	for (size_t i = 0; i < plan_ndevices; i++)
		tell(i, "");
}

void plan_release(void)
{
	for (size_t i = 0; i < plan_ndevices; i++)
		fault_release(devices[i].name);
}

bool plan_begin(void)
{
	return true;
}

bool plan_end(void)
{
	fault_reset();
	return true;
}

void plan_show(FILE *to)
{
	for (size_t i = 0; i < plan_ndevices; i++)
		fprintf(to, "#   %s %s: %s\n", devices[i].name, devices[i].kind->threaded ? "(lanes)" : "(direct)", devices[i].script);
}

/* -- what befalls them -------------------------------------------------------------------- */

/* Nothing was done, for certain. */
static const char *const harmless[] = {
	"any:gone",
	"run:gone%3",
	"open:gone; lease:gone; probe:gone",
	"run:busy%2",
	"lease:busy",
	"run:expired%7",
	"run:session-lost%5",
	"run:device-gone=3@5",
	"run:device-gone=300ms%40",
	"any:device-gone@10",
	"any:flap=80ms/120ms",
	"any:flap=700ms/300ms",
	"run:no-key%4",
	"run:gone~30/SEED",
	"run:code=0x0701%9",
	"probe:gone; run:busy",
	"any:delay=15ms%3",
	"run:slow=10",
};

/* It was done perhaps, or the answer is known to be none. */
static const char *const effective[] = {
	"run:lost%9",
	"run:corrupt%10",
	"run:overlong%11",
	"run:code=0x7f01%12",
	"run:lost~8/SEED",
	"generate:lost%2; unwrap:lost%2; import:lost%2",
	"generate:lost; unwrap:corrupt",
	"derive:lost%2; decrypt:corrupt%12; random:lost%3",
	"run:lost%15; lease:gone%4; probe:gone%2",
	"run:delay=4ms; run:corrupt%9",
};

/* Nobody knows: it does not return. Of devices on lanes. */
static const char *const hanging[] = {
	"run:hang@3",
	"run:hang@2; probe:hang@1",
	"run:crash@4",
	"run:hang=700ms%40",
	"run:hang~4/SEED",
	"lease:hang=300ms%2; run:expired%3",
	"run:hang@1; open:hang=400ms; probe:hang=200ms",
	"sign:hang@1; generate:hang@1; unwrap:hang@1; decrypt:hang@2",
	"run:slow=300%5",
	"run:delay=40ms%2",
};

/* The same of cards, whose codes say less: a session that is lost may have done it, and signatures are verified. */
static const char *const card_harmless[] = {
	"any:gone",
	"run:gone%3",
	"open:gone; lease:gone; probe:gone",
	"run:busy%2",
	"lease:busy",
	"run:device-gone=3@5",
	"run:device-gone=300ms%40",
	"any:device-gone@10",
	"any:flap=80ms/120ms",
	"run:no-key%4",
	"run:gone~30/SEED",
	"probe:gone; run:busy",
	"any:delay=15ms%3",
	"run:slow=10",
};
static const char *const card_effective[] = {
	"run:lost%9",
	"run:corrupt%10",
	"run:overlong%11",
	"run:code=0xf3ff%12",
	"run:session-lost%5",
	"run:lost~8/SEED",
	"generate:lost%2; unwrap:lost%2; import:lost%2",
	"decrypt:corrupt%12; random:lost%3",
	"run:lost%15; lease:gone%4; probe:gone%2",
	"sign:flip-out%4; sign:wrong%9",
	"export:flip-pub%3",
};
static const char *const card_hanging[] = {
	"run:hang@3",
	"run:hang@2; probe:hang@1",
	"run:hang=700ms%40",
	"run:hang~4/SEED",
	"lease:hang=300ms%2; run:lost%3",
	"run:hang@1; open:hang=400ms; probe:hang=200ms",
	"run:slow=300%5",
	"run:delay=40ms%2",
};

/* A lie, in what can be verified. */
static const char *const lies[] = {
	"sign:flip-out%7",
	"sign:wrong%8",
	"sign:flip-out%9; sign:gone%5",
	"sign:wrong~10/SEED",
};

/* One of them; SEED at its end becomes a number. */
static void draw(struct chance *c, const char *const *from, size_t n, size_t device)
{
	const char *text = from[chance_below(c, n)], *seed = strstr(text, "SEED");
	char script[160];

	if (seed)
		snprintf(script, sizeof(script), "%.*s%zu", (int)(seed - text), text, 1 + chance_below(c, 1000000));
	else
		snprintf(script, sizeof(script), "%s", text);
	tell(device, script);
}

static void draw_bad(struct chance *c, const char *const *worst, size_t nworst, size_t device)
{
	if (worst == effective && devices[device].kind->threaded && chance_below(c, 2))
		draw(c, hanging, COUNT(hanging), device);
	else
		draw(c, worst, nworst, device);
}

static void draw_card(struct chance *c, bool bad, size_t device)
{
	if (!bad)
		draw(c, card_harmless, COUNT(card_harmless), device);
	else if (chance_below(c, 3) == 0)
		draw(c, card_hanging, COUNT(card_hanging), device);
	else
		draw(c, card_effective, COUNT(card_effective), device);
}

/* The one that is well in this phase; the next one's is already well in every other phase. Of cards, since they have the keys. */
static size_t well_in(uint64_t seed, unsigned phase)
{
	struct chance turn = chance_of(seed, 2);
	size_t n = devices[0].kind->card ? COUNT(card_kinds) : plan_ndevices;

	return (chance_below(&turn, n) + phase) % n;
}

static void befall(uint64_t seed, unsigned phase, const char *const *worst, size_t nworst)
{
	struct chance c = chance_of(seed, 1000 + phase);
	size_t well = well_in(seed, phase), next = well_in(seed, phase + 1);
	unsigned bad = 0;

	for (size_t i = 0; i < plan_ndevices; i++) {
		if (chance_below(&c, 2))
			fault_release(devices[i].name); /* what hung writes late, and its lane comes back */
		if (i == well || (i == next && phase % 2))
			tell(i, "");
		else if (devices[i].kind->card)
			draw_card(&c, chance_below(&c, 2) && ++bad <= 2, i);
		else if (devices[0].kind->card)
			tell(i, "run:delay=3ms%5"); /* the only one of its domain */
		else if (bad < 2 && chance_below(&c, 2) && ++bad)
			draw_bad(&c, worst, nworst, i);
		else
			draw(&c, harmless, COUNT(harmless), i);
	}
}

static void storm(uint64_t seed, unsigned phase)
{
	befall(seed, phase, effective, COUNT(effective));
}

/*
 * Beside what fails, one device leaves and comes back, or is drained and not, and
 * weights change. When that takes effect is the module's affair, so the first device is well all along;
 * a little slow, since the files are looked at a few times a second and a phase is to last that long.
 */
static void reload(uint64_t seed, unsigned phase)
{
	size_t victim = 1 + phase / 4 % (plan_ndevices - 1);
	unsigned turn = phase % 4;

	storm(seed, phase);
	tell(0, "run:delay=3ms");
	run_write_conf(turn == 1 ? victim : NOBODY, turn == 3 ? 30 : 100);
	if (turn != 1)
		life_wish(devices[victim].name, turn == 2 ? CONF_WISH_DRAINING : CONF_WISH_ENABLED);
}

static void liars(uint64_t seed, unsigned phase)
{
	befall(seed, phase, lies, COUNT(lies));
}

/* Every fourth phase nobody is there. */
static void outage(uint64_t seed, unsigned phase)
{
	struct chance c = chance_of(seed, 3000 + phase);

	if (phase % 4 != 3) {
		befall(seed, phase, effective, COUNT(effective));
		return;
	}
	for (size_t i = 0; i < plan_ndevices; i++)
		tell(i, chance_below(&c, 2) ? "any:gone" : "lease:busy; open:gone; run:gone");
}

/* In what nobody can verify. */
static void blind(uint64_t seed, unsigned phase)
{
	befall(seed, phase, harmless, COUNT(harmless));
	for (size_t i = 0; i < plan_ndevices; i++)
		tell(i, "encrypt:flip-out%3");
}

const struct profile profiles[] = {
	{.name = "storm", works_mixed, storm, "nobody notices what fails", .ops = 1600, .seeds = 10},
	{.name = "liars", works_sign, liars, "no wrong signature comes out", .ops = 800, .seeds = 3},
	{.name = "outage", works_mixed, outage, "all down is a clean error, and service comes back", .ops = 320, .seeds = 2,
	 .deadline_ms = 1000, .may_fail = true},
	{.name = "fork", works_fork, storm, "children of a process at work can work", .ops = 640, .seeds = 3, .forks = true},
	{.name = "reload", works_mixed, reload, "devices come, go and drain under load", .ops = 800, .seeds = 2, .removes = true},
	{.name = "blind", works_mixed, blind, "this harness sees what no pool can", .ops = 300, .seeds = 1, .must_complain = true},
	{.name = "cards", works_cards, storm, "nobody notices what fails of three vendors' cards", .ops = 800, .seeds = 2, .cards = true},
	{.name = "mixed", works_cards, storm, "nor of cards and a device that is none", .ops = 800, .seeds = 2, .cards = true,
	 .soft = true},
	{.name = NULL},
};
