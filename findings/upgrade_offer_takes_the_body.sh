#!/usr/bin/env bash
# A POST that offers another protocol, served by uvicorn on httptools.
#
# Believed: a server that does not speak h2c ignores the offer (RFC 9110 section 7.8), and the request keeps its body.
# So: the parser ends the message at its head, and the application is handed an empty body; on the h11 implementation of
# the same server the body arrives. Java's java.net.http.HttpClient makes the offer with its first requests over http://,
# and `curl --http2` with each, so that "curl works, the Java service sends empty bodies" is this.
# Seen: uvicorn 0.54.0, httptools 0.9.0, h11 0.16.0; 2026-11-28.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uvicorn==0.54.0 httptools==0.9.0 h11==0.16.0
cat > "$folder/show.py" <<'PYTHON'
import asyncio
import json
import socket
import sys

import uvicorn


async def app(scope, receive, send):
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
    await send({"type": "http.response.body", "body": json.dumps({"body": body.decode()}).encode()})


async def ask(port, offer):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nHost: test\r\n" + offer + b"Content-Length: 4\r\n\r\ncode")
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return json.loads(answer[answer.index(b"{") : answer.rindex(b"}") + 1])["body"]


async def main():
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"
    seen = {}
    for http in ("httptools", "h11"):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            config = uvicorn.Config(app, http=http, ws="none", lifespan="off", log_level="critical")
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve([listener]))
            port = listener.getsockname()[1]
            seen[http] = {"plain": await ask(port, b""), "with the offer": await ask(port, offer)}
            server.should_exit = True
            await serving
    print(json.dumps(seen, indent=1))
    expected = {
        "httptools": {"plain": "code", "with the offer": ""},
        "h11": {"plain": "code", "with the offer": "code"},
    }
    sys.exit(0 if seen == expected else "it behaves differently now")


asyncio.run(main())
PYTHON
"$folder/venv/bin/python" "$folder/show.py"
