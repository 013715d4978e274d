/* SPDX-License-Identifier: Apache-2.0 */
/* The screen of hufu top. The terminal is given back on every way out; a signal ends the program after that. */
#include "tools/top.h"

#include "config.h"

#ifdef HAVE_NCURSES

#include "base/clock.h"
#include "tools/fleet_text.h"
#include "tools/report.h"
#include "tools/wish.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_WIDTH 20
#define STATE_WIDTH 22
#define WISH_WIDTH 12
#define COLUMNS_WIDTH (NAME_WIDTH + STATE_WIDTH + WISH_WIDTH + 49)
#define KEY_ESCAPE 27

static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
#define NENDS (sizeof ends / sizeof *ends)

static volatile sig_atomic_t ended_by;

struct screen {
	struct top *top;
	SCREEN *terminal;
	char selected[STATS_NAME];
	char message[256];
	FILE *said;               /* what would go to stderr, and spoil the screen */
	char *said_text;
	size_t said_len;
	bool explains, utf8, quit;
	int scroll;               /* first line of the explanation shown */
	struct sigaction before[NENDS];
};

static void on_end(int sig)
{
	ended_by = sig;
}

/* -- drawing -------------------------------------------------------------------- */

static size_t selected_row(struct screen *s)
{
	for (size_t i = 0; i < s->top->nrows; i++)
		if (!strcmp(s->top->rows[i].name, s->selected))
			return i;
	if (s->top->nrows)
		memcpy(s->selected, s->top->rows[0].name, sizeof s->selected);
	return 0;
}

/* Each device on its own scale: what matters is that it changed. */
static void draw_spark(const struct screen *s, const struct top_row *row, int width)
{
	static const char *const bars[] = {" ", "\u2581", "\u2582", "\u2583", "\u2584", "\u2585", "\u2586", "\u2587", "\u2588"};
	static const char *const plain[] = {" ", ".", ".", ":", "-", "=", "+", "*", "#"};
	int n = width < TOP_HISTORY ? width : TOP_HISTORY;
	float most = 0;

	for (int i = TOP_HISTORY - n; i < TOP_HISTORY; i++)
		most = row->history[i] > most ? row->history[i] : most;
	for (int i = TOP_HISTORY - n; i < TOP_HISTORY; i++) {
		int level = row->history[i] <= 0 ? 0 : 1 + (int)(row->history[i] / most * 7);
		addstr(s->utf8 ? bars[level] : plain[level]);
	}
}

static void draw_row(const struct screen *s, const struct top_row *row, int y, bool selected)
{
	char states[128], p50[32], p99[32];
	const struct tally *t = &row->member->tally;
	bool bad = t->reports && state_rank(t->worst) >= state_rank(POOL_SUSPECT);

	attrset(selected ? A_REVERSE : bad ? A_BOLD : A_NORMAL);
	mvprintw(y, 0, "%-*.*s %-*.*s %-*.*s %9.0f %6.1f %8s %8s %6llu %5llu ", NAME_WIDTH, NAME_WIDTH, row->name, STATE_WIDTH,
	         STATE_WIDTH, states_text(t, states, sizeof states), WISH_WIDTH, WISH_WIDTH,
	         row->member->conf ? conf_wish_name(row->member->wish) : "not in conf", row->ops_per_s, row->errors_per_s,
	         duration_text(row->p50_ns, p50, sizeof p50), duration_text(row->p99_ns, p99, sizeof p99),
	         (unsigned long long)t->in_flight, (unsigned long long)t->queued);
	attrset(A_NORMAL);
	if (COLS > COLUMNS_WIDTH + 4)
		draw_spark(s, row, COLS - COLUMNS_WIDTH - 1);
}

static void draw_head(const struct screen *s, const struct live *live)
{
	double ops = 0, errors = 0;
	unsigned up = 0;
	char at[32];

	for (size_t i = 0; i < s->top->nrows; i++) {
		const struct tally *t = &s->top->rows[i].member->tally;
		ops += s->top->rows[i].ops_per_s;
		errors += s->top->rows[i].errors_per_s;
		up += t->reports && state_rank(t->worst) <= state_rank(POOL_SLOW_START);
	}
	clock_text(wall_now_ms(), at, sizeof at);
	mvprintw(0, 0, "hufu top  %.8s  %zu devices, %u up  %.0f ops/s  %.1f errors/s  every %g s", at, s->top->nrows, up, ops,
	         errors, (double)live->interval_ns / (double)NS_PER_S);
	attrset(A_UNDERLINE);
	mvprintw(2, 0, "%-*s %-*s %-*s %9s %6s %8s %8s %6s %5s ", NAME_WIDTH, "DEVICE", STATE_WIDTH, "STATE", WISH_WIDTH, "WISH",
	         "OPS/S", "ERR/S", "P50", "P99", "FLIGHT", "QUEUE");
	attrset(A_NORMAL);
}

static void draw_devices(struct screen *s, const struct live *live)
{
	size_t chosen = selected_row(s), room = LINES > 6 ? (size_t)LINES - 6 : 1;
	size_t first = chosen >= room ? chosen - room + 1 : 0;

	draw_head(s, live);
	for (size_t i = first; i < s->top->nrows && i < first + room; i++)
		draw_row(s, &s->top->rows[i], 3 + (int)(i - first), i == chosen);
	if (s->top->nrows == 0)
		mvaddstr(3, 0, "The configuration has no device.");
}

static void draw_text(struct screen *s, const char *text)
{
	int y = 0, line = 0;

	for (const char *end; *text && y < LINES - 2; text = *end ? end + 1 : end, line++) {
		end = strchrnul(text, '\n');
		if (line >= s->scroll)
			mvaddnstr(y++, 0, text, (int)(end - text));
	}
}

static void draw_explanation(struct screen *s)
{
	const struct member *m = fleet_find(&s->top->fleet, s->selected);
	char *text = NULL;
	size_t len;
	FILE *memory = m ? open_memstream(&text, &len) : NULL;

	if (!memory)
		return;
	explain_member(&s->top->fleet, m, memory);
	fclose(memory);
	draw_text(s, text);
	free(text);
}

static void draw(struct screen *s, const struct live *live)
{
	erase();
	if (s->explains)
		draw_explanation(s);
	else
		draw_devices(s, live);
	mvaddnstr(LINES - 2, 0, s->message, COLS);
	attrset(A_REVERSE);
	mvaddnstr(LINES - 1, 0, s->explains ? "up/down scroll   e back   q quit"
	                                    : "up/down select   d drain   u undrain   m maintain   e explain   q quit", COLS);
	attrset(A_NORMAL);
	refresh();
}

/* -- keys ----------------------------------------------------------------------- */

/* What was said goes to the line for messages, without "hufu: ". */
static void hear(struct screen *s)
{
	fflush(s->said);
	if (s->said_len) {
		const char *text = strncmp(s->said_text, "hufu: ", 6) ? s->said_text : s->said_text + 6;
		snprintf(s->message, sizeof s->message, "%.*s", (int)strcspn(text, "\n"), text);
	}
	rewind(s->said);
}

static void wish(struct screen *s, enum conf_wish wanted)
{
	if (!s->top->nrows)
		return;
	if (wish_set(&s->top->fleet, s->selected, wanted, "hufu top") == ST_OK)
		snprintf(s->message, sizeof s->message, "device \"%s\": %s", s->selected, conf_wish_name(wanted));
	else
		hear(s);
}

static void move_by(struct screen *s, int by)
{
	size_t row = selected_row(s);

	if (s->explains)
		s->scroll = s->scroll + by > 0 ? s->scroll + by : 0;
	else if (by < 0 ? row > 0 : row + 1 < s->top->nrows)
		memcpy(s->selected, s->top->rows[by < 0 ? row - 1 : row + 1].name, sizeof s->selected);
}

static void on_key(struct screen *s, int key)
{
	switch (key) {
	case KEY_UP:
	case 'k':
		move_by(s, -1);
		break;
	case KEY_DOWN:
	case 'j':
		move_by(s, 1);
		break;
	case 'd':
		wish(s, CONF_WISH_DRAINING);
		break;
	case 'u':
		wish(s, CONF_WISH_ENABLED);
		break;
	case 'm':
		wish(s, CONF_WISH_MAINTENANCE);
		break;
	case 'e':
	case KEY_ESCAPE:
		s->explains = key == 'e' && !s->explains;
		s->scroll = 0;
		break;
	case 'q':
		s->quit = true;
		break;
	}
}

/* -- the terminal ---------------------------------------------------------------- */

static void signals_take(struct screen *s)
{
	for (size_t i = 0; i < NENDS; i++)
		sigaction(ends[i], &(struct sigaction){.sa_handler = on_end}, &s->before[i]);
}

static void signals_give_back(struct screen *s)
{
	for (size_t i = 0; i < NENDS; i++)
		sigaction(ends[i], &s->before[i], NULL);
	report_to(NULL);
	if (s->said)
		fclose(s->said);
	s->said = NULL;
}

static bool screen_open(struct screen *s)
{
	/* Before curses, which would take those that it finds free, and then end without our leave. */
	signals_take(s);
	s->said = open_memstream(&s->said_text, &s->said_len);
	s->terminal = s->said ? newterm(NULL, stdout, stdin) : NULL;
	if (!s->terminal) {
		signals_give_back(s);
		return false;
	}
	report_to(s->said);
	s->utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	cbreak();
	noecho();
	nonl();
	curs_set(0);
	set_escdelay(25);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	return true;
}

static void screen_close(struct screen *s)
{
	endwin();
	delscreen(s->terminal);
	signals_give_back(s);
}

/* Keys until the interval is over. A terminal that is gone ends it. */
static void wait_interval(struct screen *s, struct live *live)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	uint64_t left;
	int key;

	while (!s->quit && !ended_by && (left = live_left(live))) {
		if (poll(&in, 1, (int)(left / NS_PER_MS) + 1) < 0 && errno != EINTR)
			s->quit = true;
		while (!s->quit && (key = getch()) != ERR)
			on_key(s, key);
		s->quit |= (in.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
		draw(s, live);
	}
}

enum status top_screen(struct top *top, struct live *live, bool *shown)
{
	struct screen s = {.top = top};
	enum status status = ST_OK;

	*shown = screen_open(&s);
	if (!*shown) {
		free(s.said_text);
		return ST_OK;
	}
	draw(&s, live);
	for (unsigned long i = 0; status == ST_OK && !s.quit && !ended_by && (!live->count || i < live->count); i++) {
		wait_interval(&s, live);
		if (!s.quit && !ended_by)
			status = top_sample(top);
		if (status == ST_OK)
			draw(&s, live);
	}
	screen_close(&s);
	if (status && s.said_text)
		fputs(s.said_text, stderr);
	free(s.said_text);
	if (ended_by)
		raise(ended_by);
	return status;
}

#else

enum status top_screen(struct top *top, struct live *live, bool *shown)
{
	(void)top;
	(void)live;
	*shown = false;
	return ST_OK;
}

#endif
