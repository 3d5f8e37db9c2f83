#!/usr/bin/env bash
# A verification for a number as E.164 and RFC 3966 write it in the open, with its plus: +84901888484.
#
# Believed: the library of a verification service takes a number as other libraries write it, and takes the plus off where its API wants none.
# So: vonage-verify refuses it before anything is sent, as it refuses any language that its Locale has not, Vietnamese for one, while it sends
# numbers that no country has.
# Seen: vonage-verify 2.2.0, vonage-http-client 1.5.2, phonenumbers 9.0.43 (PyPI); 2026-11-29.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check vonage-verify==2.2.0 vonage-http-client==1.5.2 phonenumbers==9.0.43
cat > "$folder/show.py" <<'PYTHON'
import json
import sys

import phonenumbers
from pydantic import ValidationError
from vonage_verify import SmsChannel, VerifyRequest

NUMBER = phonenumbers.parse("+84901888484")


def judged(to, **more):
    try:
        VerifyRequest(brand="Acme", workflow=[SmsChannel(to=to)], **more)
    except ValidationError as refused:
        return f"refused: {refused.errors()[0]['type']}"
    return "taken"


seen = {
    "as E.164 has it": judged(phonenumbers.format_number(NUMBER, phonenumbers.PhoneNumberFormat.E164)),
    "without its plus": judged("84901888484"),
    "a country code that there is not": judged("999901888484"),
    "in Vietnamese": judged("84901888484", locale="vi-vn"),
}
print(json.dumps(seen, indent=1))
expected = {
    "as E.164 has it": "refused: string_pattern_mismatch",
    "without its plus": "taken",
    "a country code that there is not": "taken",
    "in Vietnamese": "refused: enum",
}
assert not phonenumbers.is_possible_number_string("+999901888484", None)
sys.exit(0 if seen == expected else "they judge otherwise now")
PYTHON
"$folder/venv/bin/python" "$folder/show.py"
