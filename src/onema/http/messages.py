from collections.abc import Sequence

import msgspec

Headers = Sequence[tuple[bytes, bytes]]


class Request(msgspec.Struct, frozen=True, gc=False):
    """One HTTP request, read completely.

    `path` is percent-decoded and starts with exactly one slash; slashes further on stay as they were sent.
    `query` is raw. Header names are lower-case, in the order and number in which they came.
    """

    method: str
    path: str
    query: bytes
    headers: Headers
    body: bytes
    client_ip: str

    def header(self, name: bytes) -> bytes | None:
        """The first value of the header with this lower-case name."""
        for key, value in self.headers:
            if key == name:
                return value
        return None

    @property
    def host(self) -> str:
        value = self.header(b"host")
        return "" if value is None else value.decode("latin-1")


class Response(msgspec.Struct, frozen=True, gc=False):
    """One HTTP answer. `outcome` is a metric label only: take it from a closed set, such as `Refusal`."""

    status: int
    body: bytes
    content_type: bytes = b"application/json; charset=utf-8"
    headers: Headers = ()
    outcome: str = "ok"
