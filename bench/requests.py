"""The bytes of the measured requests; those that send codes are onema.loadtest.requests'."""

import json
from collections.abc import Iterable
from pathlib import Path

from onema.loadtest.requests import (
    CodeRequests,
    Credentials,
    EsmsRequests,
    VbeeRequests,
    YtxRequests,
    vietnamese_phone,
)

HOST = "localhost"
LIVE = f"GET /health/live HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


def phones(first: int, count: int) -> list[str]:
    return [vietnamese_phone(number) for number in range(first, first + count)]


class DemoRequests:
    """Requests with the demo's credentials; tokens and signatures are made here, once."""

    def __init__(self, data: Path, *, minutes: int = 10) -> None:
        """`data` is the data folder of a demo server; codes by GENCODE live for `minutes`."""
        credentials: dict[str, Credentials] = json.loads((data / "demo.json").read_text())
        self.esms: CodeRequests = EsmsRequests(credentials["esms"], HOST, minutes=minutes)
        self.vbee: CodeRequests = VbeeRequests(credentials["vbee"], HOST)
        self.ytx: CodeRequests = YtxRequests(credentials["ytx"], HOST)
        self._keys = f"ApiKey={credentials['esms']['ApiKey']}&SecretKey={credentials['esms']['SecretKey']}"

    def checkcode(self, codes: Iterable[tuple[str, str]]) -> list[bytes]:
        """`codes` are (phone, what its owner typed)."""
        path = f"/MainService.svc/json/CheckCodeGen_V4_get?{self._keys}"
        return [
            f"GET {path}&Phone={phone}&Code={code} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
            for phone, code in codes
        ]
