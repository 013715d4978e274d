#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: keys on the token sign DNS zones: ldns-signzone by way of OpenSSL's
# pkcs11 engine, Knot's kzonesign by way of GnuTLS (it makes its keys itself),
# and OpenDNSSEC's ods-hsmutil with no library between. The zones are accepted
# by ldns-verify-zone and by BIND's dnssec-verify. (BIND signs with a token by
# an engine too, which Debian 12 builds it without.)
. "$(dirname "$0")/lib.sh"
need ldns-signzone ldns-verify-zone dnssec-verify kzonesign ods-hsmutil pkcs11-tool openssl
openssl engine pkcs11 >/dev/null 2>&1 || { echo "1..0 # SKIP OpenSSL's pkcs11 engine is not installed (Debian: libengine-pkcs11-openssl)"; exit 0; }
init_token demo
login="--token-label demo --login --pin $PIN"
cat >"$work/zone" <<'ZONE'
$TTL 3600
$ORIGIN example.
@	SOA	ns hostmaster 1 3600 600 86400 3600
	NS	ns
	MX	10 mail
ns	A	192.0.2.1
	AAAA	2001:db8::1
mail	A	192.0.2.2
*.wild	TXT	"anything"
sub	NS	ns.elsewhere.example.
ZONE
accepted() { # WHOSE FLAG...: $work/signed, and not when an address in it is another
	check "$1: ldns-verify-zone accepts the zone" ldns-verify-zone "$work/signed"
	check "$1: so does dnssec-verify" dnssec-verify -o example "${@:2}" "$work/signed"
	sed 's/192\.0\.2\.2/192.0.2.3/' "$work/signed" >"$work/forged"
	check_not "$1: but not with another address" dnssec-verify -o example "${@:2}" "$work/forged"
}

# libp11 0.4.12, which is that engine, gives up at the first key on its token whose type it does not know, be that SM2
# or Ed25519. On another token of the module they are not in its way.
cat >>"$HUFU_CONF" <<CONF
token "other" { store = "sqlite:$work/other.db" host_secret = "file:$work/host.key" devices = { "soft" } }
CONF
check "a second token, for keys that the engine does not know" hufu token init --label other --so-pin-file "$work/so.pin" --new-pin-file "$work/user.pin"
check "an SM2 key on it" hufu_in key generate pkcs11:token=other --type sm2 --label signer --id 01

# ldns: a key signing key and a zone signing key, by their labels.

make_pair() { pkcs11_tool $login --keypairgen --key-type "$1" --usage-sign --label "$2" --id "$3"; }
key_of() { printf '%s,%s;object=%s;pin-source=file:%s' "$1" "$URI" "$2" "$work/user.pin"; }
ldns_sign() { # ALGORITHM FLAG...
	rm -f "$work/signed"
	PKCS11_MODULE_PATH=$MODULE $HUFU_WRAP ldns-signzone -E pkcs11 -K "$(key_of "$1" "ksk-$1")" -k "$(key_of "$1" "zsk-$1")" \
		-o example -f "$work/signed" "${@:2}" "$work/zone" && test -s "$work/signed"
}
id=10
for algorithm in RSASHA256:rsa:2048 RSASHA512:rsa:3072 ECDSAP256SHA256:EC:prime256v1 ECDSAP384SHA384:EC:secp384r1; do
	name=${algorithm%%:*} type=${algorithm#*:}
	check "$name: makes a key signing key" make_pair "$type" "ksk-$name" $((id += 1))
	check "$name: and a zone signing key" make_pair "$type" "zsk-$name" $((id += 1))
	check "$name: ldns-signzone signs with them" ldns_sign "$name"
	accepted "$name"
	check "$name: signs with NSEC3" ldns_sign "$name" -n -s aabbccdd -t 0
	accepted "$name, NSEC3"
done

# Knot: its policy makes the keys.

knot() { # ALGORITHM BITS PIN
	rm -rf "$work/knot" && mkdir -p "$work/knot/db" "$work/knot/out"
	cat >"$work/knot.conf" <<-CONF
		server:
		  rundir: "$work/knot"
		database:
		  storage: "$work/knot/db"
		keystore:
		  - id: token
		    backend: pkcs11
		    config: "$URI;pin-value=$3 $MODULE"
		policy:
		  - id: token
		    keystore: token
		    algorithm: $1
		    ksk-size: $2
		    zsk-size: $2
		zone:
		  - domain: example
		    storage: "$work"
		    file: zone
		    dnssec-signing: on
		    dnssec-policy: token
	CONF
	chmod 600 "$work/knot.conf"
	$HUFU_WRAP kzonesign -c "$work/knot.conf" -o "$work/knot/out" example && cp "$work/knot/out/zone" "$work/signed"
}
for algorithm in rsasha256:2048:8 ecdsap256sha256:256:13 ecdsap384sha384:384:14; do
	IFS=: read -r name bits number <<<"$algorithm"
	check "kzonesign makes keys for $name and signs with them" knot "$name" "$bits" "$PIN"
	check "kzonesign: two keys of algorithm $number" is_equal "$(grep -cE "[[:space:]]DNSKEY[[:space:]]+25[67] 3 $number " "$work/signed")" 2
	accepted "kzonesign, $name"
done
check_not "kzonesign has nothing to sign with when the PIN is wrong" knot ecdsap256sha256 256 "$SO_PIN"
check "kzonesign: nor does it leave a zone" test ! -e "$work/knot/out/zone"

# OpenDNSSEC: keys by their IDs.

cat >"$work/conf.xml" <<XML
<?xml version="1.0" encoding="UTF-8"?>
<Configuration>
	<RepositoryList>
		<Repository name="store"><Module>$MODULE</Module><TokenLabel>demo</TokenLabel><PIN>$PIN</PIN></Repository>
	</RepositoryList>
	<Common>
		<Logging><Syslog><Facility>local0</Facility></Syslog></Logging>
		<PolicyFile>$work/kasp.xml</PolicyFile>
		<ZoneListFile>$work/zonelist.xml</ZoneListFile>
	</Common>
	<Enforcer><Datastore><SQLite>$work/kasp.db</SQLite></Datastore></Enforcer>
</Configuration>
XML
chmod 600 "$work/conf.xml"
ods() { $HUFU_WRAP ods-hsmutil -c "$work/conf.xml" "$@" </dev/null; }
check "ods-hsmutil logs in and lists" ods list
check "ods-hsmutil: the keys that the others made" test "$(grep -cE '(RSA|ECDSA)/' "$work/out")" -ge 14
check "ods-hsmutil tells about the token" ods info
check "ods-hsmutil: by its label" contains 'demo' "$work/out"
for key in rsa:2048:8 ecdsa:256:13 ecdsa:384:14; do
	IFS=: read -r type bits number <<<"$key"
	check "ods-hsmutil generates $type of $bits bits" ods generate store "$type" "$bits"
	made=$(sed -n 's/.*[Kk]ey generation successful: *//p' "$work/out")
	check "ods-hsmutil: and says which" test -n "$made"
	check "ods-hsmutil gives its DNSKEY record" ods dnskey "$made" example. 257 "$number"
	check "ods-hsmutil: of algorithm $number" contains -E "DNSKEY[[:space:]]+257 3 $number " "$work/out"
	check "ods-hsmutil lists it" ods list store
	check "ods-hsmutil: by its ID" contains "$made" "$work/out"
	check "ods-hsmutil removes it" ods remove "$made"
	check "ods-hsmutil lists again" ods list store
	check "ods-hsmutil: without it" absent "$made" "$work/out"
done
# Its test tries DSA, GOST and short RSA as well, and counts what it misses.
ods test store >"$work/out" 2>&1
for bits in 2048 4096; do
	sed -n "/^Generating $bits-bit RSA/,/^\$/p" "$work/out" >"$work/part"
	check "ods-hsmutil tests RSA of $bits bits" is_equal "$(grep -cE 'Signing \(RSA/SHA(1|256|512)\) with key\.\.\. OK' "$work/part")" 3
done
check "ods-hsmutil tests random numbers" contains 'bytes of random data... OK' "$work/out"
sed "s,<PIN>.*</PIN>,<PIN>$SO_PIN</PIN>," "$work/conf.xml" >"$work/wrong.xml"
$HUFU_WRAP ods-hsmutil -c "$work/wrong.xml" list </dev/null >"$work/out" 2>&1
check "ods-hsmutil takes no wrong PIN" contains 'Incorrect PIN' "$work/out"
finish
