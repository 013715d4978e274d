#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Claim: OpenSSH lists the token's keys without the PIN, its agent holds them
# with it, signs files and logs in to an sshd; a wrong PIN, an ended helper and
# an ended agent leave the token as it was.
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin:/sbin
need ssh ssh-keygen ssh-agent ssh-add sshd pkcs11-tool openssl pgrep ps
init_token demo
MODULE=$(realpath "$MODULE")
export USER_PIN=$PIN HOME=$work/home
mkdir -m 700 "$HOME"
login="--token-label demo --login --pin env:USER_PIN"

# The PIN, or what is to pass for it, reaches ssh-add and ssh by this program.
cat >"$work/askpass" <<ASKPASS
#!/bin/sh
echo "\$*" >>"$work/asked"
cat "\${ASKPASS_ANSWER:-$work/user.pin}"
ASKPASS
chmod 700 "$work/askpass"
export SSH_ASKPASS=$work/askpass SSH_ASKPASS_REQUIRE=force
echo 'not-the-pin-000' >"$work/wrong.pin"

# The agent and ssh load modules in a helper of theirs.
for helper in /usr/lib/openssh/ssh-pkcs11-helper /usr/libexec/openssh/ssh-pkcs11-helper /usr/libexec/ssh-pkcs11-helper /usr/lib/ssh/ssh-pkcs11-helper; do
	[ -x "$helper" ] && break
done
printf '#!/bin/sh\nexec %s %s "$@"\n' "$HUFU_WRAP" "$helper" >"$work/helper"
chmod 700 "$work/helper"
export SSH_PKCS11_HELPER=$work/helper

keygen() { local type=$1 label=$2 id=$3; shift 3; pkcs11_tool $login --keypairgen --key-type "$type" --label "$label" --id "$id" "$@"; }
list_keys() { $HUFU_WRAP ssh-keygen -D "$MODULE"; }
# The public half by another road: the tool's SubjectPublicKeyInfo, in OpenSSH's form.
export_key() { hufu key export-public "$URI;object=$1;type=public" --out "$work/$1.pem" && ssh-keygen -i -m PKCS8 -f "$work/$1.pem" >"$work/$1.pub"; }
blob() { cut -d' ' -f2 "$work/$1.pub"; }

keys="rsa p256 p384"
check "an RSA key pair is generated" keygen rsa:2048 rsa 01
check "one on P-256" keygen EC:prime256v1 p256 02
check "one on P-384" keygen EC:secp384r1 p384 03
check "ssh-keygen -D lists keys without the PIN" list_keys
cp "$work/out" "$work/listed"
check "three of them" is_equal "$(grep -cE '^(ssh-rsa|ecdsa-sha2-nistp(256|384)) ' "$work/listed")" 3
for key in $keys; do
	check "$key: the tool exports it" export_key $key
	check "$key: listed as the tool exports it" contains -F "$(blob $key)" "$work/listed"
	check "$key: with its label" is_equal "$(grep -F "$(blob $key)" "$work/listed" | cut -d' ' -f3)" "$key"
done
check "and nobody was asked for the PIN" test ! -e "$work/asked"

# A certificate carries a public key too.
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/ca.key" -out "$work/ca.pem" -subj /CN=ca -days 30 2>/dev/null
certify() {
	openssl x509 -new -subj "/CN=holder of $1" -force_pubkey "$work/$1.pem" -CA "$work/ca.pem" -CAkey "$work/ca.key" -days 30 -out "$work/$1.crt" &&
		openssl x509 -in "$work/$1.crt" -outform DER -out "$work/$1.der"
}
check "a certificate is made for the P-256 key" certify p256
check "and written beside it" pkcs11_tool $login --write-object "$work/p256.der" --type cert --label p256-cert --id 02
check "ssh-keygen -D lists keys again" list_keys
check "the certified one once" is_equal "$(grep -cF "$(blob p256)" "$work/out")" 1
check "its public key object is deleted" pkcs11_tool $login --delete-object --type pubkey --id 02
check "the certificate alone has it listed" list_keys
check "as the same key" contains -F "$(blob p256)" "$work/out"

start_agent() {
	ssh-agent -D -a "$work/$1.sock" -P "$MODULE" >"$work/$1.out" 2>&1 &
	agent=$!
	pids="$pids $agent"
	export SSH_AUTH_SOCK=$work/$1.sock
	wait_for exists "$SSH_AUTH_SOCK"
}
kill_agent() { kill -9 "$agent"; wait "$agent"; is_equal $? 137; }
with_answer() { local answer=$1; shift; ASKPASS_ANSWER=$answer "$@"; }
check "an agent starts" start_agent agent
check_status 1 "it refuses the module under a wrong PIN" with_answer "$work/wrong.pin" ssh-add -s "$MODULE"
check_status 1 "and holds nothing" ssh-add -l
check "it takes the module under the PIN" ssh-add -s "$MODULE"
check "it shows its keys" ssh-add -L
for key in $keys; do
	check "$key: the agent holds it" contains -F "$(blob $key)" "$work/out"
done
for key in $keys; do
	check "$key: it signs what verifies" ssh-add -T "$work/$key.pub"
done

head -c 100003 /dev/urandom >"$work/data"
{ cat "$work/data"; echo; } >"$work/other"
for key in $keys; do echo "someone@example.com $(cut -d' ' -f1,2 "$work/$key.pub")"; done >"$work/signers"
sign_file() { rm -f "$work/data.sig"; ssh-keygen -Y sign -f "$work/$1.pub" -n file "$work/data"; }
verify_file() { ssh-keygen -Y verify -f "$work/signers" -I someone@example.com -n "$1" -s "$work/data.sig" <"$2"; }
for key in $keys; do
	check "$key: ssh-keygen -Y signs a file by the agent" sign_file $key
	check "$key: and verifies it" verify_file file "$work/data"
	check_status 255 "$key: not for another file" verify_file file "$work/other"
	check_status 255 "$key: nor for another purpose" verify_file mail "$work/data"
done

# A login to an sshd of our own. Run by root it wants /run/sshd, an empty folder
# that the system's own service makes when it starts; where there is none, it is
# made in a namespace, or, in a container that allows none, for this run.
sshd=$(command -v sshd)
in_namespace=
cannot=
if [ "$(id -u)" = 0 ] && [ ! -d /run/sshd ]; then
	if unshare -m true 2>/dev/null; then
		in_namespace=1
	elif mkdir -m 755 /run/sshd 2>/dev/null; then
		trap 'cleanup; rmdir /run/sshd 2>/dev/null' EXIT
	else
		cannot="root has no /run/sshd here, and may make neither it nor a mount namespace"
	fi
fi
case $(getent passwd "$(id -u)" | cut -d: -f7) in
*/nologin | */false) cannot="this user's shell lets nobody in" ;;
esac
ssh-keygen -q -t ed25519 -N '' -f "$work/host_key"
write_sshd_config() {
	cat >"$work/sshd_config" <<SSHD
ListenAddress 127.0.0.1:$1
HostKey $work/host_key
PidFile $work/sshd.pid
AuthorizedKeysFile $work/authorized
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM $(case $(getent shadow root 2>/dev/null) in root:!*) echo yes ;; *) echo no ;; esac)
SSHD
	echo "[127.0.0.1]:$1 $(cut -d' ' -f1,2 "$work/host_key.pub")" >"$work/known_hosts"
}
run_sshd() {
	if [ -n "$in_namespace" ]; then
		exec unshare -m sh -c 'mount -t tmpfs -o mode=755 tmpfs /run && mkdir -m 755 /run/sshd && exec "$@"' sh "$sshd" -D -e -f "$work/sshd_config"
	fi
	exec "$sshd" -D -e -f "$work/sshd_config"
}
sshd_up_or_gone() { [ -e "$work/sshd.pid" ] || gone "$sshd_pid"; }
# Somebody else may take the port before we do, so more than one is tried.
start_sshd() {
	for _ in 1 2 3 4 5; do
		port=$(free_port) && write_sshd_config "$port" || return 1
		run_sshd >"$work/sshd.out" 2>&1 &
		sshd_pid=$!
		wait_for sshd_up_or_gone
		[ -e "$work/sshd.pid" ] && { pids="$pids $sshd_pid"; return 0; }
	done
	cat "$work/sshd.out"
	return 1
}
ssh_() { ssh -F none -p "$port" -o BatchMode=no -o UserKnownHostsFile="$work/known_hosts" -o StrictHostKeyChecking=yes "$@"; }
by_agent() { ssh_ -o IdentitiesOnly=yes -i "$work/$1.pub" 127.0.0.1 'echo "welcome $((6 * 7))"'; }
by_module() { ssh_ -o IdentityAgent=none -o IdentityFile="$work/none" -o PKCS11Provider="$MODULE" 127.0.0.1 'echo "welcome $((6 * 7))"'; }
authorize() { for key in "$@"; do cut -d' ' -f1,2 "$work/$key.pub"; done >"$work/authorized"; }
if [ -n "$cannot" ]; then
	skip "an sshd" "$cannot"
else
	authorize rsa p256
	check "an sshd starts" start_sshd
	for key in rsa p256; do
		check "$key: it lets in who has the key in the agent" by_agent $key
		check "$key: and runs a command" contains '^welcome 42$' "$work/out"
	done
	check_status 255 "p384: but nobody by a key that it does not know" by_agent p384
	check "it lets in who gives ssh the module and the PIN" by_module
	check "and runs a command" contains '^welcome 42$' "$work/out"
	check_status 255 "but nobody under a wrong PIN" with_answer "$work/wrong.pin" by_module
	check "nor is this a session" absent '^welcome' "$work/out"
fi

check "the agent gives the module back" ssh-add -e "$MODULE"
check_status 1 "and holds nothing" ssh-add -l
check_status 255 "so that it signs no more" sign_file rsa

# A certification authority on the token: ssh-keygen loads the module itself.
certify_user() { $HUFU_WRAP ssh-keygen -q -D "$MODULE" -s "$work/$1.pub" -I visitor -n "$(id -un)" -V +1d "$work/visitor.pub"; }
by_certificate() { ssh_ -o IdentityAgent=none -o IdentitiesOnly=yes -i "$work/visitor" 127.0.0.1 'echo "welcome $((6 * 7))"'; }
ssh-keygen -q -t ed25519 -N '' -C visitor -f "$work/visitor"
for key in $keys; do
	: >"$work/asked"
	check "$key: ssh-keygen certifies a visitor by it" certify_user $key
	check "$key: asking for the PIN once" is_equal "$(wc -l <"$work/asked")" 1
	check "$key: the certificate is sound" ssh-keygen -L -f "$work/visitor-cert.pub"
	check "$key: and says by whom" contains -F "$(ssh-keygen -lf "$work/$key.pub" | cut -d' ' -f2)" "$work/out"
	[ -n "$cannot" ] && continue
	check_status 255 "$key: the sshd lets no visitor in" by_certificate
	echo "cert-authority $(cut -d' ' -f1,2 "$work/$key.pub")" >"$work/authorized"
	check "$key: but who was certified, once it knows by whom" by_certificate
done

check "the agent takes the module again" ssh-add -s "$MODULE"
helper_pid=$(pgrep -P "$agent")
check "the agent has one helper" is_equal "$(echo "$helper_pid" | wc -w)" 1
check "which is killed" kill -9 "$helper_pid"
check "and gone" wait_for gone "$helper_pid"
check "the agent is killed" kill_agent
check "another agent starts" start_agent agent2
check "it takes the module" ssh-add -s "$MODULE"
check "and signs" sign_file p384
check "what verifies" verify_file file "$work/data"
helper_pid=$(pgrep -P "$agent")
check "that agent is killed, its helper left alone" kill_agent
check "the helper ends by itself" wait_for gone "$helper_pid"
check "keys are listed as before" list_keys
for key in $keys; do
	check "$key: among them" contains -F "$(blob $key)" "$work/out"
done
finish
