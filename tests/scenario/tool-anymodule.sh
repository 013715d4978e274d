#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: the tool works on a module that nobody here wrote, and what it signs,
# encrypts and digests there is what the openssl command says.
. "$(dirname "$0")/lib.sh"
need openssl
MODULE=
for path in /usr/lib/softhsm/libsofthsm2.so /usr/lib64/softhsm/libsofthsm2.so /usr/lib64/pkcs11/libsofthsm2.so; do
	[ -e $path ] && MODULE=$path
done
[ -n "$MODULE" ] || { echo "1..0 # SKIP SoftHSM is not installed"; exit 0; }
export SOFTHSM2_CONF=$work/softhsm2.conf
mkdir "$work/tokens"
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$work/tokens" >"$SOFTHSM2_CONF"
cd "$work" || exit 99
umask 077
echo 12345678 >so.pin
echo user-1234 >user.pin
echo user-4321 >new.pin
echo wrong >wrong.pin
head -c 1000000 /dev/urandom >data
iv=000102030405060708090a0b0c0d0e0f
json() { python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); exec("ok = " + sys.argv[2]); sys.exit(not ok)' "$@"; }
have_python() { command -v python3 >/dev/null 2>&1; }

# -- tokens and PINs ---------------------------------------------------------
check_status 2 "no token: 2" hufu key list
check "a token is made, with both PINs" hufu token init --label demo --so-pin-file so.pin --new-pin-file user.pin
check "it is listed" sh -c "'$HUFU' token list --module '$MODULE' | grep -q 'demo.*ready'"
check_status 2 "another token is not found: 2" hufu token show nothing
check_status 3 "a wrong PIN: 3" hufu key list --pin-file wrong.pin
contains CKR_PIN_INCORRECT out && ok "the CKR_ name is printed" || not_ok "the CKR_ name is printed"
chmod 644 wrong.pin
check_status 3 "a PIN file open to others: 3" hufu key list --pin-file wrong.pin
check_status 1 "a PIN in the URI: 1" hufu key list 'pkcs11:token=demo?pin-value=user-1234'
check "a PIN file named by the URI" hufu key list "pkcs11:token=demo?pin-source=file:$work/user.pin"
check "a PIN from a descriptor" hufu key list --pin-fd 3 3<user.pin
mkdir creds && cp user.pin creds/demo-pin && chmod 440 creds/demo-pin
check "a PIN from a credential" env CREDENTIALS_DIRECTORY="$work/creds" "$HUFU" key list --module "$MODULE" --pin-credential demo-pin
check_status 1 "a credential's name is no path" env CREDENTIALS_DIRECTORY="$work/creds" "$HUFU" key list --module "$MODULE" --pin-credential ../user.pin
check_status 3 "no terminal, no PIN: 3" setsid -w "$HUFU" pin set --module "$MODULE" </dev/null
check "the user's PIN is changed" hufu pin set demo --pin-file user.pin --new-pin-file new.pin
check_status 3 "the old one no longer works" hufu key list --pin-file user.pin
check "the security officer sets it anew" hufu pin unlock demo --so-pin-file so.pin --new-pin-file user.pin
check "one descriptor gives two PINs" sh -c "cat new.pin user.pin | '$HUFU' pin set demo --module '$MODULE' --pin-file user.pin --new-pin-fd 0 && cat new.pin user.pin | '$HUFU' pin set demo --module '$MODULE' --pin-fd 0 --new-pin-fd 0"
if command -v script >/dev/null 2>&1; then
	(sleep 1; echo user-1234) | script -qec "'$HUFU' key list --module '$MODULE' --login" typescript >out 2>&1
	absent user-1234 typescript && ok "a PIN typed at the terminal is not echoed" || not_ok "a PIN typed at the terminal is not echoed"
	contains "No keys are visible" typescript && ok "and it is taken" || not_ok "and it is taken"
else
	skip "a PIN typed at the terminal is not echoed" "script is not installed"
fi
check_status 7 "emptying a token asks first: 7" setsid -w "$HUFU" token init demo --module "$MODULE" --so-pin-file so.pin </dev/null

# -- keys --------------------------------------------------------------------
in_() { local noun=$1; shift; hufu "$noun" "$@" --pin-file user.pin; }
check "an EC key pair is made" in_ key generate --type ec --label ec --id 01
check "an RSA key pair is made" in_ key generate --type rsa:2048 --label rsa --id 02
check "an AES key is made" in_ key generate --type aes:128 --label aes --id 03
check_status 4 "SM2 is not offered here: 4" in_ key generate --type sm2
check_status 1 "an unknown type: 1" in_ key generate --type foo
openssl rand -hex 16 >aes.hex
check "an AES key is imported" in_ key import --type aes --label imported aes.hex
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out k.pem 2>/dev/null
openssl pkcs8 -topk8 -in k.pem -out ke.pem -passout pass:hello
echo hello >pass
check "an encrypted PKCS#8 key is imported" in_ key import --label p8 --passphrase-file pass ke.pem
openssl pkey -in k.pem -pubout -outform der -out k.der
check "its public key is the same" sh -c "'$HUFU' key export-public p8 --module '$MODULE' --der | cmp - k.der"
check_status 1 "a file that is no key: 1" in_ key import --label x data
check_status 2 "a file that is not there: 2" in_ key import --label x nothing
for key in ec rsa aes; do check "key test: $key" in_ key test $key; done
check_status 2 "a key that is not there: 2" in_ sign nothing data

# -- certificates ---------------------------------------------------------------
openssl req -x509 -new -key k.pem -subj /CN=p8 -days 3 -out p8.pem 2>/dev/null
check "a certificate finds its key" in_ cert import p8.pem
check "and takes its name" contains "object=p8" out
in_ cert list >certs 2>out
check "it is listed" contains "^p8 .* yes *$" certs
check "it is exported" in_ cert export p8 --out p8.out
check "the same" same p8.pem p8.out
check "and destroyed" in_ cert destroy p8 --yes
check_status 4 "requests are for hufu's own tokens: 4" in_ cert request ec --subject /CN=ec
check "which the message says" contains "hufu's own" out

# -- use ---------------------------------------------------------------------
for key in ec rsa p8; do
	check "$key signs" in_ sign $key data --out sig.$key
	check "$key verifies" hufu verify $key data --signature sig.$key
	hufu key export-public $key --out $key.pem >out 2>&1
	check "openssl verifies $key" openssl dgst -sha256 -verify $key.pem -signature sig.$key data
	check_status 6 "$key: another file is refused: 6" hufu verify $key aes.hex --signature sig.$key
done
hufu mech list demo >mechanisms 2>last
if contains CKM_EDDSA mechanisms; then
	check "an Ed25519 key pair is made" in_ key generate --type ed25519 --label ed
	check "key test: ed" in_ key test ed
	check "it signs, all in one piece" in_ sign ed data --out sig.ed
	check "it verifies" hufu verify ed data --signature sig.ed
	hufu key export-public ed --out ed.pem >out 2>&1
	check "openssl verifies it" openssl pkeyutl -verify -pubin -inkey ed.pem -rawin -in data -sigfile sig.ed
	check_status 6 "another file is refused: 6" hufu verify ed aes.hex --signature sig.ed
else
	skip "an Ed25519 key pair is made" "this SoftHSM has no EdDSA"
fi
for mode in cbc ctr; do
	check "AES-$mode encrypts" in_ encrypt imported data --mode $mode --iv $iv --out data.$mode
	openssl enc -d -aes-128-$mode -K "$(cat aes.hex)" -iv $iv -in data.$mode -out plain
	check "openssl decrypts AES-$mode" same data plain
	check "AES-$mode decrypts" in_ decrypt imported data.$mode --mode $mode --iv $iv --out plain2
	check "to the same" same data plain2
done
check_status 1 "cbc without --iv: 1" in_ encrypt imported data --mode cbc
check "GCM encrypts" in_ encrypt aes data --mode gcm --iv 000102030405060708090a0b --aad context --out data.gcm
check "GCM decrypts" in_ decrypt aes data.gcm --mode gcm --iv 000102030405060708090a0b --aad context --out plain
check "to the same" same data plain
check "SHA-256 as openssl has it" is_equal "$(hufu digest -m sha256 data | cut -d' ' -f1)" "$(openssl dgst -sha256 -r data | cut -d' ' -f1)"
check "random bytes" is_equal "$(hufu random 100 | wc -c)" 201
check "mechanisms are listed" sh -c "'$HUFU' mech list --module '$MODULE' | grep -q CKM_AES_GCM"
check "the self-test passes" hufu selftest

# -- authenticated chunks ----------------------------------------------------
check "chunks are written" in_ encrypt aes data --out data.hufu
check "and read" in_ decrypt aes data.hufu --out plain
check "to the same" same data plain
# One after the other: SoftHSM's tokens do not stand two processes at once.
hufu encrypt aes --pin-file user.pin <data >piped.hufu 2>last
hufu decrypt aes --pin-file user.pin <piped.hufu >piped 2>last
check "from standard input to standard output" same data piped
head -c $((32 + 65564 * 3)) data.hufu >cut
rm -f plain
check_status 6 "a file cut between two chunks: 6" in_ decrypt aes cut --out plain
[ ! -e plain ] && ok "and nothing takes the file's name" || not_ok "and nothing takes the file's name"
hufu decrypt aes cut --pin-file user.pin >plain 2>out
check "what came out of the pipe is the beginning" cmp -n "$(wc -c <plain)" plain data
check_status 6 "another key: 6" in_ decrypt imported data.hufu --out plain
check "no temporary files are left" sh -c '! ls plain.* data.*.?????? 2>/dev/null | grep .'

# -- for programs ------------------------------------------------------------
if have_python; then
	hufu key list -o json >list.json 2>out
	check "key list -o json" json list.json 'd["schema"] == "hufu-key-list/1" and any(k["label"] == "ec" and k["class"] == "public" for k in d["keys"])'
	uri=$(python3 -c 'import json; print([k["uri"] for k in json.load(open("list.json"))["keys"] if k["label"] == "ec"][0])')
	check "a printed URI finds its key" hufu key show "$uri"
	hufu key show nothing -o json >error.json 2>out
	check "errors are JSON too" json error.json 'd["schema"] == "hufu-error/1" and d["error"]["status"] == 2'
	hufu token list -o json >tokens.json 2>out
	check "token list -o json" json tokens.json 'any(t.get("label") == "demo" and "initialized" in t["flags"] for t in d["tokens"])'
	hufu verify ec data --signature sig.ec -o json >v.json 2>out
	check "verify -o json" json v.json 'd["valid"]'
fi
check_status 1 "destroying all of a token by its URI: 1" in_ key destroy pkcs11:token=demo --yes
check_status 7 "destroying asks first: 7" setsid -w "$HUFU" key destroy ec --module "$MODULE" --pin-file user.pin </dev/null
check "both halves are destroyed" in_ key destroy ec --yes
check_status 2 "and gone" in_ key show ec
check_status 2 "a module that is none: 2" "$HUFU" token list --module /etc/passwd
check_status 1 "an unknown command: 1" "$HUFU" frobnicate
check_status 4 "a result that cannot be written: 4" sh -c "'$HUFU' help >/dev/full"
check_status 1 "options before the command: 1" "$HUFU" --module "$MODULE" token list
sed 's/\\-/-/g; s/\\f[A-Z]//g; s/"//g' "$top_srcdir/docs/man/hufu.1" >man
missing=
for noun in $("$HUFU" help --words); do
	verbs=$("$HUFU" help --words "$noun")
	for word in $verbs; do
		case $word in
		--*) grep -q -e "$word" man || missing="$missing $noun:$word" ;;
		*) grep -q -e "$noun $word" man || missing="$missing $noun-$word"
		   for option in $("$HUFU" help --words "$noun" "$word"); do grep -q -e "$option" man || missing="$missing $noun-$word:$option"; done ;;
		esac
	done
done
check "the manual knows every command and option" is_equal "$missing" ""
check "the shell completes a verb" bash -c ". '$top_srcdir/tools/bash-completion/hufu'; PATH='$top_builddir':\$PATH COMP_WORDS=(hufu key gen) COMP_CWORD=2; _hufu; [ \"\${COMPREPLY[*]}\" = generate ]"
for command in status "token init" "key import" sign encrypt; do
	check "help $command" sh -c "'$HUFU' help $command | grep -q usage:"
done
finish
