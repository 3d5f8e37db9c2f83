#!/usr/bin/env bash
# Numbers that regulators keep free for films and books, which people take for tests, since nobody answers there.
#
# Believed: a library that knows the numbering plans treats them alike: as numbers of nobody.
# So: phonenumbers says of Britain's, France's and Ireland's mobile ones that they are no numbers, though possible by their length,
# and takes Australia's, Germany's, Sweden's and North America's for valid mobile phones. A service that asks is_valid_number
# refuses the one half, and sends codes to the other.
# The ranges: Ofcom (+44 7700 900000 to 900999), ARCEP (+33 6 39 98), ComReg (+353 20 91), ACMA (+61 491 570006 and others),
# Bundesnetzagentur (+49 152 28817386 and others), PTS (+46 70 1740605 to 1740699), NANPA (555-0100 to 555-0199 of each area).
# Seen: phonenumbers 9.0.43; 2026-11-29.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check phonenumbers==9.0.43
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import phonenumbers

NUMBERS = {
    "+447700900123": False,
    "+33639981234": False,
    "+353209105555": False,
    "+61491570006": True,
    "+4915228817386": True,
    "+46701740605": True,
    "+12125550123": True,
}
seen = {}
for number in NUMBERS:
    parsed = phonenumbers.parse(number)
    assert phonenumbers.is_possible_number(parsed)
    seen[number] = phonenumbers.is_valid_number(parsed)
    print(f"{number:15} is_possible_number True, is_valid_number {seen[number]}")
sys.exit(0 if seen == NUMBERS else "it judges otherwise now")
PYTHON
