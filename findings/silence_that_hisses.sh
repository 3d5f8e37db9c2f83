#!/usr/bin/env bash
# A recording that is made mu-law or A-law by sox. Needs Debian 12 and python3.
#
# Believed: G.711 is a table: each sample has one octet, silence is FF and D5 all along, and the same clip becomes the same
# octets wherever it stands in a file.
# So: sox adds noise (dither) when it makes G.711 of 16-bit audio, without being asked and without saying so. Of digital
# silence 24 in 100 octets of mu-law are not silence, so that a pause between two digits is no pause to whoever looks for
# runs of FF: silence suppression, trimming, comparing a prompt with what was heard. The same clip after another
# second of silence has other octets. With -D it is the table.
# Seen: sox 14.4.2+git20190427-3.5 (Debian 12); 2026-11-28.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
sox=14.4.2+git20190427-3.5
apt-get download -qq "sox=$sox" "libsox3=$sox" libgsm1 libmagic1 libltdl7 libpng16-16 libgomp1 >/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
LD_LIBRARY_PATH=$(find "$folder/root" -name '*.so.*' -printf '%h\n' | sort -u | paste -sd:)
export LD_LIBRARY_PATH

cat > show.py <<'PYTHON'
import math
import struct
import subprocess
import sys
import wave


def made(samples, kind, *options):
    with wave.open("one.wav", "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    done = subprocess.run(["root/usr/bin/sox", *options, "one.wav", "-t", kind, "-"], capture_output=True, check=True)
    return done.stdout, done.stderr.decode()


second = [0] * 8000
tone = [round(3000 * math.sin(index / 3)) for index in range(800)]
found = []
for kind, silence in (("ul", 0xFF), ("al", 0xD5)):
    for options in ((), ("-D",)):
        octets, said = made(second, kind, *options)
        other = sum(octet != silence for octet in octets)
        first, _ = made(tone, kind, *options)
        later, _ = made(second + tone, kind, *options)
        same = later[-len(first):] == first
        print(f"{kind} {' '.join(options):2}: {other} of 8000 octets of silence are others; a tone is the same later: {same}; sox says {said!r}")
        found.append((other > 800, same, said))
sys.exit(0 if found == [(True, False, ""), (False, True, "")] * 2 else "it is made otherwise now")
PYTHON
python3 show.py
