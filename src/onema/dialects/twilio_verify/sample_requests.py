"""What a client sends."""

import base64
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

from onema.dialects.contract import SampleRequest, SampleStep, code_in

_PHONE = "+84901888484"
"""The phone of the other dialects' steps."""
_SID = re.compile(rb'"sid":"(VE)[0-9a-f]{32}"')
_ERROR = re.compile(rb'"code":([0-9]+),')


class TwilioVerifySamples:
    accepted = "VE"

    def __init__(self, credentials: Mapping[str, str]) -> None:
        """`credentials` has accountSid, authToken and serviceSid."""
        login = base64.b64encode(f"{credentials['accountSid']}:{credentials['authToken']}".encode()).decode()
        self._headers = (
            f"Authorization: Basic {login}",
            "Content-Type: application/x-www-form-urlencoded",
        )
        self._service = f"/v2/Services/{credentials['serviceSid']}"

    def steps(self) -> Iterator[SampleStep]:
        yield SampleStep("Start a verification by SMS", self._start(_PHONE), "Twilio Verify")
        yield SampleStep(
            "Check a code", self._post("VerificationCheck", To=_PHONE, Code="123456"), "Twilio Verify"
        )

    def send_code(self, number: int) -> SampleRequest:
        return self._start(f"+8490{number:07d}")

    def answered(self, status: int, body: bytes) -> str:
        return code_in(_ERROR if b'"more_info"' in body else _SID, status, body)

    def _start(self, phone: str) -> SampleRequest:
        return self._post("Verifications", To=phone, Channel="sms")

    def _post(self, operation: str, **parameters: str) -> SampleRequest:
        return SampleRequest(f"{self._service}/{operation}", self._headers, urlencode(parameters))
