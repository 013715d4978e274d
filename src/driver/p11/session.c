/* SPDX-License-Identifier: Apache-2.0 */
/* The connection with a token: sessions, the login, and both again after a loss. */
#include "driver/p11/p11.h"

#include <stdlib.h>
#include <string.h>

enum hufu_err p11_open_session(struct hufu_device *device, CK_SESSION_HANDLE *session)
{
	struct p11_module *module = device->module;
	CK_RV rv = P11_CALL(module, C_OpenSession, device->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, session);

	if (rv == CKR_TOKEN_WRITE_PROTECTED) /* nothing is written to it; some modules make session keys in such sessions only */
		rv = P11_CALL(module, C_OpenSession, device->slot, CKF_SERIAL_SESSION, NULL, NULL, session);
	if (rv == CKR_CRYPTOKI_NOT_INITIALIZED) {
		rv = p11_module_initialise_again(module);
		if (rv == CKR_OK)
			rv = P11_CALL(module, C_OpenSession, device->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, session);
	}
	return p11_err(rv);
}

void p11_close_session(struct hufu_device *device, CK_SESSION_HANDLE session)
{
	(void)P11_CALL(device->module, C_CloseSession, session);
}

/* -- the login ------------------------------------------------------------------------ */

static void forget_pin(struct hufu_device *device)
{
	device->host->secret_free(device->pin);
	device->pin = NULL;
	device->pin_len = 0;
}

/* It may be logged in already, by another device of this token or by the application. */
static enum hufu_err log_in(struct hufu_device *device)
{
	if (!device->pin)
		return HUFU_OK;
	CK_RV rv = P11_CALL(device->module, C_Login, device->keeper, CKU_USER, device->pin, device->pin_len);
	enum hufu_err err = rv == CKR_USER_ALREADY_LOGGED_IN ? HUFU_OK : p11_err(rv);
	atomic_store(&device->logged_in, err == HUFU_OK);
	device->login_ours = rv == CKR_OK || (device->login_ours && rv == CKR_USER_ALREADY_LOGGED_IN);
	if (err == HUFU_ERR_DENIED) {
		device->host->log(HUFU_LOG_ERROR, device->name, "the token refuses the PIN (0x%lx); it is not presented again", rv);
		forget_pin(device);
	}
	return err;
}

/* -- connecting --------------------------------------------------------------------------- */

static uint64_t next_number(void)
{
	static _Atomic uint64_t last;

	return atomic_fetch_add(&last, 1) + 1;
}

/*
 * The number goes first: an op that sees it after its Init knows that no object
 * had gone, nor its handle been given to another one, when the Init took it.
 */
static void disconnect_locked(struct hufu_device *device)
{
	if (atomic_exchange(&device->connection, 0) != 0)
		p11_close_session(device, device->keeper);
	atomic_store(&device->logged_in, false);
	device->kek = CK_INVALID_HANDLE;
	device->kek_missing = false;
	p11_forget_found(device);
}

/* Another one in the slot is not this device: its keys are others, and its PIN may be. */
enum hufu_err p11_same_token(struct hufu_device *device)
{
	CK_TOKEN_INFO info = {0};
	CK_RV rv = P11_CALL(device->module, C_GetTokenInfo, device->slot, &info);

	if (rv != CKR_OK)
		return p11_err(rv);
	return memcmp(info.serialNumber, device->token.serialNumber, sizeof(info.serialNumber)) == 0 ? HUFU_OK : HUFU_ERR_GONE;
}

static enum hufu_err connect_locked(struct hufu_device *device)
{
	enum hufu_err err = p11_open_session(device, &device->keeper);

	if (err != HUFU_OK)
		return err;
	err = p11_same_token(device);
	if (err == HUFU_OK)
		err = log_in(device);
	if (err != HUFU_OK) {
		p11_close_session(device, device->keeper);
		return err;
	}
	atomic_store(&device->connection, next_number());
	return HUFU_OK;
}

enum hufu_err p11_connect(struct hufu_device *device)
{
	enum hufu_err err = HUFU_OK;

	pthread_mutex_lock(&device->lock);
	if (atomic_load(&device->connection) == 0)
		err = connect_locked(device);
	pthread_mutex_unlock(&device->lock);
	return err;
}

enum hufu_err p11_reconnect(struct hufu_device *device, uint64_t connection)
{
	enum hufu_err err = HUFU_OK;

	pthread_mutex_lock(&device->lock);
	if (atomic_load(&device->connection) == connection) {
		device->host->log(HUFU_LOG_NOTICE, device->name, "connects anew: a session, a login or an object is gone");
		disconnect_locked(device);
	}
	if (atomic_load(&device->connection) == 0)
		err = connect_locked(device);
	pthread_mutex_unlock(&device->lock);
	return err;
}

void p11_disconnect(struct hufu_device *device)
{
	pthread_mutex_lock(&device->lock);
	disconnect_locked(device);
	forget_pin(device);
	pthread_mutex_unlock(&device->lock);
}

enum hufu_err p11_refresh(struct hufu_lease *lease)
{
	struct hufu_device *device = lease->device;
	enum hufu_err err = p11_connect(device);
	uint64_t now = atomic_load(&device->connection);

	if (err != HUFU_OK || lease->connection == now)
		return err;
	if (lease->connection != 0)
		p11_close_session(device, lease->session);
	lease->connection = 0;
	err = p11_open_session(device, &lease->session);
	if (err == HUFU_OK)
		lease->connection = now;
	return err;
}

/* -- verbs ----------------------------------------------------------------------------------- */

static enum hufu_err keep_pin(struct hufu_device *device, const struct hufu_op *op)
{
	uint8_t *pin = device->host->secret_alloc(op->in_len);

	if (!pin)
		return HUFU_ERR_NO_MEMORY;
	memcpy(pin, op->in, op->in_len);
	forget_pin(device);
	device->pin = pin;
	device->pin_len = op->in_len;
	return HUFU_OK;
}

/* The one credential that a token has here: the user's PIN. */
enum hufu_err p11_login(struct hufu_lease *lease, const struct p11_offer *offer, struct hufu_op *op)
{
	static const char user[] = "user";
	struct hufu_device *device = lease->device;

	(void)offer;
	if (!op->in2 || op->in2_len != sizeof(user) - 1 || memcmp(op->in2, user, op->in2_len) != 0)
		return HUFU_ERR_UNSUPPORTED;
	if (!op->in || op->in_len == 0)
		return HUFU_ERR_ARGUMENT;
	pthread_mutex_lock(&device->lock);
	enum hufu_err err = keep_pin(device, op);
	if (err == HUFU_OK && atomic_load(&device->connection) != 0)
		err = log_in(device);
	pthread_mutex_unlock(&device->lock);
	if (err == HUFU_ERR_GONE || err == HUFU_ERR_NO_KEY) /* the connection was no good: the new one logs in */
		err = p11_reconnect(device, lease->connection);
	return err;
}

/*
 * Its private session objects go with the login (PKCS#11 3.1 5.6.9): a new connection, where there is a next op. The
 * application's own login, if it uses the token, too, is left alone.
 */
enum hufu_err p11_logout(struct hufu_lease *lease, const struct p11_offer *offer, struct hufu_op *op)
{
	struct hufu_device *device = lease->device;

	(void)offer;
	(void)op;
	pthread_mutex_lock(&device->lock);
	if (device->login_ours && atomic_load(&device->connection) != 0)
		(void)P11_CALL(device->module, C_Logout, device->keeper);
	device->login_ours = false;
	forget_pin(device);
	disconnect_locked(device);
	pthread_mutex_unlock(&device->lock);
	return HUFU_OK;
}
