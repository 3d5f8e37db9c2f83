"""The bytes of requests that make a server send codes, as clients of the vendors write them; for load."""

import base64
import datetime as dt
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import quote

Credentials = Mapping[str, str]

ALL_PHONES = 10_000_000
STRIDE = 6_180_339  # shares no factor with their number, so that it visits each once, in no order
_TOKENS = 1_000
_CHINA = dt.timezone(dt.timedelta(hours=8))


class CodeRequests(Protocol):
    """Requests of one customer through one dialect; `accepted` is how `classify` names a code that was taken."""

    accepted: str

    def send(self, number: int) -> bytes:
        """A request for the phone with this number; see `vietnamese_phone`."""

    def classify(self, status: int, body: bytes) -> str:
        """The vendor's own code of an answer."""


def vietnamese_phone(number: int) -> str:
    """Distinct mobile numbers for `number` from 0 to 10 million, none of them scripted to misbehave.

    Neighbours are spread over the whole range: phones in a row would share the store's pages.
    """
    return f"090{number * STRIDE % ALL_PHONES:07d}"


def chinese_phone(number: int) -> str:
    return f"1390{number * STRIDE % ALL_PHONES:07d}"


class EsmsRequests:
    """GENCODE as the vendor's PHP samples send it: a GET with everything in the query."""

    accepted = "100"

    def __init__(self, credentials: Credentials, host: str, *, minutes: int = 10) -> None:
        """`credentials` has ApiKey, SecretKey, Brandname and message, which holds {OTP}; codes live for `minutes`."""
        query = {
            "ApiKey": credentials["ApiKey"],
            "SecretKey": credentials["SecretKey"],
            "TimeAlive": str(minutes),
            "NumCharOfCode": "6",
            "Brandname": credentials["Brandname"],
            "Type": "2",
            "message": credentials["message"],
            "IsNumber": "1",
        }
        named = "&".join(f"{name}={quote(value, safe='{}')}" for name, value in query.items())
        self._before = f"GET /MainService.svc/json/SendMessageAutoGenCode_V4_get?{named}&Phone=".encode()
        self._after = f" HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()

    def send(self, number: int) -> bytes:
        return self._before + vietnamese_phone(number).encode() + self._after

    def classify(self, status: int, body: bytes) -> str:
        return _named(_CODE_RESULT, status, body)


class VbeeRequests:
    """voice-otp with tokens that were signed before, because a token carries its code."""

    accepted = "success"

    def __init__(self, credentials: Credentials, host: str) -> None:
        """`credentials` has apiKey and apiSecret."""
        key, secret = credentials["apiKey"], credentials["apiSecret"].encode()
        self._heads = [
            _post(
                "/api/v1/public-api/voice-otp",
                host,
                f"Bearer {_signed_token({'apiKey': key, 'otpCode': f'{number * 999:06d}'}, secret)}",
            )
            for number in range(_TOKENS)
        ]

    def send(self, number: int) -> bytes:
        body = (
            f'{{"phone_number":"{vietnamese_phone(number)}",'
            '"voice":"hn_female_ngochuyen_full_48k-fhg","rate":1.0}'
        )
        return _with_body(self._heads[number % _TOKENS], body)

    def classify(self, status: int, body: bytes) -> str:
        return self.accepted if b'"message":"success"' in body else _named(_CODE, status, body)


class YtxRequests:
    """CodeCallOut, all with one signature: it is the vendor's rule that one holds for 24 hours."""

    accepted = "0"

    def __init__(self, credentials: Credentials, host: str) -> None:
        """`credentials` has accountSID, authToken and appid."""
        sid, moment = credentials["accountSID"], f"{dt.datetime.now(_CHINA):%Y%m%d%H%M%S}"
        signed = f"{sid}{credentials['authToken']}{moment}".encode()
        sign = hashlib.md5(signed, usedforsecurity=False).hexdigest()
        authorization = base64.b64encode(f"{sid}|{moment}".encode()).decode()
        self._head = _post(f"/201512/sid/{quote(sid)}/call/CodeCallOut.wx?Sign={sign}", host, authorization)
        self._appid = json.dumps(credentials["appid"])

    def send(self, number: int) -> bytes:
        body = (
            f'{{"action":"callOutCode","dst":"{chinese_phone(number)}","appid":{self._appid},'
            f'"code":"{number % 1_000_000:06d}","time":"2"}}'
        )
        return _with_body(self._head, body)

    def classify(self, status: int, body: bytes) -> str:
        return _named(_STATUS_CODE, status, body)


CODE_REQUESTS: dict[str, Callable[[Credentials, str], CodeRequests]] = {
    "esms": EsmsRequests,
    "vbee": VbeeRequests,
    "ytx": YtxRequests,
}
"""By dialect. They are made with the dialect's member of demo.json and the Host header; a missing member is a
KeyError."""


_CODE_RESULT = re.compile(rb'"CodeResult":"([^"]*)"')
_STATUS_CODE = re.compile(rb'"statusCode":"([^"]*)"')
_CODE = re.compile(rb'"code":([0-9]+)')


def _named(pattern: re.Pattern[bytes], status: int, body: bytes) -> str:
    found = pattern.search(body)
    return found[1].decode(errors="replace") if found else f"HTTP {status}"


def _post(target: str, host: str, authorization: str) -> bytes:
    return (
        f"POST {target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization}\r\n"
        "Content-Type: application/json;charset=utf-8\r\nContent-Length: "
    ).encode()


def _with_body(head: bytes, body: str) -> bytes:
    content = body.encode()
    return b"%b%d\r\n\r\n%b" % (head, len(content), content)


def _signed_token(claims: dict[str, str], secret: bytes) -> str:
    """A JWT (RFC 7519). PyJWT would warn of the short secrets that this vendor hands out."""
    signed = b".".join(map(_segment, (b'{"alg":"HS256","typ":"JWT"}', json.dumps(claims).encode())))
    return (signed + b"." + _segment(hmac.digest(secret, signed, "sha256"))).decode()


def _segment(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")
