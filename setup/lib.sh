# SPDX-License-Identifier: Apache-2.0
# Shared by quickstart and check: packages, asking, building.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
jobs=$(nproc 2>/dev/null || echo 2)

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# Names from setup/packages.txt, of the sets given (build, test, long).
packages_of() {
	local set
	for set in "$@"; do sed -n "s/^$set: *//p" "$top/setup/packages.txt"; done | tr ' ' '\n' | sed '/^$/d' | sort -u
}

missing_packages() {
	local package
	for package in $(packages_of "$@"); do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s ' "$package"
	done
}

# Prints what is needed, asks on a terminal unless $yes, installs with apt-get.
install_packages() {
	local missing as=
	command -v dpkg-query >/dev/null || die "this script knows Debian and its kin only; the packages it wants are listed in setup/packages.txt"
	missing=$(missing_packages "$@")
	[ -n "$missing" ] || { say "All packages needed are installed."; return 0; }
	say "Packages needed from Debian:"
	printf '%s\n' "$missing" | fold -s -w 76 | sed 's/^/    /'
	if [ -z "${yes:-}" ] && [ -t 0 ]; then
		printf 'Install them with apt-get? [Y/n] '
		read -r answer
		case $answer in [nN]*) die "nothing was installed; install the packages above and run this again" ;; esac
	fi
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || die "not root and no sudo: ask an administrator to install the packages above"
		as="sudo"
	fi
	$as apt-get update -qq || die "apt-get update failed: look at the package sources of this machine"
	# Servers come along that tests start themselves (sshd, nginx): the system's own are not started now.
	# shellcheck disable=SC2086
	$as env DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 apt-get install -y -qq --no-install-recommends $missing >/dev/null || die "apt-get could not install the packages above"
}

# configure DIR [ARG...]: a build folder under the tree.
configure() {
	local dir=$1; shift
	[ -x "$top/configure" ] && [ "$top/configure" -nt "$top/configure.ac" ] ||
		(cd "$top" && autoreconf -i >"$top/autoreconf.log" 2>&1) || { tail -n 20 "$top/autoreconf.log" >&2; die "autoreconf failed"; }
	rm -f "$top/autoreconf.log"
	mkdir -p "$dir"
	(cd "$dir" && "$top/configure" -q "$@" >configure.out 2>&1) || { tail -n 20 "$dir/configure.out" >&2; die "configure failed in $dir"; }
}

build() {
	local dir=$1; shift
	make -C "$dir" -j"$jobs" -s "$@" >"$dir/make.out" 2>&1 || { tail -n 40 "$dir/make.out" >&2; die "the build failed in $dir; all of it is in $dir/make.out"; }
}

# What autoreconf made; in a release it is part of the package and stays.
remove_generated() {
	[ -e "$top/.git" ] || return 0
	(cd "$top" && rm -rf autom4te.cache build-aux aclocal.m4 config.h.in config.h.in~ configure configure~ Makefile.in m4/libtool.m4 m4/lt*.m4)
}
