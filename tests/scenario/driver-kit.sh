#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: a vendor who has hufu installed, and nothing else of it, builds the
# template of a driver with pkg-config, and its cards serve a token, among
# themselves and beside software; what is no driver for this hufu is refused.
. "$(dirname "$0")/lib.sh"
need make cc pkg-config openssl nm
pkg-config --exists libcrypto || { echo "1..0 # SKIP libcrypto's headers are not installed"; exit 0; }
dest=$work/dest
install() { make -s -C "$top_builddir" install DESTDIR="$dest"; }
check "make install" install
pc=$(find "$dest" -name hufu.pc)
export PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$dest
header=$(pkg-config --variable=includedir hufu)/hufu/driver.h
[ -e "$header" ] || header=$dest$header # whether variables are below the root, too, depends on who wrote pkg-config
check "pkg-config knows where the contract is" test -e "$header"
check "and its version" is_equal "$(pkg-config --variable=driver_abi hufu)" "$(sed -n 's/^#define HUFU_DRIVER_ABI \([0-9]*\)u$/\1/p' "$header")"
MODULE=$(find "$dest" -name hufu-pkcs11.so)
check "how to write a driver is told" test -f "$(find "$dest" -name DRIVERS.md)"
mkdir "$work/vendor"
cp "$(dirname "$(find "$dest" -name template.c)")"/* "$work/vendor"
check "the template is built outside of the tree" make -s -C "$work/vendor" CFLAGS="-O2 -Wall -Wextra -Wconversion -Werror"
driver=$work/vendor/card-driver.so
check "without hufu's own sources" absent "$top_srcdir" <(strings "$driver" 2>/dev/null)
for so in "$driver" "$work/vendor/template.so"; do
	check "${so##*/} exports its entry" is_equal "$(nm -D --defined-only "$so" | awk '{print $3}')" hufu_driver_entry
done

# -- a token of two cards ----------------------------------------------------------------
cd "$work" || exit 99
umask 077
openssl rand -out group.secret 32
openssl rand -out other.secret 32
hex() { od -An -v -tx1 "$@" | tr -d ' \n'; }
# conf DEVICES: the token demo on these; all that there are are declared.
conf() {
	cat >"$HUFU_CONF" <<CONF
run_dir = "$work/run"
log { to = "file:$work/hufu.log" level = "info" }
token "demo" {
	store = "sqlite:$work/demo.db"
	host_secret = "file:$work/host.key"
	devices = { $1 }
}
device "card1" { driver = "$driver" domain = "cards" key_file = "$work/group.secret" ${2:-} }
device "card2" { driver = "$driver" domain = "cards" key_file = "$work/group.secret" }
device "stranger" { driver = "$driver" domain = "cards" key_file = "$work/other.secret" }
device "soft" { driver = soft domain = "soft" }
CONF
}
mkdir -m 700 run
conf "card1, card2"
check "the configuration is good" hufu_core config check
check "a card gives the known answers" hufu_core device probe card1 --deep
check "and is well" contains "well, known answers included" out
check "it says who it is" contains "Example" out
SO_PIN=so-12345678 PIN=user-12345678 URI="pkcs11:token=demo"
printf %s "$SO_PIN" >so.pin; printf %s "$PIN" >user.pin
check "a token is initialised" hufu token init --label demo --so-pin-file so.pin --new-pin-file user.pin
check "its domain is enrolled" hufu_core domain list demo
check "as hardware, with a proof" contains "^cards .*hardware" out
check "a pair is made in a card" hufu_in key generate demo --type sm2 --label signer --id 01 --use sign,verify
check "an SM4 key is made" hufu_in key generate demo --type sm4 --label box --id 02
head -c 100000 /dev/urandom >data
check "it signs" hufu_in sign signer data --out data.sig
check "the public key leaves" hufu key export-public signer --out signer.pem
verify_data() { openssl dgst -sm3 -verify signer.pem -sigopt distid:1234567812345678 -signature data.sig data; }
check "openssl verifies" verify_data
head -c 96000 /dev/urandom >blocks
check "CBC, in more pieces than one call of the card's" hufu_in encrypt box blocks --mode cbc --iv 000102030405060708090a0b0c0d0e0f --out blocks.cbc
check "and back" hufu_in decrypt box blocks.cbc --mode cbc --iv 000102030405060708090a0b0c0d0e0f --out back
check "to the same" same blocks back
openssl rand -out known.raw 16
check "a key that we know is taken in" hufu_in key import demo known.raw --raw --type sm4 --label known --id 03
check "it encrypts" hufu_in encrypt known blocks --mode cbc --iv 000102030405060708090a0b0c0d0e0f --out blocks.cbc
openssl enc -sm4-cbc -nopad -K "$(hex known.raw)" -iv 000102030405060708090a0b0c0d0e0f -in blocks -out blocks.openssl
check "as openssl does" cmp -n 96000 blocks.cbc blocks.openssl
check_status 4 "what no device of the token does is refused" hufu_in encrypt box data --out data.hufu
check "the log knows no alarm" absent -e "error" -e "crit" hufu.log

# -- through programs that nobody here wrote ------------------------------------------------
if command -v pkcs11-tool >/dev/null 2>&1; then
	tool() { pkcs11_tool --token-label demo --login --pin "$PIN" "$@"; }
	check "pkcs11-tool lists the card's keys" tool --list-objects
	check "by label" contains signer out
	head -c 32 data >e
	check "it signs" tool --sign -m 0xC8554602 --id 01 -i e -o e.sig
	check "64 bytes" is_equal "$(wc -c <e.sig)" 64
else
	skip "pkcs11-tool lists the card's keys" "it is not installed"
fi

# -- the cards of a domain stand in for one another --------------------------------------------
for gone in card1 card2; do
	check "without $gone" hufu_core device drain $gone
	check "the other signs" hufu_in sign signer data --out data.sig
	check "rightly" verify_data
	hufu_core device undrain $gone >last 2>&1
done
conf "card1, card2, stranger"
check_status 6 "a card with another key is none of the domain" hufu_core domain verify demo --pin-file user.pin
check "it is named, and no other" is_equal "$(grep -c 'another domain\|wrong\|fail' out)" 1
check "the others work on" hufu_in sign signer data --out data.sig

# -- beside software -----------------------------------------------------------------------------
conf "card1, card2, soft"
check "software joins the token" hufu domain enroll demo --so-pin-file so.pin
[ ! -e e.sig ] || check "it verifies what pkcs11-tool had signed" hufu verify signer e -m sm2 --signature e.sig
check "what cards cannot do it does" hufu_in key generate demo --type zuc --label stream --not-hardware-only
check "a key that both may have" hufu_in key import demo known.raw --raw --type sm4 --label both --not-hardware-only
check "a key of the cards" hufu_in key generate demo --type sm4 --label carded --hardware-only
for key in both carded; do
	check "$key encrypts" hufu_in encrypt $key blocks --mode ecb --out $key.ecb
done
check "both cards are taken away" hufu_core device maintain card1
check "both" hufu_core device maintain card2
check "what both have is decrypted by software" hufu_in decrypt both both.ecb --mode ecb --out back
check "rightly" same blocks back
check_not "what only cards have is not" hufu_in decrypt carded carded.ecb --mode ecb --out back
check "the cards come back" hufu_core device undrain card1
check "and it is" hufu_in decrypt carded carded.ecb --mode ecb --out back
check "rightly" same blocks back
hufu_core device undrain card2 >last 2>&1
# It forbids threads of ours: only software serves it.
if command -v p11tool >/dev/null 2>&1; then
	check "p11tool lists them" env GNUTLS_PIN="$PIN" p11tool --provider "$MODULE" --batch --login --list-all "$URI"
	check "by label" contains "object=box" out
	check "and draws random numbers" p11tool_ --generate-random=32 "$URI" --outfile random
else
	skip "p11tool lists them" "it is not installed"
fi

# -- refused, with a reason -----------------------------------------------------------------------
conf card1 'isolation = direct'
check_not "a driver that makes no promise does not run in the application's threads" hufu_core device probe card1
check "it is said" contains "isolation = thread" hufu.log
conf card1
mv group.secret away
check_not "a card that its driver cannot set up" hufu_core device probe card1
check "is told of in its driver's words" contains "key_file = $work/group.secret" hufu.log
mv away group.secret
chmod 622 "$driver"
check_not "a driver that others may write" hufu_core device probe card1
check "is not trusted" contains "is not trusted" hufu.log
chmod 600 "$driver"
mkdir "$work/older"
cp "$work"/vendor/*.[chm]* "$work/vendor/Makefile" "$work/older"
cp -r "$(dirname "$header")" "$work/older/hufu"
sed -i 's/^#define HUFU_DRIVER_ABI .*/#define HUFU_DRIVER_ABI 999u/' "$work/older/hufu/driver.h"
make -s -C "$work/older" HUFU_CFLAGS=-I. >last 2>&1
driver=$work/older/card-driver.so
conf card1
check_not "a driver of another ABI" hufu_core device probe card1
check "is refused by number" contains "was built for driver ABI 999, this hufu has" hufu.log
driver=$(find "$dest" -name 'libhufu-sdf.so.0.0.0')
conf card1
check_not "what is no driver" hufu_core device probe card1
check "is told from one" contains "it has no hufu_driver_entry" hufu.log

# -- the vendor's own examination --------------------------------------------------------------------
driver=$work/vendor/card-driver.so
user=()
[ "$(id -u)" != 0 ] || user=(--user root) # nobody may not read what lies here
examine() {
	hufu_core driver qualify "$driver" --set "key_file=$work/group.secret" "${user[@]}" --threads 4 --report "$work/report" \
		--chapters symbols,open,answers,cross,threads
}
check "hufu driver qualify finds no fault" examine
check_status 6 "it tells of a setting that the driver refuses" hufu_core driver qualify "$driver" --set key_file=/nowhere "${user[@]}" --chapters open --report "$work/report"
check "and reports" test -s "$work/report/report.html"

# -- the least that is a driver ------------------------------------------------------------------------
cat >"$HUFU_CONF" <<CONF
log { to = "file:$work/hufu.log" level = "info" }
token "tiny" { store = "sqlite:$work/tiny.db" host_secret = "file:$work/host.key" devices = { least } }
device "least" { driver = "$work/vendor/template.so" domain = "tiny" key_file = "$work/group.secret" }
CONF
check "the least driver is well" hufu_core device probe least --deep
check "a token on it is initialised" hufu token init --label tiny --so-pin-file so.pin --new-pin-file user.pin
check "it makes a key" hufu_in key generate tiny --type sm4 --label small
check "it encrypts, in more pieces than one call of the card's" hufu_in encrypt small blocks --mode ecb --out small.ecb
check "and back" hufu_in decrypt small small.ecb --mode ecb --out back
check "to the same" same blocks back
check_not "it makes no pair" hufu_in key generate tiny --type sm2 --label pair
driver=$work/vendor/template.so
check "hufu driver qualify finds no fault in it" examine
finish
