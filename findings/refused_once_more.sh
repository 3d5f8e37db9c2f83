#!/usr/bin/env bash
# A right password under a nonce that has expired, at Kamailio. Needs Debian 12 and python3.
#
# Believed: a server that refuses credentials for their old nonce alone says stale=true (RFC 7616 section 3.3), so a client
# that gets a second 401 without it has a wrong password, and stops.
# So: the www_challenge(realm, "0") of Kamailio's own examples never says stale, and with its flag 16 it says so to everybody,
# in the first 401 and to a wrong password too. A trunk whose nonces live for a minute refuses a right registration or call
# each minute, with the same words as a wrong password; whoever gives up then is off the air, and whoever goes by stale
# tries a wrong password for ever. What tells the two is whether the nonce is a new one.
# Seen: kamailio 5.6.3-2 (Debian 12); 2026-11-28.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq kamailio=5.6.3-2 >/dev/null
dpkg-deb -x ./kamailio*.deb root
modules=$(dirname "$(find root -name auth.so)")

# $1: flags of the challenge.
serve() {
    port=$(python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    cat > kamailio.cfg <<CONFIGURATION
listen=udp:127.0.0.1:$port
children=1
log_stderror=yes
mpath="$folder/$modules/"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "auth.so"
modparam("auth", "nonce_expire", 1)
request_route {
    if (!pv_www_authenticate("example", "right", "0")) { www_challenge("example", "$1"); exit; }
    sl_send_reply("200", "OK");
}
CONFIGURATION
    root/usr/sbin/kamailio -DD -E -w "$folder" -Y "$folder" -P "$folder/pid" -f kamailio.cfg > kamailio.log 2>&1 & kamailio=$!
}

cat > client.py <<'PYTHON'
"""Registers with a nonce that has expired, with a new one, and with a wrong password; prints status and stale of each answer."""
import hashlib
import re
import socket
import sys
import time

server = ("127.0.0.1", int(sys.argv[1]))
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.bind(("127.0.0.1", 0))
client.settimeout(0.5)
here = "127.0.0.1:%d" % client.getsockname()[1]
number = 0


def md5(*parts):
    return hashlib.md5(":".join(parts).encode()).hexdigest()


def register(nonce="", password="right"):
    global number
    number += 1
    lines = [
        "REGISTER sip:example SIP/2.0",
        f"Via: SIP/2.0/UDP {here};branch=z9hG4bK{number}",
        "From: <sip:lan@example>;tag=1",
        "To: <sip:lan@example>",
        "Call-ID: one",
        f"CSeq: {number} REGISTER",
        f"Contact: <sip:lan@{here}>",
        "Max-Forwards: 70",
    ]
    if nonce:
        response = md5(md5("lan", "example", password), nonce, md5("REGISTER", "sip:example"))
        lines.append(
            f'Authorization: Digest username="lan", realm="example", nonce="{nonce}", uri="sip:example", response="{response}"'
        )
    for _ in range(20):
        client.sendto("\r\n".join([*lines, "Content-Length: 0", "", ""]).encode(), server)
        try:
            answer = client.recv(4096).decode()
        except (TimeoutError, ConnectionRefusedError):
            time.sleep(0.1)
            continue
        given = re.search('nonce="([^"]+)"', answer)
        print(answer.split()[1], "stale" if re.search("stale=true", answer, re.I) else "-", end=" ")
        return given.group(1) if given else ""
    sys.exit("no answer")


old = register()
time.sleep(2.5)
new = register(old)
register(new)
register(register(), "wrong")
print()
PYTHON

answers() {
    serve "$1"
    python3 client.py "$port" || { cat kamailio.log >&2; exit 1; }
    kill "$kamailio"; wait "$kamailio" || true
}
echo "status and stale of: no password, right under an old nonce, right under a new one, none again, wrong"
plain=$(answers 0); echo "www_challenge(realm, 0):  $plain"
flagged=$(answers 16); echo "www_challenge(realm, 16): $flagged"
[ "$plain" = "401 - 401 - 200 - 401 - 401 - " ] && [ "$flagged" = "401 stale 401 stale 200 - 401 stale 401 stale " ]
