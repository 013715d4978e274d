#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: with the provider the openssl command signs with a token's keys whatever it signs
# with keys in files (messages, digests, requests, certificates, CMS, TLS), by the same
# options; openssl without the provider verifies all of it; and what cannot be
# signed is refused with the reason.
. "$(dirname "$0")/lib.sh"
need openssl timeout
[ -e "$top_builddir/.libs/hufu.so" ] || { echo "1..0 # SKIP the provider is not built"; exit 0; }
init_token office
chmod 600 "$work/user.pin"
head -c 100003 /dev/urandom >"$work/data"
id=1234567812345678

# openssl as it is, and with the provider. The default provider comes first: libssl takes TLS groups only from whoever
# does their keys first.
theirs() { OPENSSL_CONF=/dev/null openssl "$@"; }
providers=(-provider-path "$top_builddir/.libs" -provider default -provider hufu)
ours() {
	local command=$1; shift
	$HUFU_WRAP openssl "$command" "${providers[@]}" "$@"
}
key_of() { echo "$URI;object=$1;type=private?pin-source=file:$work/user.pin"; }

check "the provider is listed" ours list -providers
check "beside the default one" contains "hufu: keys in cipher devices" "$work/out"
check "with its signatures" ours list -signature-algorithms
check "among them SM2" contains "@ hufu" "$work/out"

for spec in rsa:rsa:2048 p256:ec:P-256 p384:ec:P-384 p521:ec:P-521 sm2:sm2 ca:sm2 ed25519:ed25519 ed448:ed448; do
	label=${spec%%:*}
	check "a pair of ${spec#*:} is made" hufu_in key generate "$URI" --type "${spec#*:}" --label "$label" --use sign,verify
	check "$label: its public key is exported" hufu key export-public "$URI;object=$label" --out "$work/$label.pub"
done

# -- dgst: messages
# dgst_with LABEL OPTION...: sign, verify; and not what was changed.
printf x | cat "$work/data" - >"$work/other"
dgst_with() {
	local label=$1; shift
	check "$label: dgst $* signs" ours dgst "$@" -sign "$(key_of "$label")" -out "$work/sig" "$work/data"
	check "$label: openssl verifies" theirs dgst "$@" -verify "$work/$label.pub" -signature "$work/sig" "$work/data"
	check_not "$label: and nothing else" theirs dgst "$@" -verify "$work/$label.pub" -signature "$work/sig" "$work/other"
}
for hash in sha1 sha224 sha256 sha384 sha512 sha512-256 sha3-256; do dgst_with rsa -$hash; done
dgst_with rsa -sha256 -sigopt rsa_padding_mode:pss
dgst_with rsa -sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -sigopt rsa_mgf1_md:sha256
for curve in p256:256 p384:384 p521:512; do dgst_with "${curve%:*}" "-sha${curve#*:}"; done
dgst_with sm2 -sm3
check "hufu may be loaded first" $HUFU_WRAP openssl dgst -provider-path "$top_builddir/.libs" -provider hufu -provider default -sm3 -sign "$(key_of sm2)" -out "$work/sig" "$work/data"
check "with the same result" theirs dgst -sm3 -verify "$work/sm2.pub" -signature "$work/sig" "$work/data"
dgst_with sm2 -sm3 -sigopt distid:$id
dgst_with sm2 -sm3 -sigopt hexdistid:616263
check_not "SM2: under another ID it does not verify" theirs dgst -sm3 -sigopt distid:$id -verify "$work/sm2.pub" -signature "$work/sig" "$work/data"

# A site's own ID, for signers who state none.
printf '%s\n' 'openssl_conf = init' '[init]' 'providers = providers' '[providers]' 'default = on' 'hufu = hufu' '[on]' 'activate = 1' \
	'[hufu]' 'activate = 1' "sm2-id = $id" '[req]' 'distinguished_name = name' '[name]' >"$work/site.cnf"
with_cnf() { local cnf=$1; shift; OPENSSL_CONF=$cnf OPENSSL_MODULES=$top_builddir/.libs $HUFU_WRAP openssl "$@"; }
at_site() { with_cnf "$work/site.cnf" "$@"; }
check "with sm2-id in openssl.cnf SM2 signs" at_site dgst -sm3 -sign "$(key_of sm2)" -out "$work/sig" "$work/data"
check "under that ID" theirs dgst -sm3 -sigopt distid:$id -verify "$work/sm2.pub" -signature "$work/sig" "$work/data"
check "requests, too" at_site req -new -sm3 -key "$(key_of sm2)" -subj /CN=site -out "$work/site.csr"
check "which verify under it" theirs req -in "$work/site.csr" -verify -noout -vfyopt distid:$id
check "and under no other" theirs req -in "$work/site.csr" -verify -noout
check "as openssl says" contains "verify failure" "$work/out"
check "but whoever states another signs under that" at_site dgst -sm3 -sigopt distid:abc -sign "$(key_of sm2)" -out "$work/sig" "$work/data"
check "and no other" theirs dgst -sm3 -sigopt distid:abc -verify "$work/sm2.pub" -signature "$work/sig" "$work/data"
check "even one of no octets" at_site dgst -sm3 -sigopt hexdistid: -sign "$(key_of sm2)" -out "$work/sig" "$work/data"
check "is stated" theirs dgst -sm3 -verify "$work/sm2.pub" -signature "$work/sig" "$work/data"
sed "s/^sm2-id.*/sm2-id = $(head -c 9000 /dev/zero | tr '\0' x)/" "$work/site.cnf" >"$work/long.cnf"
check_not "one that is too long is refused" with_cnf "$work/long.cnf" dgst -sm3 -sign "$(key_of sm2)" -out "$work/sig" "$work/data"
check "with a reason" contains "sm2-id: a distinguishing ID has at most 8191 bytes" "$work/out"
for label in ed25519 ed448; do
	check "$label: pkeyutl signs the message" ours pkeyutl -sign -rawin -inkey "$(key_of $label)" -in "$work/data" -out "$work/sig"
	check "$label: openssl verifies" theirs pkeyutl -verify -rawin -pubin -inkey "$work/$label.pub" -in "$work/data" -sigfile "$work/sig"
done

# -- pkeyutl: digests, and bytes as they are
openssl dgst -sha256 -binary "$work/data" >"$work/digest"
for opts in "rsa -pkeyopt digest:sha256" "rsa" "rsa -pkeyopt rsa_padding_mode:pss -pkeyopt digest:sha256 -pkeyopt rsa_pss_saltlen:-1" "p256" "p384 -pkeyopt digest:sha256" "sm2"; do
	set -- $opts; label=$1; shift
	check "$label: pkeyutl signs a digest ${*:-as it is}" ours pkeyutl -sign -inkey "$(key_of "$label")" "$@" -in "$work/digest" -out "$work/sig"
	check "$label: openssl verifies" theirs pkeyutl -verify -pubin -inkey "$work/$label.pub" "$@" -in "$work/digest" -sigfile "$work/sig"
	check "$label: and so does the provider" ours pkeyutl -verify -inkey "$(key_of "$label")" "$@" -in "$work/digest" -sigfile "$work/sig"
done
check "RSA: raw" ours pkeyutl -sign -inkey "$(key_of rsa)" -in "$work/digest" -out "$work/sig"
check "RSA: what was signed is recovered" theirs pkeyutl -verifyrecover -pubin -inkey "$work/rsa.pub" -in "$work/sig" -out "$work/back"
check "to the same" same "$work/digest" "$work/back"

# -- requests and certificates
for label in rsa p256 ed25519; do
	check "$label: req makes a request" ours req -new -key "$(key_of $label)" -subj "/CN=$label" -out "$work/$label.csr"
	check "$label: openssl verifies it" theirs req -verify -noout -in "$work/$label.csr"
	check "$label: req -x509 makes a certificate" ours req -x509 -new -key "$(key_of $label)" -subj "/CN=$label" -days 2 -addext subjectAltName=DNS:localhost -out "$work/$label.pem"
	check "$label: openssl verifies it" theirs verify -CAfile "$work/$label.pem" "$work/$label.pem"
done
check "RSA-PSS: req -x509" ours req -x509 -new -key "$(key_of rsa)" -sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:48 -subj /CN=pss -days 2 -out "$work/pss.pem"
check "RSA-PSS: openssl verifies it" theirs verify -CAfile "$work/pss.pem" "$work/pss.pem"
check "RSA-PSS: with its parameters" theirs x509 -in "$work/pss.pem" -noout -text
check "as they were asked for" contains "Salt Length: 0x30" "$work/out"
check "RSA: the certificate holds the key of the token" sh -c "openssl x509 -in '$work/rsa.pem' -pubkey -noout | cmp -s - '$work/rsa.pub'"

# -- a chain of SM2: a root in the token, a request of the token, all verified by openssl alone
sm2="-sm3 -sigopt distid:$id"
check "SM2: a root" ours req -x509 -new $sm2 -key "$(key_of ca)" -subj /CN=root -days 9 -out "$work/root.pem"
check "SM2: a request" ours req -new $sm2 -key "$(key_of sm2)" -subj /CN=server -out "$work/sm2.csr"
check "SM2: openssl verifies the request" theirs req -verify -vfyopt distid:$id -noout -in "$work/sm2.csr"
check "SM2: the root signs it" ours x509 -req $sm2 -vfyopt distid:$id -in "$work/sm2.csr" -CA "$work/root.pem" -CAkey "$(key_of ca)" -CAcreateserial -days 2 -out "$work/sm2.pem"
check "SM2: openssl verifies the chain" theirs verify -vfyopt distid:$id -CAfile "$work/root.pem" "$work/sm2.pem"
check "SM2: by the algorithm of GM/T 0015" theirs x509 -in "$work/sm2.pem" -noout -text
check "which is SM2 with SM3" contains "SM2-with-SM3" "$work/out"
check "SM2: without an ID, req and verify agree as they do on files" ours req -x509 -new -sm3 -key "$(key_of ca)" -subj /CN=plain -days 2 -out "$work/plain.pem"
check "SM2: verified" theirs verify -CAfile "$work/plain.pem" "$work/plain.pem"

# -- CMS
for opts in rsa "rsa -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:32" p256; do
	set -- $opts; label=$1; shift
	check "CMS: $opts signs" ours cms -sign -binary -nodetach -md sha256 -in "$work/data" -signer "$work/$label.pem" -inkey "$(key_of "$label")" "$@" -outform DER -out "$work/cms"
	check "CMS: openssl verifies" theirs cms -verify -binary -inform DER -in "$work/cms" -CAfile "$work/$label.pem" -purpose any -out "$work/back"
	check "CMS: to the same" same "$work/data" "$work/back"
done

# -- TLS: the key of the server in the token, and then the client's
serve() {
	port=$(free_port)
	# No function: its number would be that of a shell, whose end the server outlives.
	$HUFU_WRAP openssl s_server "${providers[@]}" -accept "127.0.0.1:$port" -www "$@" >"$work/server.out" 2>&1 &
	server=$!
	pids="$pids $server"
	wait_for bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" || sed 's/^/# server: /' "$work/server.out"
}
ask() { printf 'GET / HTTP/1.0\r\n\r\n' | OPENSSL_CONF=/dev/null timeout 120 openssl s_client -connect "127.0.0.1:$port" -servername localhost -verify_return_error "$@"; }
stop() { kill "$server"; wait "$server" 2>/dev/null; }
for label in rsa p256 ed25519; do
	serve -cert "$work/$label.pem" -key "$(key_of $label)"
	for version in tls1_2 tls1_3; do
		check "TLS: a server with $label serves $version" ask -$version -CAfile "$work/$label.pem"
		check "TLS: and the client trusts it" contains "Verify return code: 0 (ok)" "$work/out"
	done
	stop
done
serve -cert "$work/rsa.pem" -key "$(key_of rsa)" -cipher "ALL:@SECLEVEL=0"
for version in tls1 tls1_1; do
	check "TLS: of $version, which signs with MD5 and SHA-1" ask -$version -CAfile "$work/rsa.pem" -cipher "ECDHE-RSA-AES128-SHA:@SECLEVEL=0"
done
for sigalg in rsa_pss_rsae_sha256 rsa_pss_rsae_sha512 RSA+SHA256; do
	check "TLS: 1.2 with $sigalg" ask -tls1_2 -CAfile "$work/rsa.pem" -sigalgs "$sigalg"
done
stop
theirs req -x509 -newkey rsa:2048 -nodes -keyout "$work/server.key" -out "$work/server.pem" -subj /CN=localhost -days 2 2>/dev/null
port=$(free_port)
OPENSSL_CONF=/dev/null openssl s_server -accept "127.0.0.1:$port" -www -cert "$work/server.pem" -key "$work/server.key" -Verify 1 -verify_return_error -CAfile "$work/p256.pem" >"$work/server.out" 2>&1 &
server=$!
pids="$pids $server"
wait_for bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
for version in tls1_2 tls1_3; do
	check "TLS: a client shows its certificate in $version, and signs with the token" sh -c "printf 'GET / HTTP/1.0\r\n\r\n' |
		timeout 120 openssl s_client -provider-path '$top_builddir/.libs' -provider default -provider hufu -$version -ign_eof -connect 127.0.0.1:$port -CAfile '$work/server.pem' -cert '$work/p256.pem' -key '$(key_of p256)'"
	check "TLS: the server takes it" contains "HTTP/1.0 200 ok" "$work/out"
done
stop

# -- what is refused
refused() { local claim=$1 why=$2; shift 2; check_not "$claim is refused" "$@"; check "because of: $why" contains "$why" "$work/out"; }
check "a key that must not sign is made" hufu_in key generate "$URI" --type rsa:2048 --label decrypts --use encrypt,decrypt
refused "a signature by it" "key may not be used so" ours dgst -sha256 -sign "$(key_of decrypts)" -out "$work/sig" "$work/data"
check "the error names key and token" contains 'the key "decrypts" of the token "office"' "$work/out"
refused "SM2 with SHA-256" "SM2 signs with the message digest SM3" ours dgst -sha256 -sign "$(key_of sm2)" -out "$work/sig" "$work/data"
refused "X9.31" "pkcs1, pss and none" ours dgst -sha256 -sigopt rsa_padding_mode:x931 -sign "$(key_of rsa)" -out "$work/sig" "$work/data"
refused "a salt that does not fit" "do not fit" ours dgst -sha512 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:200 -sign "$(key_of rsa)" -out "$work/sig" "$work/data"
refused "a digest of another length" "has 32 bytes, not 5" sh -c "printf short >'$work/five'; openssl pkeyutl -provider-path '$top_builddir/.libs' -provider default -provider hufu -sign -inkey '$(key_of p256)' -pkeyopt digest:sha256 -in '$work/five' -out '$work/sig'"

# -- a device that is out, and one that lies
cp "$HUFU_CONF" "$work/whole.conf"
broken() {
	sed "s/^device \"soft\".*/device \"card\" { driver = \"fault\" domain = \"soft\" script = \"$1\" }/; s/^\(	devices = \).*/\1{ \"card\" }\n	deadline_ms = 2000/" \
		"$work/whole.conf" >"$HUFU_CONF"
}
broken "login:gone"
if "$HUFU" config check "$HUFU_CONF" >/dev/null 2>&1 && "$HUFU" device probe card >/dev/null 2>&1; then
	broken "sign:gone"
	refused "a signature while the device is out" "no device answers" ours dgst -sha256 -sign "$(key_of p256)" -out "$work/sig" "$work/data"
	check "the error says where to look" contains "hufu status" "$work/out"
	broken "sign:flip-out"
	refused "a signature by a device that fails its known answers" "no device of the token does this" ours dgst -sha256 -sign "$(key_of rsa)" -out "$work/sig" "$work/data"
	cp "$work/whole.conf" "$HUFU_CONF"
	dgst_with p256 -sha256
else
	skip "a device that is out" "this build has no driver fault"
fi
finish
