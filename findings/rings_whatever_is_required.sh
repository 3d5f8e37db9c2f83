#!/usr/bin/env bash
# A call that requires what the phone does not have, at Linphone. Needs linphone-cli of Debian 12 and python3.
#
# Believed: a phone that does not understand an option tag in Require answers 420 with Unsupported (RFC 3261 section 8.2.2.3),
# so a caller that must have reliable provisional responses says Require: 100rel and gets either those or a 420.
# So: linphone rings, with a 180 that has neither Require nor RSeq and that no PRACK can follow, and rings just so for
# "Require: what-nobody-has": it answers no Require with 420. It also leaves rport empty in Via, which it must fill in
# (RFC 3581 section 4). A caller that waits for the 420, or for the RSeq that it insisted on, waits in vain.
# Seen: linphone-cli 5.1.65-4 (Debian 12); 2026-11-28.
set -euo pipefail
command -v linphone-daemon >/dev/null || { echo "it needs linphone-daemon" >&2; exit 2; }
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
mkdir -p .local/share/linphone .config/linphone
port=$(python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf '%s\n' "[sip]" "sip_port=$port" "sip_tcp_port=0" "sip_tls_port=0" "use_ipv6=0" > linphonerc
cat > call.py <<'PYTHON'
import re
import socket
import sys

server = ("127.0.0.1", int(sys.argv[1]))


def answers(required):
    """Status, RSeq and rport of each answer to an INVITE, until it rings or is refused."""
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.bind(("127.0.0.1", 0))
    client.settimeout(0.5)
    here = "127.0.0.1:%d" % client.getsockname()[1]
    sdp = "v=0\r\no=a 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
    lines = [
        f"INVITE sip:b@127.0.0.1:{server[1]} SIP/2.0",
        f"Via: SIP/2.0/UDP {here};rport;branch=z9hG4bK{required}",
        f"From: <sip:a@127.0.0.1>;tag={required}",
        "To: <sip:b@127.0.0.1>",
        f"Call-ID: {required}",
        "CSeq: 1 INVITE",
        f"Contact: <sip:a@{here}>",
        "Max-Forwards: 70",
        f"Require: {required}",
        "Supported: 100rel",
        "Content-Type: application/sdp",
        f"Content-Length: {len(sdp)}",
    ]
    seen = []
    for _ in range(40):
        if not seen:
            client.sendto(("\r\n".join(lines) + "\r\n\r\n" + sdp).encode(), server)
        try:
            answer = client.recv(4096).decode()
        except (TimeoutError, ConnectionRefusedError):
            continue
        status = int(answer.split()[1])
        filled = bool(re.search(r"rport=\d", answer))
        print(f"Require: {required}: {answer.splitlines()[0]}, RSeq {'RSeq' in answer}, rport filled in {filled}")
        seen.append((status, "RSeq" in answer, filled))
        if status > 100:
            return seen[-1]
    sys.exit("no answer")


sys.exit(0 if answers(sys.argv[2]) == (180, False, False) else "it answers otherwise now")
PYTHON

# It reads commands, and ends with them.
mkfifo commands
exec 3<>commands
for required in 100rel what-nobody-has; do
    HOME=$folder linphone-daemon --config "$folder/linphonerc" --disable-stats-events <commands >daemon.log 2>&1 & phone=$!
    python3 call.py "$port" "$required" || { status=$?; cat daemon.log >&2; exit "$status"; }
    kill "$phone"; wait "$phone" || true
done
