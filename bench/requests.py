"""The bytes of the measured requests; what is in them the dialects' samples say."""

import json
from collections.abc import Iterable
from pathlib import Path

from onema.dialects.esms.sample_requests import EsmsSamples
from onema.dialects.native.sample_requests import NativeSamples
from onema.dialects.vbee.sample_requests import VbeeSamples
from onema.dialects.ytx.sample_requests import YtxSamples
from onema.loadtest.requests import CodeRequests, spread

HOST = "localhost"
LIVE = f"GET /health/live HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


def vietnamese_phone(number: int) -> str:
    """The phone of the request with this number, as Vietnamese clients write it."""
    return f"090{spread(number):07d}"


def phones(first: int, count: int) -> list[str]:
    return [vietnamese_phone(number) for number in range(first, first + count)]


class DemoRequests:
    """Requests with the demo's credentials; tokens and signatures are made here, once."""

    def __init__(self, data: Path, *, minutes: int = 10) -> None:
        """`data` is the data folder of a demo server; codes by GENCODE live for `minutes`."""
        credentials: dict[str, dict[str, str]] = json.loads((data / "demo.json").read_text())
        self._esms = EsmsSamples(credentials["esms"], minutes=minutes)
        self.esms = CodeRequests(self._esms, HOST)
        self._native = NativeSamples(credentials["native"])
        self.native = CodeRequests(self._native, HOST)
        self.vbee = CodeRequests(VbeeSamples(credentials["vbee"]), HOST)
        self.ytx = CodeRequests(YtxSamples(credentials["ytx"]), HOST)

    def checkcode(self, codes: Iterable[tuple[str, str]]) -> list[bytes]:
        """`codes` are (phone, what its owner typed)."""
        return [self._esms.check(phone, code).as_bytes(HOST) for phone, code in codes]

    def check_native(self, codes: Iterable[tuple[str, str]]) -> list[bytes]:
        """`codes` are (verification, what its owner typed)."""
        return [self._native.check(verification, code).as_bytes(HOST) for verification, code in codes]
