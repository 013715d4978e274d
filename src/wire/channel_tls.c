/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS on a channel. libssl is asked what it waits for by SSL_want, not by
 * SSL_get_error, which takes whatever error the application has left in the
 * thread's queue for its own.
 */
#include "wire/channel_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "crypto/context.h"

/* -- the queue of errors, which is the application's too --------------------------------- */

/*
 * None of ours stays there. What it had stays, but for what libssl itself takes
 * out of it in a handshake, and when tickets come after it.
 */

struct errors {
	bool marked;
	unsigned long before;
};

static struct errors errors_begin(void)
{
	const unsigned long before = ERR_peek_last_error();

	return (struct errors){.marked = before != 0 && ERR_set_mark() == 1, .before = before};
}

/* The last of what came since, 0 for none; the queue is as it was. */
static unsigned long errors_end(struct errors e)
{
	const unsigned long last = ERR_peek_last_error();

	if (e.marked)
		ERR_pop_to_mark();
	else if (last != 0)
		ERR_clear_error();
	return e.marked && last == e.before ? 0 : last;
}

/* -- why ---------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void explain(struct channel *c, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(c->why, sizeof(c->why), fmt, args);
	va_end(args);
}

/* What a person can do about a certificate that was refused. */
static const char *advice(int error)
{
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return "Have it renewed";
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "Compare the clocks of both hosts";
	case X509_V_ERR_CERT_REVOKED:
		return "Have a new one issued, for a new key";
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_CRL_NOT_YET_VALID:
		return "Fetch a new revocation list (crl) and reload";
	case X509_V_ERR_UNABLE_TO_GET_CRL:
		return "Add its issuer's revocation list to the file that crl names";
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return "Set name to what stands in it, or have that name put into it";
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return "Its authority is not among those in the file that ca names";
	case X509_V_ERR_INVALID_PURPOSE:
		return "It was issued for another purpose (extendedKeyUsage)";
	default:
		return "Have it issued anew";
	}
}

int channel_verify_seen(int ok, X509_STORE_CTX *store)
{
	char subject[200] = "a nameless";
	X509 *cert = X509_STORE_CTX_get_current_cert(store);
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	const int error = X509_STORE_CTX_get_error(store);

	if (ok || !ssl)
		return ok;
	if (cert)
		X509_NAME_oneline(X509_get_subject_name(cert), subject, sizeof(subject));
	struct channel *c = SSL_get_app_data(ssl);
	explain(c, "the certificate of %s was refused: %s%s%s. %s", subject, X509_verify_cert_error_string(error),
	        c->name[0] ? ", wanted for " : "", c->name, advice(error));
	return 0;
}

/* Alerts by which a peer says that it was our certificate. */
static bool refused_us(int reason)
{
	switch (reason) {
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_NO_CERTIFICATE:
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
	case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
		return true;
	default:
		return false;
	}
}

/* Numbers of reasons are each library's own: what is 134 to libssl is something else to others. */
static enum hufu_err certificate_refused(struct channel *c, unsigned long error)
{
	const int reason = ERR_GET_REASON(error);

	if (ERR_GET_LIB(error) != ERR_LIB_SSL)
		return HUFU_OK;
	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
		return HUFU_ERR_DENIED; /* channel_verify_seen has said why */
	if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
		explain(c, "the peer has shown no certificate");
		return HUFU_ERR_DENIED;
	}
	if (!refused_us(reason))
		return HUFU_OK;
	explain(c, "the peer refused our certificate (%s). Its log says why", ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, reason)));
	return HUFU_ERR_DENIED;
}

/* A call of libssl's that was to give something has not. HUFU_OK with *want: later. */
static enum hufu_err classify(struct channel *c, unsigned long error, enum channel_want *want)
{
	if (error == 0 && SSL_want_read(c->ssl) && BIO_should_read(SSL_get_rbio(c->ssl))) {
		*want = CHANNEL_READ;
		return HUFU_OK;
	}
	if (error == 0 && SSL_want_write(c->ssl) && BIO_should_write(SSL_get_wbio(c->ssl))) {
		*want = CHANNEL_WRITE;
		return HUFU_OK;
	}
	*want = CHANNEL_READY;
	c->ended = true;
	enum hufu_err refused = certificate_refused(c, error);
	if (refused)
		return refused;
	if (c->eof && (error == 0 || ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING))
		explain(c, "the peer ended the connection");
	else if (c->error != 0)
		explain(c, "%s", strerrordesc_np(c->error));
	else
		explain(c, "TLS failed: %s", ERR_reason_error_string(error) ? ERR_reason_error_string(error) : "no reason given");
	return HUFU_ERR_GONE;
}

/* -- life ----------------------------------------------------------------------------------- */

static bool expect_name(SSL *ssl, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (!name[0])
		return true;
	if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
		return true;
	/* RFC 6125 6.4.4: the subject's common name is no host name. */
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

static bool tls_start(struct channel *c)
{
	BIO *bio = channel_bio(c);

	if (!bio)
		return false;
	SSL_set_bio(c->ssl, bio, bio);
	SSL_set_app_data(c->ssl, c);
	if (c->context->server) {
		SSL_set_accept_state(c->ssl);
		return true;
	}
	SSL_set_connect_state(c->ssl);
	SSL_SESSION *session = channel_session_take(c->context, c->name);
	if (session) {
		(void)SSL_set_session(c->ssl, session); /* if it will not do, the handshake is a full one */
		SSL_SESSION_free(session);
	}
	return expect_name(c->ssl, c->name);
}

enum hufu_err channel_tls_new(struct channel *c)
{
	/* Of a parent's context a child may touch nothing, its locks may be held for ever. */
	if (!channel_context_alive(c->context) || !libcrypto_context())
		return HUFU_ERR_GONE;
	const struct errors e = errors_begin();
	c->ssl = SSL_new(c->context->ctx);
	const bool started = c->ssl && tls_start(c);
	if (!started) {
		SSL_free(c->ssl);
		c->ssl = NULL;
	}
	(void)errors_end(e);
	return started ? HUFU_OK : HUFU_ERR_NO_MEMORY;
}

void channel_tls_free(struct channel *c)
{
	if (!channel_context_alive(c->context))
		return;
	const struct errors e = errors_begin();
	if (c->established && !c->ended && libcrypto_context())
		(void)SSL_shutdown(c->ssl); /* one record, if the socket takes it at once */
	SSL_free(c->ssl);
	(void)errors_end(e);
}

/* -- bytes ------------------------------------------------------------------------------------ */

enum hufu_err channel_tls_handshake(struct channel *c, enum channel_want *want)
{
	const struct errors e = errors_begin();
	const int done = SSL_do_handshake(c->ssl);
	const unsigned long error = errors_end(e);

	if (done != 1)
		return classify(c, error, want);
	const struct errors inner = errors_begin();
	enum hufu_err err = channel_peer_of_tls(c);
	(void)errors_end(inner);
	if (err)
		c->ended = true;
	else
		c->established = true;
	return err;
}

enum hufu_err channel_tls_read(struct channel *c, void *buf, size_t cap, size_t *n, enum channel_want *want)
{
	const struct errors e = errors_begin();
	const int done = SSL_read_ex(c->ssl, buf, cap, n);
	const unsigned long error = errors_end(e);

	c->starved = done != 1;
	if (done == 1)
		return HUFU_OK;
	*n = 0;
	if (error == 0 && (SSL_get_shutdown(c->ssl) & SSL_RECEIVED_SHUTDOWN))
		return HUFU_OK; /* close_notify: its end, in good order */
	return classify(c, error, want);
}

enum hufu_err channel_tls_write(struct channel *c, const void *buf, size_t len, size_t *n, enum channel_want *want)
{
	const struct errors e = errors_begin();
	const int done = SSL_write_ex(c->ssl, buf, len, n);
	const unsigned long error = errors_end(e);

	if (done == 1)
		return HUFU_OK;
	*n = 0;
	return classify(c, error, want);
}
