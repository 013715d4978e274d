#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: GnuTLS's tools make, keep and use RSA, ECDSA and EdDSA keys on the
# token: p11tool manages them, certtool builds a certificate chain with them,
# and gnutls-serv and gnutls-cli speak TLS with them. GnuTLS initialises the
# module with CKF_LIBRARY_CANT_CREATE_OS_THREADS.
. "$(dirname "$0")/lib.sh"
need p11tool certtool gnutls-serv gnutls-cli pkcs11-tool openssl
init_token demo
# What lists private objects asks for the PIN by the URI of the token alone, so
# that a pin-source is not heard.
export GNUTLS_PIN=$PIN GNUTLS_SO_PIN=$SO_PIN
without_env() { env -u GNUTLS_PIN -u GNUTLS_SO_PIN "$@" </dev/null; }
certtool_() { without_env $HUFU_WRAP certtool --provider "$MODULE" "$@"; }
# The URI of an object, the PIN from a file. p11-kit takes a bare path here, not file:.
with_pin() { printf '%s;%s?pin-source=%s' "$URI" "$1" "${2:-$work/user.pin}"; }

# Keys.

generate() { p11tool_ --login --generate-privkey="$1" "$2" --label "$3" --id "$4" --outfile "$work/$3.pub" "$URI"; }
check "generates an RSA key" generate rsa --bits=2048 ca 01
check "another" generate rsa --bits=3072 rsa 02
check "an ECDSA key on P-256" generate ecdsa --curve=secp256r1 ecdsa 03
check "on P-384" generate ecdsa --curve=secp384r1 p384 04
# GnuTLS 3.7 asks for an Ed25519 pair with CKM_EDDSA, which generates none; it uses those that it is given.
check_not "generates no key pair by a mechanism that signs" generate ed25519 --curve=ed25519 ed25519 05
check "pkcs11-tool generates an Ed25519 key" pkcs11_tool --token-label demo --login --pin "$PIN" --keypairgen --key-type EC:edwards25519 --usage-sign --label ed25519 --id 05
check "whose public key p11tool exports" p11tool_ --login --export-pubkey --outfile "$work/ed25519.pub" "$URI;object=ed25519;type=private"
for key in ca rsa ecdsa p384 ed25519; do
	check "openssl reads the public key of $key" openssl pkey -pubin -in "$work/$key.pub" -noout
done
check_not "refuses an RSA key of 64 bits" generate rsa --bits=64 tiny 06

sign() { local key=$1; shift; without_env $HUFU_WRAP p11tool --provider "$MODULE" --batch --login --test-sign "$@" "$(with_pin "object=$key;type=private")"; }
check "signs with RSA, PKCS #1 v1.5, and verifies" sign rsa
check "with SHA-512" sign rsa --hash=SHA512
check "with RSA-PSS" sign rsa --sign-params=rsa-pss
check "with ECDSA" sign ecdsa
check "on P-384 with SHA-384" sign p384 --hash=SHA384
check "with Ed25519" sign ed25519 --hash=SHA512

check "lists everything with a login" p11tool_ --login --list-all "$URI"
check "five private keys" is_equal "$(grep -c 'Type: Private key' "$work/out")" 5
check "five public keys" is_equal "$(grep -c 'Type: Public key' "$work/out")" 5
check "sensitive as generated" contains 'CKA_NEVER_EXTRACTABLE; CKA_SENSITIVE' "$work/out"
check "without a login" p11tool_ --list-all "$URI"
check "no private key" absent 'Private key' "$work/out"
check "but the public ones" contains 'Public key (RSA-3072)' "$work/out"
check "lists private keys alone" p11tool_ --login --list-privkeys --only-urls "$URI"
check "all of them" is_equal "$(grep -c 'type=private' "$work/out") $(grep -vc 'type=private' "$work/out")" "5 0"
check "filters by label" p11tool_ --login --list-all --only-urls "$URI;object=ecdsa"
check "to a pair" is_equal "$(grep -c 'object=ecdsa' "$work/out") $(wc -l <"$work/out")" "2 2"
check "by ID" p11tool_ --login --list-all --only-urls "$URI;id=%04;type=private"
check "to one key" is_equal "$(sed 's/.*object=//' "$work/out")" "p384;type=private"
check "tells about a key" p11tool_ --login --info "$URI;object=rsa;type=private"
check "its kind" contains 'Private key (RSA-3072)' "$work/out"
check "exports the public key of a private one" p11tool_ --login --export-pubkey --outfile "$work/again.pub" "$URI;object=rsa;type=private"
check "the same that generation gave" same "$work/rsa.pub" "$work/again.pub"

openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$work/soft.key" 2>/dev/null
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/soft-ec.key" 2>/dev/null
check "writes an RSA private key" p11tool_ --login --write --load-privkey "$work/soft.key" --label import --id 10 "$URI"
check "which signs" p11tool_ --login --test-sign "$URI;object=import;type=private"
check "and is the one that was written" p11tool_ --login --export-pubkey --outfile "$work/import.pub" "$URI;object=import;type=private"
openssl pkey -in "$work/soft.key" -pubout -out "$work/soft.pub"
check "by its public key" same "$work/soft.pub" "$work/import.pub"
check "writes an EC private key" p11tool_ --login --write --load-privkey "$work/soft-ec.key" --label import-ec --id 11 "$URI"
openssl pkey -in "$work/soft-ec.key" -pubout -out "$work/soft-ec.pub"
check "and its public key" p11tool_ --login --write --load-pubkey "$work/soft-ec.pub" --label import-ec --id 11 "$URI"
check "which sign and verify" p11tool_ --login --test-sign "$URI;object=import-ec;type=private"
check "writes a secret key" p11tool_ --login --write --secret-key=000102030405060708090a0b0c0d0e0f --label secret "$URI"
check "sets a label" p11tool_ --login --set-label=renamed "$URI;object=import;type=private"
check "sets an ID" p11tool_ --login --set-id=1a "$URI;object=renamed;type=private"
check "lists both" p11tool_ --login --list-privkeys --only-urls "$URI;object=renamed"
check "as set" contains 'id=%1a;object=renamed' -i "$work/out"
for object in renamed import-ec secret; do
	check "deletes $object" p11tool_ --login --delete "$URI;object=$object"
done
p11tool_ --login --list-all --only-urls "$URI" >"$work/out" 2>&1
check "after which they are gone" absent -e renamed -e import -e secret "$work/out"

# Certificates.

printf '%s\n' 'cn = "Test CA"' ca cert_signing_key 'expiration_days = 30' >"$work/ca.tmpl"
printf '%s\n' 'cn = "localhost"' 'dns_name = "localhost"' tls_www_server tls_www_client signing_key encryption_key 'expiration_days = 30' >"$work/leaf.tmpl"
check "certtool signs a CA's certificate with the token's key" certtool_ --generate-self-signed --load-privkey "$(with_pin 'object=ca;type=private')" \
	--load-pubkey "$work/ca.pub" --template "$work/ca.tmpl" --no-text --outfile "$work/ca.pem"
check "openssl verifies it" openssl verify -check_ss_sig -CAfile "$work/ca.pem" "$work/ca.pem"
issue() { certtool_ --generate-certificate --load-request "$work/$1.csr" --load-ca-privkey "$(with_pin "object=${2:-ca};type=private")" \
	--load-ca-certificate "$work/ca.pem" --template "$work/leaf.tmpl" --no-text --outfile "$work/$1.pem"; }
for key in rsa ecdsa ed25519; do
	check "certtool makes a request with the $key key" certtool_ --generate-request --load-privkey "$(with_pin "object=$key;type=private")" \
		--load-pubkey "$work/$key.pub" --template "$work/leaf.tmpl" --no-text --outfile "$work/$key.csr"
	openssl req -in "$work/$key.csr" -verify -noout >"$work/out" 2>&1
	check "openssl verifies it" contains 'verify OK' "$work/out"
	check "the CA on the token issues a certificate for it" issue $key
	check "openssl verifies the chain" openssl verify -x509_strict -CAfile "$work/ca.pem" "$work/$key.pem"
	cat "$work/$key.pem" "$work/ca.pem" >"$work/chain.pem"
	check "and so does certtool" certtool --verify-chain --infile "$work/chain.pem"
done
check "certtool gives the CA's key a list of revoked certificates to sign" certtool_ --generate-crl --load-ca-privkey "$(with_pin 'object=ca;type=private')" \
	--load-ca-certificate "$work/ca.pem" --load-certificate "$work/rsa.pem" --template "$work/leaf.tmpl" --outfile "$work/crl.pem"
check "openssl verifies it" openssl crl -CAfile "$work/ca.pem" -in "$work/crl.pem" -noout
check_not "certtool takes no wrong PIN" certtool_ --generate-request --load-privkey "$(with_pin 'object=rsa;type=private' "$work/so.pin")" \
	--load-pubkey "$work/rsa.pub" --template "$work/leaf.tmpl" --no-text --outfile "$work/wrong.csr"
check "and then makes no request" test ! -s "$work/wrong.csr"

check "writes the CA's certificate as trusted, as the security officer" p11tool_ --so-login --write --mark-trusted --mark-ca --load-certificate "$work/ca.pem" --label ca --id 01 "$URI"
check_not "but not as the user" p11tool_ --login --write --mark-trusted --load-certificate "$work/rsa.pem" --label untrusted "$URI"
for key in rsa:02 ecdsa:03; do
	check "writes the certificate of ${key%:*}" p11tool_ --login --write --load-certificate "$work/${key%:*}.pem" --label "${key%:*}" --id "${key#*:}" "$URI"
done
check "lists what is trusted" p11tool_ --list-all-trusted --only-urls "$URI"
check "the CA alone" is_equal "$(sed 's/.*object=//' "$work/out")" "ca;type=cert"
check "lists certificates that have a private key" p11tool_ --login --list-certs "$URI"
check "exports a chain that the token holds" p11tool_ --export-chain --outfile "$work/exported.pem" "$URI;object=rsa;type=cert"
check "which certtool verifies" certtool --verify-chain --infile "$work/exported.pem"
check "of two certificates" is_equal "$(grep -c BEGIN "$work/exported.pem")" 2

# TLS.

stop() { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; pids=${pids% "$server"}; }
serve() {
	port=$(free_port) || return 1
	# Not by a function, which would run in a shell of its own: it is that shell that would be ended.
	env -u GNUTLS_PIN -u GNUTLS_SO_PIN $HUFU_WRAP gnutls-serv --provider "$MODULE" --port "$port" "$@" </dev/null >"$work/server.out" 2>&1 &
	server=$!; pids="$pids $server"
	wait_for grep -q 'done$' "$work/server.out" || { cat "$work/server.out"; return 1; }
}
token_pair() { printf '%s\n' --x509keyfile "$(with_pin "object=$1;type=private")" --x509certfile "$URI;object=$1;type=cert"; }
get() { printf 'GET / HTTP/1.0\r\n\r\n' | "$@"; }
# gnutls_get PRIORITY ARG...: the page of gnutls-serv tells what was negotiated.
gnutls_get() {
	local priority=$1; shift
	get timeout 300 env -u GNUTLS_PIN -u GNUTLS_SO_PIN $HUFU_WRAP gnutls-cli --provider "$MODULE" --port "$port" --x509cafile "$work/ca.pem" --priority "$priority" "$@" localhost
}
openssl_get() { get timeout 300 openssl s_client -connect "localhost:$port" -CAfile "$work/ca.pem" -verify_return_error -verify_hostname localhost -ign_eof "$@"; }

openssl req -new -key "$work/soft.key" -subj /CN=localhost -out "$work/soft.csr"
check "issues a certificate for a key of openssl's" issue soft

for pair in rsa:ecdsa ecdsa:rsa; do
	key=${pair%:*} other=${pair#*:}
	mapfile -t mine < <(token_pair $key)
	mapfile -t theirs < <(token_pair $other)
	check "gnutls-serv starts with the token's $key key" serve "${mine[@]}" --x509cafile "$work/ca.pem" --require-client-cert --verify-client-cert
	case $key in rsa) tls12=RSA tls13=RSA-PSS ;; ecdsa) tls12=ECDSA tls13=ECDSA ;; esac
	for version in 1.2 1.3; do
		check "gnutls-cli speaks TLS $version to it, its own $other key on the token too" gnutls_get "NORMAL:-VERS-ALL:+VERS-TLS$version" "${theirs[@]}"
		signature=tls${version/./}
		check "signed with $key" contains "Description: (TLS$version.*(${!signature}-" "$work/out"
		check "trusted" contains 'The certificate is trusted' "$work/out"
		check "and answered" contains '200 OK' "$work/out"
		check "openssl's client speaks TLS $version to it" openssl_get "-tls${version/./_}" -cert "$work/soft.pem" -key "$work/soft.key"
		check "trusts it" contains 'Verify return code: 0' "$work/out"
		check "and is answered" contains '200 OK' "$work/out"
	done
	openssl_get -tls1_2 >"$work/out" 2>&1
	check "a client without a certificate is not answered" absent '200 OK' "$work/out"
	if [ $key = rsa ]; then
		check "the RSA key decrypts a premaster secret" gnutls_get "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA" "${theirs[@]}"
		check "and the two understand each other" contains '200 OK' "$work/out"
	fi
	clients=
	for i in 1 2 3 4; do openssl_get -tls1_3 -cert "$work/soft.pem" -key "$work/soft.key" >"$work/client-$i.out" 2>&1 & clients="$clients $!"; done
	for pid in $clients; do wait "$pid"; done
	check "four clients at once are answered" is_equal "$(cat "$work"/client-?.out | grep -c '200 OK')" 4
	check "the server is still there" kill -0 "$server"
	stop
	check_not "and is gone when it is ended" openssl s_client -connect "localhost:$port" </dev/null
done

check_not "gnutls-serv does not start with a wrong PIN" timeout 300 env -u GNUTLS_PIN $HUFU_WRAP gnutls-serv --provider "$MODULE" --port 0 \
	--x509keyfile "$(with_pin 'object=rsa;type=private' "$work/so.pin")" --x509certfile "$work/rsa.pem" </dev/null
check "which it says" contains -i pin "$work/out"
check "the right one still works" sign rsa
finish
