"""A server that answers what a test tells it to, one connection after the other, and keeps what it was asked."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

SILENCE = b""
"""It closes the connection once it has read the request."""


class Asked(NamedTuple):
    line: str
    headers: dict[str, str]
    body: bytes


class ScriptedServer:
    """`answers` go out in their order; the last one again and again."""

    def __init__(self, answers: list[bytes]) -> None:
        self.asked: list[Asked] = []
        self.connections = 0
        self._answers = list(answers)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # it was closed
                return
            self.connections += 1
            with connection, connection.makefile("rb") as stream:
                while line := stream.readline():
                    headers = dict(_headers(stream))
                    body = stream.read(int(headers.get("content-length", 0)))
                    self.asked.append(Asked(line.decode().strip(), headers, body))
                    answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
                    if answer == SILENCE:
                        break
                    connection.sendall(answer)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def _headers(stream: "socket.SocketIO | object") -> Iterator[tuple[str, str]]:
    while line := stream.readline().strip():  # type: ignore[union-attr]
        name, _, value = line.decode().partition(":")
        yield name.lower(), value.strip()


def answer(status: int, body: str = "{}", kind: str = "application/json", *headers: str) -> bytes:
    lines = [
        f"HTTP/1.1 {status} Words",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body.encode())}",
        *headers,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def problem(status: int, name: str, *headers: str) -> bytes:
    body = f'{{"type":"urn:onema:problem:{name}","title":"Words","status":{status},"detail":"more","pointer":"/to"}}'
    return answer(status, body, "application/problem+json", *headers)


@contextmanager
def scripted(*answers: bytes) -> Iterator[ScriptedServer]:
    server = ScriptedServer(list(answers))
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()
