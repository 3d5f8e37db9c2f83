"""A gateway for measurements: reads a request, answers what eSMS says of a message that it takes. No part of onema."""

import asyncio
import sys

import uvloop

_BODY = b'{"CodeResult":"100","CountRegenerate":0,"SMSID":"d533459ee42b2b9525ba9eabf6a8156","id":"1267-2"}'
ANSWER = (
    b"HTTP/1.1 200 OK\r\nserver: bench\r\ndate: Sat, 28 Nov 2026 12:00:00 GMT\r\n"
    b"content-type: application/json; charset=utf-8\r\ncontent-length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
)


class Answering(asyncio.Protocol):
    """Counts bytes only: the cheaper it is, the more of the machine is the sender's."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._unread = b""

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while (end := self._unread.find(b"\r\n\r\n")) >= 0:
            length = self._unread[:end].lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            size = end + 4 + int(length or 0)
            if len(self._unread) < size:
                return
            self._unread = self._unread[size:]
            self._transport.write(ANSWER)  # type: ignore[attr-defined]  # it is a stream's


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
