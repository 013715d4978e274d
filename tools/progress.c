/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "tools/io.h"

#include <stdio.h>
#include <unistd.h>

#define FIRST_NS NS_PER_S
#define EVERY_NS (200 * NS_PER_MS)
#define BAR_WIDTH 30

void progress_begin(struct progress *p, const struct args *args, const char *what, uint64_t total)
{
	*p = (struct progress){.what = what, .total = total, .start_ns = clock_now_ns(), .bars = isatty(STDERR_FILENO)};
	p->wanted = what && (p->bars || arg_has(args, "progress"));
}

static void draw(const struct progress *p, uint64_t elapsed_ns)
{
	double mib = (double)p->done / (1 << 20), speed = mib / ((double)elapsed_ns / (double)NS_PER_S);
	char bar[BAR_WIDTH + 1] = "";

	if (p->total == 0) {
		fprintf(stderr, "%s%s %.0f MiB, %.1f MiB/s%s", p->bars ? "\r" : "", p->what, mib, speed, p->bars ? "\033[K" : "\n");
		return;
	}
	unsigned full = (unsigned)((double)p->done / (double)p->total * BAR_WIDTH);
	for (unsigned i = 0; i < BAR_WIDTH; i++)
		bar[i] = i < full ? '#' : '.';
	fprintf(stderr, "%s%s [%s] %3.0f %%, %.0f MiB, %.1f MiB/s%s", p->bars ? "\r" : "", p->what, bar,
	        100 * (double)p->done / (double)p->total, mib, speed, p->bars ? "\033[K" : "\n");
}

void progress_add(struct progress *p, uint64_t n)
{
	p->done += n;
	if (!p->wanted)
		return;
	uint64_t now = clock_now_ns();
	if (now - p->start_ns < FIRST_NS || now - p->shown_ns < (p->bars ? EVERY_NS : NS_PER_S))
		return;
	p->shown = true;
	p->shown_ns = now;
	draw(p, now - p->start_ns);
}

/* The bar goes; what was printed line by line stays. */
void progress_end(struct progress *p)
{
	if (p->shown && p->bars)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
