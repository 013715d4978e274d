#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: a token whose store is here and whose devices are two cipher machines serves programs that nobody here wrote, much data
# too, while one machine after the other is killed and started again.
. "$(dirname "$0")/lib.sh"
need pkcs11-tool openssl
HUFUD=${HUFUD:-$top_builddir/hufud}
[ -x "$HUFUD" ] || { echo "1..0 # SKIP hufud is not built"; exit 0; }
cd "$work" || exit 99

(umask 077; head -c 32 /dev/urandom >master.key)
machine() {
	(umask 077; cat >"$1.conf" <<-END
	log { to = "file:$work/$1.log" level = notice }
	machine { name = $1 listen = "unix:$work/$1" master = "file:$work/master.key" }
	device soft { driver = soft }
	token bank { devices = { soft } }
	identity me { user = $(id -u) tokens = bank roles = devices }
	END
	)
	HUFU_LOG= "$HUFUD" -c "$work/$1.conf" >"$1.out" 2>&1 &
	eval "$1=$!"
	pids="$pids $!"
	wait_for exists "$work/$1"
}
kill_it() { kill -KILL "$1" && wait "$1"; [ $? -eq 137 ]; }
# hufu.conf as the library has it, with machines for devices.
with_machines() {
	sed -e 's/devices = { "soft" }/devices = { "a", "b" }/' -e '/^device "soft"/d' "$HUFU_CONF" >more.conf
	for m in north south; do
		echo "device \"$([ $m = north ] && echo a || echo b)\" { driver = net domain = machines address = \"unix:$work/$m\" }" >>more.conf
	done
	cp more.conf "$HUFU_CONF"
}
sign() { pkcs11_tool --login --pin "$PIN" --sign --mechanism SHA256-RSA-PKCS --id 01 -i document -o signature; }
verified() { openssl dgst -sha256 -verify public.pem -signature signature document; }

machine north; machine south
write_conf demo
with_machines
LABEL=demo SO_PIN=so-12345678 PIN=user-1234567
check "a token is initialised" pkcs11_tool --init-token --label demo --so-pin "$SO_PIN"
check "and gets a user" pkcs11_tool --login --login-type so --so-pin "$SO_PIN" --init-pin --pin "$PIN"
check "the domain is enrolled" hufu_core domain list demo
check "with both machines" contains "^machines .*a,b$" "$work/out"
check "a pair is made" pkcs11_tool --login --pin "$PIN" --keypairgen --key-type rsa:2048 --id 01 --label k
check "it never leaves the machines" contains "never extractable" "$work/out"
pkcs11_tool --read-object --type pubkey --id 01 -o public.der >/dev/null 2>&1
openssl pkey -pubin -in public.der -out public.pem 2>/dev/null
echo "to be signed" >document
check "it signs" sign
check "what others verify" verified

check "an AES key is made" pkcs11_tool --login --pin "$PIN" --keygen --key-type AES:32 --id 02 --label data
head -c 7000000 /dev/urandom >much
iv=000102030405060708090a0b0c0d0e0f
crypt() { pkcs11_tool --login --pin "$PIN" "$1" --mechanism AES-CBC-PAD --id 02 --iv $iv -i "$2" -o "$3"; }
check "seven megabytes are encrypted" crypt --encrypt much sealed
check "and decrypted" crypt --decrypt sealed again
check "to what they were" same much again

check "one machine is killed" kill_it "$north"
check "the token signs on" sign
check "as before" verified
check "more than once" sign
rm -f north
machine north
check "the other is killed" kill_it "$south"
check "the token signs on, at the first" wait_for sign
check "as before" verified
check "what was encrypted is decrypted there" crypt --decrypt sealed again2
check "to what it was" same much again2
check "both are killed" kill_it "$north"
check_not "nothing signs, and says so in time" timeout 60 "$(command -v pkcs11-tool)" --module "$MODULE" --login --pin "$PIN" --sign --mechanism SHA256-RSA-PKCS --id 01 -i document -o signature
finish
