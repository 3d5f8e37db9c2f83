"""What a client sends."""

import base64
import json
import re
from collections.abc import Iterator, Mapping

from onema.dialects.contract import SampleRequest, SampleStep, code_in

_PHONE = "+84901888484"
"""The phone of the other dialects' steps."""
_TEXT = "Mã xác thực của bạn là {OTP}. Không chia sẻ mã này với bất kỳ ai."
_VERIFICATIONS = "/v1/verifications"
_PROBLEM = re.compile(rb'"type":"urn:onema:problem:([a-z_]+)"')


class NativeSamples:
    """JSON with the credential's key and secret as HTTP Basic."""

    accepted = "accepted"

    def __init__(self, credentials: Mapping[str, str]) -> None:
        """`credentials` has key and secret."""
        login = base64.b64encode(f"{credentials['key']}:{credentials['secret']}".encode()).decode()
        self._headers = (f"Authorization: Basic {login}", "Content-Type: application/json")

    def steps(self) -> Iterator[SampleStep]:
        yield SampleStep("Send a code", self._send(_PHONE), "onema's own API")
        yield SampleStep(
            "Check the code",
            self.check("ID", "123456"),
            "put in the id of the answer, and the code that you read",
        )
        body = json.dumps({"text": _TEXT, "to": "+84"}, ensure_ascii=False)
        yield SampleStep(
            "See what a text becomes and costs",
            SampleRequest("/v1/sms/preview", self._headers, body),
            "onema's own API",
        )

    def send_code(self, number: int) -> SampleRequest:
        return self._send(f"+8490{number:07d}")

    def check(self, verification: str, code: str) -> SampleRequest:
        return SampleRequest(
            f"{_VERIFICATIONS}/{verification}/check", self._headers, json.dumps({"code": code})
        )

    def answered(self, status: int, body: bytes) -> str:
        return self.accepted if status == 201 else code_in(_PROBLEM, status, body)

    def _send(self, phone: str) -> SampleRequest:
        return SampleRequest(_VERIFICATIONS, self._headers, json.dumps({"to": phone}))
