#!/usr/bin/env bash
# A JSON Web Token whose times have fractions of a second, as `"exp": time.time() + 60` makes them.
#
# Believed: a library takes a token from its nbf until its exp, to the fraction: RFC 7519 (section 2, NumericDate) allows
# "non-integer values", and PyJWT's encode writes them.
# So: PyJWT's decode cuts the fractions off. It refuses a token up to a second before its exp, so that one of half a second may
# have expired when it is made, and takes one up to a second before its nbf. joserfc, given the same tokens at the same moment,
# says the opposite of both.
# Seen: PyJWT 2.15.1, joserfc 1.8.0 (PyPI); 2026-11-28.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check PyJWT==2.15.1 joserfc==1.8.0
cat > "$folder/show.py" <<'PYTHON'
import json
import math
import sys
import time

import joserfc.errors
import joserfc.jwk
import joserfc.jwt
import jwt

SECRET = "a secret of thirty-two letters .."


def of_pyjwt(token):
    try:
        jwt.decode(token, SECRET, ["HS256"])
    except jwt.PyJWTError as refused:
        return type(refused).__name__
    return "valid"


def of_joserfc(token):
    claims = joserfc.jwt.decode(token, joserfc.jwk.OctKey.import_key(SECRET)).claims
    try:
        joserfc.jwt.JWTClaimsRegistry().validate(claims)
    except joserfc.errors.JoseError as refused:
        return type(refused).__name__
    return "valid"


# Early in a second, so that all of this happens within it.
while not 0.05 < time.time() % 1 < 0.2:
    time.sleep(0.01)
second = math.floor(time.time())
tokens = {
    "exp is 0.8 s away": jwt.encode({"exp": second + 0.95}, SECRET, "HS256"),
    "nbf is 0.8 s away": jwt.encode({"nbf": second + 0.95}, SECRET, "HS256"),
}
seen = {name: {"PyJWT": of_pyjwt(token), "joserfc": of_joserfc(token)} for name, token in tokens.items()}
if time.time() >= second + 0.95:
    sys.exit("this machine was too slow to tell; run it again")
print(json.dumps(seen, indent=1))
expected = {
    "exp is 0.8 s away": {"PyJWT": "ExpiredSignatureError", "joserfc": "valid"},
    "nbf is 0.8 s away": {"PyJWT": "valid", "joserfc": "InvalidClaimError"},
}
sys.exit(0 if seen == expected else "they judge otherwise now")
PYTHON
"$folder/venv/bin/python" "$folder/show.py"
