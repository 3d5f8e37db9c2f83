#!/usr/bin/env bash
# '`' and '§' in a text that smpplib encodes.
#
# Believed: gsm_encode writes the GSM 7-bit alphabet (3GPP TS 23.038), and what the alphabet lacks goes as UCS-2. The
# alphabet has '§' at 5F and no '`'.
# So: smpplib's table has '`' at 5F, since it fills its holes with that sign: a code in backticks, as chat tools and
# Markdown write it, is shown between section signs by the phone, and a text with '§', one segment of up to 160
# characters, goes as UCS-2 with 70 to a segment.
# Seen: smpplib 2.2.4, gsm0338 1.1.0 as the phone (PyPI); 2026-11-28.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check smpplib==2.2.4 gsm0338==1.1.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import gsm0338
from smpplib.consts import SMPP_ENCODING_DEFAULT, SMPP_ENCODING_ISO10646
from smpplib.gsm import make_parts

(part,), coding, _ = make_parts("Your code is `123456`")
shown, _ = gsm0338.Codec().decode(part)
print(f"Your code is `123456` leaves under data_coding {coding} and is shown as {shown}")

legal = "See § 312 of the terms. Your code is 123456. It is good for five minutes."
assert len(gsm0338.Codec().encode(legal)[0]) == len(legal) <= 160
parts, legal_coding, _ = make_parts(legal)
print(f"{len(legal)} characters with a section sign: {len(parts)} parts under data_coding {legal_coding}")

seen = (shown, coding, len(parts), legal_coding)
expected = ("Your code is §123456§", SMPP_ENCODING_DEFAULT, 2, SMPP_ENCODING_ISO10646)
sys.exit(0 if seen == expected else "it is encoded otherwise now")
PYTHON
