#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# curl with a client certificate whose key is in a token. Tried with curl 7.88.1 of Debian 12.
#
# --key takes a file that holds nothing but the key's URI:
#
#	openssl pkey -in "pkcs11:token=gateway;object=client;type=private" -out /etc/hufu/gateway/client.key
#
# A URI itself would go to the engine of that name (--engine pkcs11 --key-type ENG), which knows no SM2 and no provider.
# Usage: curl.sh URL [OPTION...]
OPENSSL_CONF=${OPENSSL_CONF:-/etc/hufu/openssl.cnf} exec curl --cert /etc/hufu/gateway/client.crt --key /etc/hufu/gateway/client.key "$@"
