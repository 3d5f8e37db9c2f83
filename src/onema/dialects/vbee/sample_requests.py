"""What the vendor's clients send."""

import base64
import hmac
import json
import re
from collections.abc import Iterator, Mapping

from onema.dialects.contract import PHONE_TO_TRY, SampleRequest, SampleStep, code_in

_VOICE_OTP = "/api/v1/public-api/voice-otp"
_CODES = 1_000
"""A token carries its code, and signing one costs more than the rest of a request."""
_CODE = re.compile(rb'"code":([0-9]+)')


class VbeeSamples:
    """voice-otp: the code travels in the signed token."""

    accepted = "success"

    def __init__(self, credentials: Mapping[str, str]) -> None:
        """`credentials` has apiKey and apiSecret."""
        self._key, self._secret = credentials["apiKey"], credentials["apiSecret"].encode()
        self._headers_of: dict[str, tuple[str, ...]] = {}

    def steps(self) -> Iterator[SampleStep]:
        yield SampleStep(
            "Call with a code in Vietnamese", self._call(PHONE_TO_TRY, "686868"), "Vbee voice-otp"
        )

    def send_code(self, number: int) -> SampleRequest:
        return self._call(f"090{number:07d}", f"{number % _CODES * 999:06d}")

    def answered(self, status: int, body: bytes) -> str:
        return self.accepted if b'"message":"success"' in body else code_in(_CODE, status, body)

    def _call(self, phone: str, code: str) -> SampleRequest:
        body = f'{{"phone_number":"{phone}","voice":"hn_female_ngochuyen_full_48k-fhg","rate":1.0}}'
        return SampleRequest(_VOICE_OTP, self._headers(code), body)

    def _headers(self, code: str) -> tuple[str, ...]:
        headers = self._headers_of.get(code)
        if headers is None:
            token = _signed_token({"apiKey": self._key, "otpCode": code}, self._secret)
            headers = (f"Authorization: Bearer {token}", "Content-Type: application/json")
            self._headers_of[code] = headers
        return headers


def _signed_token(claims: dict[str, str], secret: bytes) -> str:
    """A JWT (RFC 7519). PyJWT would warn of the short secrets that this vendor hands out."""
    signed = b".".join(map(_segment, (b'{"alg":"HS256","typ":"JWT"}', json.dumps(claims).encode())))
    return (signed + b"." + _segment(hmac.digest(secret, signed, "sha256"))).decode()


def _segment(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")
