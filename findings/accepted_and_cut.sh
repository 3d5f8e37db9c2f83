#!/usr/bin/env bash
# A long text through Kannel's HTTP interface. Needs Debian 12 and python3.
#
# Believed: a text of more than one part that sendsms answers with "202 Accepted for delivery" leaves in all its parts, as
# gateways do it since phones join parts (3GPP TS 23.040), or is refused.
# So: a sendsms-user without further settings gets 202, and 160 of the 200 characters leave: one part, without a header
# that tells the phone of more. The rest is gone, nothing is logged as wrong, and a code at the end of a text never
# arrives. It takes both `max-messages` and `concatenation` in the group sendsms-user to send it whole; with max-messages
# alone the two parts leave unjoined, 160 and 40 characters as two texts of their own.
# Seen: kannel 1.4.5-12 (Debian 12), with a bind to an SMSC of 50 lines; 2026-11-28.
set -euo pipefail
folder=$(mktemp -d)
processes=()
trap 'for one in "${processes[@]}"; do kill "$one" 2>/dev/null || true; done; wait; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq kannel=1.4.5-12 libct4 libhiredis0.14 libmariadb3 libpq5 libpcre3 libxml2 libsqlite3-0 libicu72 \
    libldap-2.5-0 libsasl2-2 >/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
LD_LIBRARY_PATH=$(find "$folder/root" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)
export LD_LIBRARY_PATH

cat > smsc.py <<'PYTHON'
"""Takes every submit_sm and writes its octets down, one line each."""
import socket
import struct
import sys


def exactly(connection, count):
    found = b""
    while len(found) < count:
        more = connection.recv(count - len(found))
        if not more:
            sys.exit()
        found += more
    return found


def short_message(body):
    body = body[body.index(0) + 1 :]  # service_type
    for _ in ("source", "destination"):
        end = body.index(0, 2)
        body = body[end + 1 :]
    esm_class, body = body[0], body[3:]
    for _ in ("schedule_delivery_time", "validity_period"):
        body = body[body.index(0) + 1 :]
    return esm_class, body[5 : 5 + body[4]]


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
connection, _ = listener.accept()
while True:
    length, command, _, sequence = struct.unpack(">IIII", exactly(connection, 16))
    body = exactly(connection, length - 16)
    if command == 4:
        esm_class, octets = short_message(body)
        with open("seen", "a") as seen:
            seen.write(f"{esm_class} {len(octets)}\n")
    if command < 0x80000000:
        answer = b"x\0" if command in (1, 2, 4, 9) else b""
        connection.sendall(struct.pack(">IIII", 16 + len(answer), command | 0x80000000, 0, sequence) + answer)
PYTHON

free() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
eventually() { for _ in $(seq 200); do "$@" 2>/dev/null && return; sleep 0.05; done; echo "waited in vain: $*" >&2; return 1; }
open_at() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }
lines() { [ -e seen ] && [ "$(wc -l <seen)" -ge "$1" ]; }

# $1: lines of the group sendsms-user; $2: how many submit_sm to wait for. What the SMSC saw is left in the file seen.
send() {
    rm -f seen port
    python3 smsc.py >port & local smsc=$!
    eventually test -s port
    local http admin box
    http=$(free) admin=$(free) box=$(free)
    printf '%s\n' "group = core" "admin-port = $admin" "admin-password = x" "smsbox-port = $box" "" \
        "group = smsc" "smsc = smpp" "smsc-id = s" "host = 127.0.0.1" "port = $(cat port)" "transceiver-mode = true" \
        "smsc-username = u" "smsc-password = p" 'system-type = ""' "" \
        "group = smsbox" "bearerbox-host = 127.0.0.1" "sendsms-port = $http" "" \
        "group = sendsms-user" "username = u" "password = p" "$1" "" \
        "group = sms-service" "keyword = default" 'text = ""' > kannel.conf
    root/usr/sbin/bearerbox kannel.conf >bearerbox.log 2>&1 & local bearerbox=$!
    processes+=("$smsc" "$bearerbox")
    eventually open_at "$box"
    root/usr/sbin/smsbox kannel.conf >smsbox.log 2>&1 & local smsbox=$!
    processes+=("$smsbox")
    eventually open_at "$http"
    local text
    text=$(python3 -c 'print("0123456789" * 20)')
    printf 'GET /cgi-bin/sendsms?username=u&password=p&from=1000&to=2000&text=%s HTTP/1.0\r\n\r\n' "$text" > request
    exec 4<>"/dev/tcp/127.0.0.1/$http"; cat request >&4; head -1 <&4 | tr -d '\r'; exec 4>&-
    eventually lines "$2"
    # What else would leave has left before the bind ends.
    kill "$smsbox"; wait "$smsbox" || true
    kill "$bearerbox"; wait "$bearerbox" || true
    wait "$smsc" || true
    echo "esm_class and octets of each submit_sm:"; cat seen
}

echo "200 characters, no further settings:"; send "" 1; plain=$(paste -sd, seen)
echo "max-messages = 10:"; send "max-messages = 10" 2; apart=$(paste -sd, seen)
echo "concatenation = true, max-messages = 10:"; send $'max-messages = 10\nconcatenation = true' 2; joined=$(paste -sd, seen)
[ "$plain" = "3 160" ] || [ "$plain" = "0 160" ]
[[ $apart =~ ^[03]\ 160,[03]\ 40$ ]]
[[ $joined =~ ^(64|67)\ [0-9]+,(64|67)\ [0-9]+$ ]]
