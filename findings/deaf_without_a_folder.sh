#!/usr/bin/env bash
# Linphone that cannot write its database listens nowhere. Needs linphone-cli of Debian 12 and iproute2.
#
# Believed: a console phone with sip_port set listens there, and one that cannot start says so and ends.
# So: where ~/.local/share/linphone is missing, as in a fresh container or home, linphonec complains of its database among other
# lines, shows its prompt, takes commands, and binds no port at all: every call to it dies unanswered. With the empty folder it
# listens. What waits for the prompt before it calls waits for too little; wait for the port.
# Seen: linphone-cli 5.1.65-4 (Debian 12); 2026-11-28.
set -euo pipefail
command -v linphonec >/dev/null || { echo "it needs linphonec" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# Starts it in a home, and says at how many ports it listens once it has taken a command.
ports() {
    printf '%s\n' "[sip]" "auto_net_state_mon=0" "sip_port=-1" "sip_tcp_port=0" "sip_tls_port=0" > "$1/linphonerc"
    mkfifo "$1/commands"
    exec 3<>"$1/commands"
    HOME=$1 linphonec -c "$1/linphonerc" <"$1/commands" >"$1/output" 2>&1 & phone=$!
    echo "codec list" >&3
    for _ in $(seq 100); do grep -q "PCMU (8000)" "$1/output" && break; sleep 0.1; done
    grep -q "PCMU (8000)" "$1/output" || { echo "it took no command" >&2; exit 1; }
    sleep 1
    ss -lunpH | grep -c "pid=$phone," || true
    echo quit >&3
    wait "$phone" || true
}

mkdir -p empty made/.local/share/linphone
without=$(ports "$folder/empty")
with=$(ports "$folder/made")
echo "ports without the folder: $without, with it: $with"
[ "$without" -eq 0 ] && [ "$with" -gt 0 ] || { echo "it behaves otherwise now"; exit 1; }
