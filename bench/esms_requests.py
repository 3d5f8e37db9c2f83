"""The bytes of the measured requests, as the vendor's PHP samples send them: GET with everything in the query."""

import json
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

_OPERATIONS = "/MainService.svc/json"

LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"


_ALL_PHONES = 10_000_000
_STRIDE = 6_180_339  # shares no factor with their number, so that it visits each once, in no order


def phones(first: int, count: int) -> list[str]:
    """Distinct Vietnamese mobile numbers, none of them scripted to misbehave.

    They are spread over the whole range: numbers in a row would share the store's pages.
    """
    return [f"090{number * _STRIDE % _ALL_PHONES:07d}" for number in range(first, first + count)]


class EsmsRequests:
    """Requests with the demo account's credentials."""

    def __init__(self, data: Path) -> None:
        """`data` is the data folder of a demo server."""
        esms = json.loads((data / "demo.json").read_text())["esms"]
        self._keys = f"ApiKey={esms['ApiKey']}&SecretKey={esms['SecretKey']}"
        self._send = (
            f"TimeAlive=10&NumCharOfCode=6&Brandname={esms['Brandname']}&Type=2"
            f"&message={quote(esms['message'], safe='{}')}&IsNumber=1"
        )

    def gencode(self, phones: Iterable[str]) -> list[bytes]:
        path = f"{_OPERATIONS}/SendMessageAutoGenCode_V4_get?{self._keys}&{self._send}&Phone="
        return [_get(f"{path}{phone}") for phone in phones]

    def checkcode(self, codes: Iterable[tuple[str, str]]) -> list[bytes]:
        """`codes` are (phone, what its owner typed)."""
        path = f"{_OPERATIONS}/CheckCodeGen_V4_get?{self._keys}"
        return [_get(f"{path}&Phone={phone}&Code={code}") for phone, code in codes]


def handset_messages(limit: int) -> bytes:
    """What the simulated phones received last."""
    return _get(f"/handset/messages?limit={limit}")


def result_code(status: int, body: bytes) -> str:
    """An eSMS answer's CodeResult; "100" is success, "117" a wrong code."""
    if status != 200:
        return f"HTTP {status}"
    return body[15 : body.index(b'"', 15)].decode() if body.startswith(b'{"CodeResult":"') else "?"


def _get(target: str) -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
