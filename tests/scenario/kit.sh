#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: a vendor who has installed hufu builds the template driver outside the
# tree with pkg-config alone, qualifies it, and programs use it as a device.
. "$(dirname "$0")/lib.sh"
need make pkg-config cc jq
pkg-config --exists libcrypto || { echo "1..0 # SKIP libcrypto's headers are not installed"; exit 0; }
chmod 711 "$work" # qualify runs the driver as nobody
dest=$work/dest
check "make install" make -s -C "$top_builddir" install DESTDIR="$dest"
prefix=$(sed -n 's/^prefix = //p' "$top_builddir/Makefile")
kit=$(dirname "$(find "$dest" -name template.c)")
check "the template is there" test -f "$kit/template.c"
check "and how to write a driver" test -f "$(find "$dest" -name DRIVERS.md)"
pc=$(dirname "$(find "$dest" -name hufu.pc)")

mkdir "$work/driver" && cp "$kit/template.c" "$work/driver/" && cp "$kit/Makefile.template" "$work/driver/Makefile"
build() { PKG_CONFIG_PATH=$pc pkg-config --define-variable=prefix="$dest$prefix" "$@"; }
printf '#!/bin/sh\nPKG_CONFIG_PATH=%s exec pkg-config --define-variable=prefix=%s "$@"\n' "$pc" "$dest$prefix" >"$work/pkg-config"
chmod +x "$work/pkg-config"
check "hufu.pc leads to the headers" test -f "$(build --variable=includedir hufu)/hufu/driver.h"
check "it builds outside the tree, without a warning" make -s -C "$work/driver" PKG_CONFIG="$work/pkg-config" CFLAGS="-O2 -Werror"
driver=$work/driver/template.so
check "it exports its entry alone" is_equal "$(nm -D --defined-only "$driver" | awk '{print $3}')" hufu_driver_entry
check "hufu driver qualify finds nothing" "$HUFU" driver qualify "$driver" --report "$work/report" --set serial=4711
check "and tells who it is" contains -e 'serial number \\"4711\\"' "$work/report/report.json"
check "and that it works in threads" jq -e '.chapters[] | select(.id == "threads").checks[] | select(.result == "pass")' "$work/report/report.json"
check_status 6 "a setting that it does not like is told" "$HUFU" driver qualify "$driver" --report "$work/report" --chapters open \
	--set serial=0123456789012345678901234567890123456789

write_card() {
	write_conf kit
	sed -i 's/devices = { "soft" }/devices = { "card" }/' "$HUFU_CONF"
	printf 'device "card" { driver = "%s"  domain = "cards"  serial = "4711" }\n' "$driver" >>"$HUFU_CONF"
}
init_token kit
write_card
check "as a device of the configuration it is well" hufu_core device probe card --deep
check "its domain is enrolled" hufu domain enroll --so-pin-file "$work/so.pin"
check "a key is made on it" hufu_in key generate --type sm4 --label example
head -c 5000 /dev/urandom >"$work/plain"
check "a file is encrypted by it" hufu encrypt example "$work/plain" --pin-file "$work/user.pin" --mode cbc --iv 000102030405060708090a0b0c0d0e0f --out "$work/cipher"
check "and decrypted" hufu decrypt example "$work/cipher" --pin-file "$work/user.pin" --mode cbc --iv 000102030405060708090a0b0c0d0e0f --out "$work/back"
check "to what it was" same "$work/plain" "$work/back"
finish
