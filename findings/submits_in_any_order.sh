#!/usr/bin/env bash
# smpp34's server hands on what one client sent in another order. Needs python3 with venv and pip.
#
# Believed: one SMPP link is one TCP stream, and a server tells its application of submits in the order in which they came.
# So: smpp34 gives each PDU to a task of its own, and `Server.next()` has the submits of one link in whatever order these ran.
# Parts of a long text must be put in order by their headers, which is no surprise on many links, but is on one; two texts to
# one phone ("your code is 1234", "forget it: it is 5678") may change places. And an unbind closes the link without an
# unbind_resp (SMPP 3.4 section 4.2), so that a client which waits for it sees a link that broke.
# Seen: smpp34 1.5.0 (PyPI); 2026-11-28.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check smpp34==1.5.0
cat > show.py <<'PY'
import asyncio
import os
import struct
import sys

import smpp34

BIND, SUBMIT, UNBIND, UNBIND_RESP = 9, 4, 6, 0x80000006
PORT, TEXTS = 29175, 200


def pdu(command, sequence, body=b""):
    return struct.pack(">IIII", 16 + len(body), command, 0, sequence) + body


def submit(number):
    text = b"%d" % number
    return pdu(SUBMIT, number + 2, b"\0\1\1849\0\1\1841\0" + b"\0\0\0\0\0\1\0\0\0" + bytes((len(text),)) + text)


async def main():
    server = smpp34.Server("127.0.0.1", PORT)
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    writer.write(pdu(BIND, 1, b"me\0pw\0\0\x34\0\0\0"))
    await reader.read(1000)
    writer.write(b"".join(map(submit, range(TEXTS))))
    came = []
    while len(came) < TEXTS:
        event = await server.next()
        if isinstance(event, smpp34.SubmitSmEvent):
            came.append(int(event.short_message))
            event.accept(str(len(came)))
    moved = sum(a > b for a, b in zip(came, came[1:]))
    print(f"{TEXTS} submits in one write; the application hears of", came[:12], "..., behind a later one:", moved)
    writer.write(pdu(UNBIND, 1000))
    rest = b""
    while data := await asyncio.wait_for(reader.read(65536), 10):
        rest += data
    answered = struct.pack(">II", UNBIND_RESP, 0) in rest
    print("unbind answered:", answered)
    return moved > 0 and not answered


surprising = asyncio.run(main())
sys.stdout.flush()
os._exit(0 if surprising else 1)
PY
venv/bin/python show.py
