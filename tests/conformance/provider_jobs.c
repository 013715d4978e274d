/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/provider_jobs.h"

#include <openssl/err.h>
#include <poll.h>

#define PATIENCE_MS 60000               /* what only a failure waits for */

static const uint8_t message[] = "what the jobs sign";

/* libcrypto copies what a job is given. */
static int enter(void *copy)
{
	struct task *task;

	memcpy(&task, copy, sizeof task);
	return task->run(task->arg);
}

bool task_start(struct task *task)
{
	if (!task->wait)
		task->wait = ASYNC_WAIT_CTX_new();
	task->status = ASYNC_start_job(&task->job, task->wait, &task->ret, enter, &task, sizeof task);
	return task->status == ASYNC_PAUSE;
}

int task_fd(const struct task *task)
{
	OSSL_ASYNC_FD fd = -1;
	size_t n = 0;

	if (ASYNC_WAIT_CTX_get_all_fds(task->wait, NULL, &n) == 1 && n == 1)
		(void)ASYNC_WAIT_CTX_get_all_fds(task->wait, &fd, &n);
	return fd;
}

bool task_is_ready(const struct task *task, int timeout_ms)
{
	struct pollfd p = {.fd = task_fd(task), .events = POLLIN};

	return p.fd >= 0 && poll(&p, 1, timeout_ms) == 1 && p.revents & POLLIN;
}

unsigned tasks_finish(struct task *tasks, unsigned n)
{
	unsigned good = 0;

	for (unsigned i = 0; i < n; i++) {
		while (tasks[i].status == ASYNC_PAUSE && task_is_ready(&tasks[i], PATIENCE_MS))
			task_start(&tasks[i]);
		CU_ASSERT_EQUAL(tasks[i].status, ASYNC_FINISH);
		good += tasks[i].status == ASYNC_FINISH && tasks[i].ret == 1;
	}
	return good;
}

void task_clear(struct task *task)
{
	ASYNC_WAIT_CTX_free(task->wait);
	task->wait = NULL;
	task->job = NULL;
}

int sign_in_job(void *arg)
{
	struct signing *signing = arg;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	signing->len = sizeof signing->sig;
	int good = EVP_DigestSignInit_ex(ctx, NULL, signing->md, with_hufu, NULL, signing->key, NULL) == 1 &&
	           EVP_DigestSign(ctx, signing->sig, &signing->len, message, sizeof message) == 1;
	EVP_MD_CTX_free(ctx);
	return good;
}

bool signature_is_right(const struct signing *signing, EVP_PKEY *public)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool right = EVP_DigestVerifyInit_ex(ctx, NULL, signing->md, without_hufu, NULL, public, NULL) == 1 &&
	             EVP_DigestVerify(ctx, signing->sig, signing->len, message, sizeof message) == 1;

	EVP_MD_CTX_free(ctx);
	return right;
}
