#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: GnuTLS's p11tool lists tokens and objects by their URIs, writes and
# deletes certificates, and passes over keys that it does not know.
. "$(dirname "$0")/lib.sh"
need p11tool openssl
init_token demo
hufu_in key generate "$URI" --type sm2 --label signer --id 01 >/dev/null
export GNUTLS_PIN=$PIN GNUTLS_SO_PIN=$SO_PIN # p11tool has no other way in --batch

check "lists the token" p11tool_ --list-tokens
check "by its URI" contains 'token=demo' "$work/out"
check "lists all objects with a login" p11tool_ --login --list-all "$URI"
check "lists mechanisms" p11tool_ --list-mechanisms "$URI"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/key.pem" -subj /CN=p11tool -days 30 -out "$work/cert.pem" 2>/dev/null
check "writes a certificate" p11tool_ --login --write --load-certificate "$work/cert.pem" --label cert --id 0a0b "$URI"
check "lists certificates without a login" p11tool_ --list-all-certs "$URI"
check "by label" contains 'object=cert' "$work/out"
check "exports it" p11tool_ --export "$URI;object=cert;type=cert" --outfile "$work/back.pem"
openssl x509 -in "$work/cert.pem" -outform DER -out "$work/a.der"; openssl x509 -in "$work/back.pem" -outform DER -out "$work/b.der"
check "the same certificate" same "$work/a.der" "$work/b.der"
check "deletes it" p11tool_ --login --delete "$URI;object=cert;type=cert"
p11tool_ --list-all-certs "$URI" >"$work/out" 2>&1
check "after which none is listed" absent 'object=cert' "$work/out"
check "gives random bytes" p11tool_ --generate-random=32 "$URI" --outfile "$work/random"
check "initialises the token anew" p11tool_ --initialize "$URI" --label again
check "under its new label" p11tool_ --list-tokens
check "listed" contains 'token=again' "$work/out"
finish
