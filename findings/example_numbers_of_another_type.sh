#!/usr/bin/env bash
# Example numbers by type, which tests of number types are made from.
#
# Believed: phonenumbers.example_number_for_type(region, T) is a number of type T.
# So: where a region's metadata has one pattern for mobile phones and another for landlines, asking for
# FIXED_LINE_OR_MOBILE hands out the landline's example, whose own number_type is FIXED_LINE. A test that takes it for a
# number that an SMS may reach tests a landline, in most of the world.
# Seen: phonenumbers 9.0.43; 2026-11-28.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check phonenumbers==9.0.43
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from collections import Counter

import phonenumbers
from phonenumbers import PhoneNumberType

names = {value: name for name, value in vars(PhoneNumberType).items() if isinstance(value, int)}
asked = PhoneNumberType.FIXED_LINE_OR_MOBILE
handed_out = Counter()
for region in sorted(phonenumbers.SUPPORTED_REGIONS):
    example = phonenumbers.example_number_for_type(region, asked)
    if example is not None:
        handed_out[names[phonenumbers.number_type(example)]] += 1
for region in ("AC", "US", "VN"):
    example = phonenumbers.example_number_for_type(region, asked)
    if example is not None:
        print(region, phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164), end=" ")
        print("is", names[phonenumbers.number_type(example)])
print(dict(handed_out))
others = sum(handed_out.values()) - handed_out["FIXED_LINE_OR_MOBILE"]
sys.exit(0 if others > 100 else "most examples have the type that was asked for now")
PYTHON
