/* SPDX-License-Identifier: Apache-2.0 */
/* Return values of modules (PKCS#11 3.1 5.1) as groups: what they say of the request, the device, the connection. */
#include "driver/p11/p11.h"

bool p11_is_loss(CK_RV rv)
{
	switch (rv) {
	case CKR_SESSION_HANDLE_INVALID:
	case CKR_SESSION_CLOSED:
	case CKR_USER_NOT_LOGGED_IN:
	case CKR_CRYPTOKI_NOT_INITIALIZED:
	case CKR_DEVICE_REMOVED:
	case CKR_TOKEN_NOT_PRESENT:
	case CKR_KEY_HANDLE_INVALID:
	case CKR_OBJECT_HANDLE_INVALID:
	case CKR_WRAPPING_KEY_HANDLE_INVALID:
	case CKR_UNWRAPPING_KEY_HANDLE_INVALID:
	case CKR_OPERATION_ACTIVE: /* an earlier call ended in a way that its code did not say */
		return true;
	default:
		return false;
	}
}

/* What was not delivered, or to nobody. */
static enum hufu_err of_connection(CK_RV rv)
{
	switch (rv) {
	case CKR_KEY_HANDLE_INVALID:
	case CKR_OBJECT_HANDLE_INVALID:
	case CKR_WRAPPING_KEY_HANDLE_INVALID:
	case CKR_UNWRAPPING_KEY_HANDLE_INVALID:
	case CKR_USER_NOT_LOGGED_IN: return HUFU_ERR_NO_KEY;
	default: return HUFU_ERR_GONE;
	}
}

static enum hufu_err of_request(CK_RV rv)
{
	switch (rv) {
	case CKR_DATA_INVALID: return HUFU_ERR_DATA;
	case CKR_DATA_LEN_RANGE: return HUFU_ERR_DATA_LEN;
	case CKR_ENCRYPTED_DATA_INVALID:
	case CKR_AEAD_DECRYPT_FAILED: return HUFU_ERR_CIPHERTEXT;
	case CKR_ENCRYPTED_DATA_LEN_RANGE: return HUFU_ERR_CIPHERTEXT_LEN;
	case CKR_SIGNATURE_INVALID: return HUFU_ERR_SIGNATURE;
	case CKR_SIGNATURE_LEN_RANGE: return HUFU_ERR_SIGNATURE_LEN;
	case CKR_ARGUMENTS_BAD: /* ours are not: a parameter's hash or length that it does not have */
	case CKR_MECHANISM_PARAM_INVALID:
	case CKR_CURVE_NOT_SUPPORTED:
	case CKR_DOMAIN_PARAMS_INVALID: return HUFU_ERR_PARAM;
	case CKR_KEY_TYPE_INCONSISTENT: return HUFU_ERR_KEY_TYPE;
	case CKR_KEY_SIZE_RANGE: return HUFU_ERR_KEY_SIZE;
	case CKR_ATTRIBUTE_VALUE_INVALID:
	case CKR_WRAPPED_KEY_INVALID:
	case CKR_WRAPPED_KEY_LEN_RANGE:
	case CKR_PUBLIC_KEY_INVALID: return HUFU_ERR_KEY_VALUE;
	default: return HUFU_OK;
	}
}

static enum hufu_err of_device(CK_RV rv)
{
	switch (rv) {
	case CKR_MECHANISM_INVALID:
	case CKR_FUNCTION_NOT_SUPPORTED:
	case CKR_KEY_NOT_WRAPPABLE: /* of this kind: wrap_key is what it is */
	case CKR_RANDOM_NO_RNG: return HUFU_ERR_UNSUPPORTED;
	case CKR_KEY_FUNCTION_NOT_PERMITTED: /* this key may not, here; others may */
	case CKR_KEY_UNEXTRACTABLE:
	case CKR_TEMPLATE_INCONSISTENT:
	case CKR_TEMPLATE_INCOMPLETE:
	case CKR_ATTRIBUTE_TYPE_INVALID:
	case CKR_ATTRIBUTE_READ_ONLY: return HUFU_ERR_NO_KEY;
	case CKR_PIN_INCORRECT:
	case CKR_PIN_INVALID:
	case CKR_PIN_LEN_RANGE:
	case CKR_PIN_EXPIRED:
	case CKR_PIN_LOCKED:
	case CKR_USER_PIN_NOT_INITIALIZED:
	case CKR_USER_ANOTHER_ALREADY_LOGGED_IN: return HUFU_ERR_DENIED;
	case CKR_SESSION_COUNT:
	case CKR_DEVICE_MEMORY: return HUFU_ERR_BUSY;
	case CKR_SLOT_ID_INVALID:
	case CKR_TOKEN_NOT_RECOGNIZED: return HUFU_ERR_GONE;
	case CKR_HOST_MEMORY: return HUFU_ERR_NO_MEMORY;
	default: return HUFU_ERR_LOST; /* CKR_DEVICE_ERROR, CKR_GENERAL_ERROR, a vendor's own */
	}
}

enum hufu_err p11_err(CK_RV rv)
{
	if (rv == CKR_OK)
		return HUFU_OK;
	if (p11_is_loss(rv))
		return of_connection(rv);
	enum hufu_err err = of_request(rv);
	return err != HUFU_OK ? err : of_device(rv);
}

enum hufu_err p11_answer(struct hufu_lease *lease, CK_RV rv)
{
	lease->lost |= p11_is_loss(rv);
	return p11_err(rv);
}

enum hufu_err p11_answer_of_object(struct hufu_lease *lease, CK_RV rv)
{
	if (rv != CKR_OK || atomic_load(&lease->device->connection) == lease->connection)
		return p11_answer(lease, rv);
	lease->lost = true;
	return HUFU_ERR_GONE;
}
