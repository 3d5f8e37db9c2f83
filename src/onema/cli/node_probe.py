"""Whether the one who listens where these settings say is a node of ours."""

import asyncio
import contextlib
import ssl

from onema.settings import Settings

PATIENCE_SECONDS = 2.0
_QUESTION = b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_LONGEST_ANSWER = 4096
_STATES = {b'{"ready":true}': "ready", b'{"ready":false}': "not ready"}
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # nothing is bound here


async def node_at(settings: Settings) -> str | None:
    """ "ready" or "not ready", as a node says; None when nobody answers as one does."""
    listen = settings.listen
    tls = None
    if listen.tls_certificate:
        # The question is who it is that listens on our own port, not whether its certificate is good.
        tls = ssl.create_default_context()
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    answer = b""
    with contextlib.suppress(OSError, TimeoutError, ValueError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            host = _LOOPBACK.get(listen.host, listen.host)
            reader, writer = await asyncio.open_connection(host, listen.port, ssl=tls)
            try:
                writer.write(_QUESTION)
                while len(answer) < _LONGEST_ANSWER and (part := await reader.read(_LONGEST_ANSWER)):
                    answer += part
            finally:
                writer.close()
    return next((state for body, state in _STATES.items() if answer.endswith(body)), None)
