/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many clients at once, for ossl-gateway.sh: each thread makes one connection after the other, each with a full handshake, whose
 * certificate must lead to the authority given, asks once, and wants an answer that has "worker" in it.
 *
 *	tls_clients PORT CA.PEM NAME CLIENTS [ROUNDS]
 *
 * It ends after so many rounds of each client, or on SIGTERM. A line "N" is written each time another
 * 64 were served; in the end "served N failed M". Exit code 0 when some were served and none failed.
 */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 512
#define REPORT_EVERY 64

static SSL_CTX *tls;
static struct sockaddr_in server;
static const char *name;
static unsigned long rounds;
static atomic_ulong served, failed;
static atomic_bool stopped;

static int dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&server, sizeof server) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* A handshake, a request, an answer. */
static bool converse(SSL *ssl, int fd)
{
	static const char request[] = "GET / HTTP/1.0\r\nHost: gateway.example.com\r\n\r\n";
	char answer[1024];
	size_t len = 0;
	int n;

	if (!SSL_set_fd(ssl, fd) || !SSL_set_tlsext_host_name(ssl, name) || !SSL_set1_host(ssl, name) || SSL_connect(ssl) != 1 ||
	    SSL_write(ssl, request, sizeof request - 1) <= 0)
		return false;
	while (len < sizeof answer - 1 && (n = SSL_read(ssl, answer + len, (int)(sizeof answer - 1 - len))) > 0)
		len += (size_t)n;
	answer[len] = '\0';
	SSL_shutdown(ssl);
	return strstr(answer, "worker") != NULL;
}

/* Who was let down does not come again: what is down is not besieged. */
static void *client(void *arg)
{
	bool well = true;

	(void)arg;
	for (unsigned long i = 0; well && !atomic_load(&stopped) && (!rounds || i < rounds); i++) {
		int fd = dial();
		SSL *ssl = SSL_new(tls);
		well = fd >= 0 && ssl && converse(ssl, fd);
		if (well) {
			if (atomic_fetch_add(&served, 1) % REPORT_EVERY == REPORT_EVERY - 1)
				printf("%lu\n", atomic_load(&served));
		} else {
			atomic_fetch_add(&failed, 1);
			perror("a connection failed");
			ERR_print_errors_fp(stderr);
		}
		SSL_free(ssl);
		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

/* In a thread of its own: the others never see the signal. */
static void *await_end(void *arg)
{
	int sig;

	if (sigwait(arg, &sig) == 0)
		atomic_store(&stopped, true);
	return NULL;
}

int main(int argc, char **argv)
{
	static sigset_t end;
	pthread_t threads[CLIENTS_MAX], waiter;

	if (argc < 5)
		return 2;
	unsigned long clients = strtoul(argv[4], NULL, 10);
	server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	name = argv[3];
	rounds = argc > 5 ? strtoul(argv[5], NULL, 10) : 0;
	tls = SSL_CTX_new(TLS_client_method());
	if (!tls || clients == 0 || clients > CLIENTS_MAX || !SSL_CTX_load_verify_file(tls, argv[2]))
		return 2;
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&end);
	sigaddset(&end, SIGTERM);
	if (pthread_sigmask(SIG_BLOCK, &end, NULL) || pthread_create(&waiter, NULL, await_end, &end))
		return 2;
	for (unsigned long i = 0; i < clients; i++)
		if (pthread_create(&threads[i], NULL, client, NULL))
			return 2;
	for (unsigned long i = 0; i < clients; i++)
		pthread_join(threads[i], NULL);
	printf("served %lu failed %lu\n", served, failed);
	return served && !failed ? 0 : 1;
}
