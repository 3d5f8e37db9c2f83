#!/usr/bin/env bash
# Keys that sipp's play_dtmf presses in a call. Needs Debian 12, python3, and root (sipp writes RTP to a raw socket).
#
# Believed: a test phone that offers telephone-event as payload type 101, and is answered with 101, sends its keys as 101
# (RFC 4733 section 2.1: the type is what SDP says), so that whoever reads them is tested as real phones would.
# So: <exec play_dtmf="12"/> sends them as type 96, whatever was offered and answered, and beside each key ten packets of a
# type 97 that nobody spoke of, all zero: whoever reads every small packet as an event hears 0 1 0 2 instead of 1 2,
# whoever obeys SDP hears nothing.
# Seen: sip-tester 1:3.6.1-1+b2 (Debian 12); 2026-11-28.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq sip-tester=1:3.6.1-1+b2 libgsl27 libgslcblas0 libncursesw6 libtinfo6 libpcap0.8 libsctp1 libdbus-1-3 >/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
LD_LIBRARY_PATH=$(find "$folder/root" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)
export LD_LIBRARY_PATH

cat > phone.py <<'PYTHON'
"""A phone that answers, and tells of what comes to its RTP port: payload type, event, octets."""
import select
import socket
import sys
from collections import Counter

sip, rtp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
for one in (sip, rtp):
    one.bind(("127.0.0.1", 0))
port = sip.getsockname()[1]
print(port, flush=True)
SDP = (
    "v=0\r\no=b 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    f"m=audio {rtp.getsockname()[1]} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
)
COPIED = ("Via:", "From:", "To:", "Call-ID:", "CSeq:")
seen = Counter()
method = ""
while method != "BYE":
    ready, _, _ = select.select([sip, rtp], [], [], 30)
    if not ready:
        sys.exit("nobody calls")
    for one in ready:
        data, peer = one.recvfrom(2048)
        if one is rtp:
            seen[data[1] & 0x7F, data[12], len(data) - 12] += 1
            continue
        lines = data.decode().split("\r\n\r\n")[0].split("\r\n")
        method = lines[0].split(" ")[0]
        if method not in ("INVITE", "BYE"):
            continue
        copied = [line for line in lines[1:] if line.startswith(COPIED)]
        copied = [line + ";tag=b" if line.startswith("To:") and "tag=" not in line else line for line in copied]
        told = SDP if method == "INVITE" else ""
        kind = [f"Contact: <sip:b@127.0.0.1:{port}>", "Content-Type: application/sdp", f"Content-Length: {len(told)}"]
        sip.sendto("\r\n".join(["SIP/2.0 200 OK", *copied, *kind, "", told]).encode(), peer)
for (payload_type, event, octets), packets in sorted(seen.items()):
    print(f"payload type {payload_type}, event {event}, {octets} octets: {packets} packets")
PYTHON

# $1: method, $2: CSeq number, $3: what stands behind To, then the body.
request() {
    printf '<send><![CDATA[\n%s sip:b@[remote_ip]:[remote_port] SIP/2.0\n' "$1"
    printf 'Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]\nFrom: <sip:a@[local_ip]>;tag=[call_number]\n'
    printf 'To: <sip:b@[remote_ip]>%s\nCall-ID: [call_id]\nCSeq: %s %s\nMax-Forwards: 70\n' "$3" "$2" "$1"
    printf 'Contact: <sip:a@[local_ip]:[local_port]>\nContent-Type: application/sdp\nContent-Length: [len]\n\n%s]]></send>\n' "${4:-}"
}
offer='v=0
o=a 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 0 101
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
'
{
    echo '<?xml version="1.0" encoding="ISO-8859-1"?><scenario name="keys">'
    request INVITE 1 "" "$offer"; echo '<recv response="200"/>'
    request ACK 1 "[peer_tag_param]"
    echo '<nop><action><exec play_dtmf="12"/></action></nop><pause milliseconds="2500"/>'
    request BYE 2 "[peer_tag_param]"; echo '<recv response="200"/></scenario>'
} > keys.xml

python3 phone.py > told & phone=$!
for _ in $(seq 100); do [ -s told ] && break; sleep 0.05; done
root/usr/bin/sipp "127.0.0.1:$(head -1 told)" -sf keys.xml -m 1 -i 127.0.0.1 -mi 127.0.0.1 -nostdin > sipp.log 2>&1 || { cat sipp.log; exit 1; }
wait "$phone"
echo "offered and answered: telephone-event as 101; pressed: 1 2"
tail -n +2 told
! grep -q "type 101" told
grep -q "type 96, event 1, " told && grep -q "type 96, event 2, " told && grep -q "type 97, event 0, 4 octets: 20" told
