#!/usr/bin/env bash
# tshark's JSON of an SMS with an emoji is no UTF-8. Needs tshark and python3.
#
# Believed: `tshark -T json` writes JSON, which is UTF-8 (RFC 8259 section 8.1), whatever the captured text is.
# So: the two UTF-16 units of a character outside the BMP are written as one three-octet sequence each (a surrogate half,
# which UTF-8 cannot have: RFC 3629 section 3). Strict readers refuse the whole document; Python's json.loads(bytes) takes it
# and gives two halves that can be neither printed nor compared. The text in the capture is right: phones show an emoji.
# Seen: tshark 4.0.17 (Debian 12); 2026-11-28.
set -euo pipefail
command -v tshark >/dev/null || { echo "it needs tshark" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > show.py <<'PY'
import json
import struct
import subprocess
import sys

TEXT = "OK \N{GRINNING FACE}"
octets = TEXT.encode("utf-16-be")
# submit_sm (SMPP 3.4 section 4.4.1) from 1 to 2 under data_coding 8.
body = b"\0" + b"\0\0" + b"1\0" + b"\1\1" + b"2\0" + b"\0\0\0" + b"\0\0" + b"\0\0\x08\0" + bytes((len(octets),)) + octets
smpp = struct.pack(">IIII", 16 + len(body), 4, 0, 1) + body
tcp = struct.pack(">HHIIBBHHH", 40000, 2775, 1, 1, 0x50, 0x18, 8192, 0, 0) + smpp
ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + bytes((127, 0, 0, 1, 127, 0, 0, 2)) + tcp
with open("one.pcap", "wb") as file:
    file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
    file.write(struct.pack("<IIII", 0, 0, len(ip), len(ip)) + ip)
told = subprocess.run(["tshark", "-n", "-r", "one.pcap", "-T", "json"], capture_output=True, check=True).stdout
try:
    told.decode("utf-8")
    strict = "is UTF-8"
except UnicodeDecodeError as error:
    strict = f"is no UTF-8: {error}"
read = json.loads(told)[0]["_source"]["layers"]["smpp"]["smpp.message_text"]
print("sent", ascii(TEXT), "- the JSON", strict)
print("json.loads reads", ascii(read), "equal to what was sent:", read == TEXT)
sys.exit(0 if strict != "is UTF-8" and read != TEXT else 1)
PY
python3 show.py
