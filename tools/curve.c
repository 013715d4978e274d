/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/curve.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <string.h>

/* SEC 2's name of P-256, which libcrypto alone of the three does not know: it has X9.62's. */
static int nid_of_name(const char *name)
{
	int nid = EC_curve_nist2nid(name);

	if (nid == NID_undef)
		nid = OBJ_txt2nid(strcmp(name, "secp256r1") ? name : SN_X9_62_prime256v1);
	return nid;
}

static int nid_of_params(const unsigned char *params, CK_ULONG len)
{
	const unsigned char *p = params;
	ASN1_OBJECT *oid = params && len <= CURVE_OID_MAX ? d2i_ASN1_OBJECT(NULL, &p, (long)len) : NULL;
	int nid = oid ? OBJ_obj2nid(oid) : NID_undef;

	ASN1_OBJECT_free(oid);
	return nid;
}

static CK_ULONG nbits(int nid)
{
	EC_GROUP *group = nid == NID_undef ? NULL : EC_GROUP_new_by_curve_name(nid);
	int bits = group ? EC_GROUP_order_bits(group) : 0;

	EC_GROUP_free(group);
	ERR_clear_error();
	return bits > 0 ? (CK_ULONG)bits : 0;
}

CK_ULONG curve_oid(const char *name, unsigned char der[CURVE_OID_MAX])
{
	int nid = nid_of_name(name);
	unsigned char *p = der;

	if (nbits(nid) == 0) /* "sha256" has an OID too */
		return 0;
	int len = i2d_ASN1_OBJECT(OBJ_nid2obj(nid), NULL);
	return len > 0 && len <= CURVE_OID_MAX ? (CK_ULONG)i2d_ASN1_OBJECT(OBJ_nid2obj(nid), &p) : 0;
}

const char *curve_libcrypto_name(const unsigned char *params, CK_ULONG len)
{
	int nid = nid_of_params(params, len);

	return nid == NID_undef ? NULL : OBJ_nid2sn(nid);
}

const char *curve_name(const unsigned char *params, CK_ULONG len)
{
	int nid = nid_of_params(params, len);
	const char *name = nid == NID_undef ? NULL : EC_curve_nid2nist(nid);

	return name ? name : curve_libcrypto_name(params, len);
}

CK_ULONG curve_nbits(const unsigned char *params, CK_ULONG len)
{
	return nbits(nid_of_params(params, len));
}
