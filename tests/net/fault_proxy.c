/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault-proxy LISTEN MACHINE [SOCKET]: the proxy of proxy.h as a program.
 * Commands come from stdin, whose end ends it, or from connections to the Unix
 * socket SOCKET, one after another; each is answered by "ok", "ok ANSWER" or "error".
 * The first line that it prints is the address on which it listens.
 */
#include "proxy.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/channel.h"

static void serve(struct proxy *p, FILE *in, FILE *out)
{
	char line[256], answer[256];

	while (fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		if (!proxy_command(p, line, answer, sizeof(answer)))
			fputs("error\n", out);
		else
			fprintf(out, answer[0] ? "ok %s\n" : "ok%s\n", answer);
		fflush(out);
	}
}

static int serve_socket(struct proxy *p, const char *path)
{
	char address[160], why[200];
	int listener, fd;

	snprintf(address, sizeof(address), "unix:%s", path);
	if (channel_listen(address, &listener, why, sizeof(why)) != HUFU_OK) {
		fprintf(stderr, "fault-proxy: %s\n", why);
		return 1;
	}
	(void)fcntl(listener, F_SETFL, 0);
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
		if (in && out)
			serve(p, in, out);
		if (in)
			fclose(in);
		if (out)
			fclose(out);
	}
	return 0;
}

int main(int argc, char **argv)
{
	int result = 0;

	if (argc < 3 || argc > 4) {
		fprintf(stderr, "usage: fault-proxy LISTEN MACHINE [SOCKET]\n");
		return 2;
	}
	struct proxy *p = proxy_start(argv[1], argv[2]);
	if (!p)
		return 1;
	printf("%s\n", proxy_address(p));
	fflush(stdout);
	if (argc == 4)
		result = serve_socket(p, argv[3]);
	else
		serve(p, stdin, stdout);
	proxy_stop(p);
	return result;
}
