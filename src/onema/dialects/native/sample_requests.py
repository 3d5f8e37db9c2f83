"""What a client sends."""

import base64
import json
from collections.abc import Iterator, Mapping

from onema.dialects.contract import SampleRequest, SampleStep

_PHONE = "+84901888484"
"""The phone of the other dialects' steps."""
_TEXT = "Mã xác thực của bạn là {OTP}. Không chia sẻ mã này với bất kỳ ai."


class NativeSteps:
    def __init__(self, credentials: Mapping[str, str]) -> None:
        """`credentials` has key and secret."""
        login = base64.b64encode(f"{credentials['key']}:{credentials['secret']}".encode()).decode()
        self._headers = (f"Authorization: Basic {login}", "Content-Type: application/json")

    def steps(self) -> Iterator[SampleStep]:
        yield SampleStep(
            "Send a code",
            SampleRequest("/v1/verifications", self._headers, json.dumps({"to": _PHONE})),
            "onema's own API",
        )
        body = json.dumps({"text": _TEXT, "to": "+84"}, ensure_ascii=False)
        yield SampleStep(
            "See what a text becomes and costs",
            SampleRequest("/v1/sms/preview", self._headers, body),
            "onema's own API",
        )
