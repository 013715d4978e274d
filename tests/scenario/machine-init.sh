#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: hufu machine makes what machines and clients begin with, and spoils nothing that is there.
. "$(dirname "$0")/lib.sh"
need openssl

dir=$work/domain
check "a first machine gets a domain" "$HUFU" machine init "$dir" --host gate.example --host 127.0.0.1 --host ::1
check "the next command is told" contains "hufu machine client" "$work/out"
check "a second machine joins it" "$HUFU" machine init "$dir" --name machine2 --host 127.0.0.1 --port 5697
check_status 7 "the same name again is refused" "$HUFU" machine init "$dir" --name machine2
check_status 1 "a name that leads elsewhere is refused" "$HUFU" machine init "$dir" --name ../x
check_status 1 "a host that would end the list of names is refused" "$HUFU" machine init "$dir" --name x --host 'a,DNS:b'
check "certificates hold by the strict rules of RFC 5280" openssl verify -x509_strict -purpose sslserver -CAfile "$dir/ca.pem" "$dir/machine1.pem" "$dir/machine2.pem"
check "a name of the first machine is in its certificate" openssl verify -CAfile "$dir/ca.pem" -verify_hostname gate.example "$dir/machine1.pem"
check "an IPv6 address too" openssl verify -CAfile "$dir/ca.pem" -verify_ip ::1 "$dir/machine1.pem"
check_not "another name is not" openssl verify -CAfile "$dir/ca.pem" -verify_hostname other.example "$dir/machine1.pem"
check "a client is made and known to both machines" "$HUFU" machine client "$dir" app --machine machine1=127.0.0.1:5696 \
	--machine machine2=127.0.0.1:5697 --grant "$dir/machine1.conf" --grant "$dir/machine2.conf"
check_not "a client's certificate is no server's" openssl verify -purpose sslserver -CAfile "$dir/ca.pem" "$dir/app.pem"
check "machine1's configuration is right" env HUFU_CONF="$dir/machine1.conf" "$HUFU" config check
check "the client's configuration is right" env HUFU_CONF="$dir/app.conf" "$HUFU" config check
check_status 1 "a machine without an address is refused" "$HUFU" machine client "$dir" app2 --machine machine1
check_status 2 "a directory without a domain is refused" "$HUFU" machine client "$work" app
all_private() { [ -z "$(find "$dir" -type f -perm /077)" ]; }
check "nobody else can read any of it" all_private
finish
