#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: make install puts everything in its place below DESTDIR and nothing
# elsewhere, make uninstall takes all of it away; the module exports C_ only.
. "$(dirname "$0")/lib.sh"
need make nm
dest=$work/dest
install() { make -s -C "$top_builddir" install DESTDIR="$dest"; }
check "make install" install
libdir=$(sed -n 's/^libdir = //p' "$top_builddir/Makefile") prefix=$(sed -n 's/^prefix = //p' "$top_builddir/Makefile")
module=$(find "$dest" -name hufu-pkcs11.so)
check "the module is there" test -e "$module"
check "and lies in pkcs11/" contains 'pkcs11/hufu-pkcs11.so' <(echo "$module")
nm -D --defined-only "$module" | awk '{print $3}' | grep -v '^C_' | grep -v '^_' >"$work/others"
check "it exports nothing but C_ functions" is_equal "$(cat "$work/others")" ""
check "it is linked -z nodelete" contains NODELETE <(readelf -d "$module")
check "and now, relro" contains 'BIND_NOW\|NOW' <(readelf -d "$module")
conf=$(find "$dest" -name hufu.module)
check "p11-kit's module file is there" test -e "$conf"
check "and names the module by its absolute path" contains "^module: ${module#"$dest"}" "$conf"
for file in bin/hufu include/hufu/driver.h include/hufu/pkcs11.h include/hufu/pkcs11-sm.h include/hufu/mechanisms.h share/man/man1/hufu.1 share/man/man5/hufu.conf.5 share/man/man7/hufu-pkcs11.7 include/hufu/sdf.h share/man/man7/hufu-sdf.7 share/hufu/hufu.proto share/hufu/store.proto; do
	check "$file is there" test -e "$dest$prefix/$file"
done
check "what hufu bench runs is there" test -x "$(find "$dest" -name hufu-lab)"
check "what hufu driver qualify runs is there" test -x "$(find "$dest" -name hufu-qualify)"
check "the units are there" test -e "$(find "$dest" -name hufud.service)" -a -e "$(find "$dest" -name hufud.socket)" -a -e "$(find "$dest" -name hufu-devices.service)"
check "the alerts, too" test -e "$(find "$dest" -name hufu.rules.yml)"
check "the pkg-config file is there" test -e "$(find "$dest" -name hufu.pc)"
check "that of the GM/T 0018 library, too" test -e "$(find "$dest" -name hufu-sdf.pc)"
check "and the library, by its version" test -L "$(find "$dest" -name libhufu-sdf.so.0)"
for page in hufu.1:1 hufu.conf.5:5 hufu-pkcs11.7:7 hufu-sdf.7:7; do
	man -l --warnings "$dest$prefix/share/man/man${page#*:}/${page%:*}" >/dev/null 2>"$work/warnings"
	check "the manual page ${page%:*} has no faults" is_equal "$(cat "$work/warnings")" ""
done
check "make uninstall" make -s -C "$top_builddir" uninstall DESTDIR="$dest"
check "leaves no file behind" is_equal "$(find "$dest" -type f -o -type l)" ""
: "$libdir"
finish
