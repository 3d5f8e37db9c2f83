"""What the vendor's clients send."""

import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from onema.dialects.contract import PHONE_TO_TRY, SampleRequest, SampleStep, code_in

_SERVICE = "/MainService.svc/json"
_CODE_RESULT = re.compile(rb'"CodeResult":"([^"]*)"')


class EsmsSamples:
    """GENCODE, CHECKCODE and VoiceOTP as the vendor's PHP samples send them: a GET with everything in the query; the
    plain send as the JSON of the vendor's page.
    """

    accepted = "100"

    def __init__(self, credentials: Mapping[str, str], *, minutes: int = 10) -> None:
        """`credentials` has ApiKey, SecretKey, Brandname and message, which holds {OTP}; codes live for `minutes`."""
        keys = {"ApiKey": credentials["ApiKey"], "SecretKey": credentials["SecretKey"]}
        self._keys = _query(keys)
        self._path = "/".join(quote(key, safe="") for key in keys.values())
        self._message = credentials["message"]
        self._plain = {**keys, "SmsType": "2", "Brandname": credentials["Brandname"]}
        self._rest = _query(
            {
                **keys,
                "TimeAlive": str(minutes),
                "NumCharOfCode": "6",
                "Brandname": credentials["Brandname"],
                "Type": "2",
                "message": credentials["message"],
                "IsNumber": "1",
            }
        )

    def steps(self) -> Iterator[SampleStep]:
        yield SampleStep(
            "Send a code by SMS", self._send(PHONE_TO_TRY), "eSMS GENCODE; any text with {OTP} will do"
        )
        yield SampleStep(
            "Check the code",
            self.check(PHONE_TO_TRY, "123456"),
            "eSMS CHECKCODE; put in the code that you read",
        )
        yield SampleStep(
            "Send a text with a code of your own",
            self.send_text(PHONE_TO_TRY, "686868"),
            "eSMS SendMultipleMessage_V4; you make the code, and check it",
        )
        yield SampleStep(
            "Call with a code of your own",
            self.call(PHONE_TO_TRY, "686868"),
            "eSMS VoiceOTP; the key's application says the sentence",
        )
        yield SampleStep(
            "Ask for the balance",
            SampleRequest(f"{_SERVICE}/GetBalance/{self._path}"),
            "eSMS GetBalance; negative where the account pays afterwards",
        )

    def send_code(self, number: int) -> SampleRequest:
        return self._send(f"090{number:07d}")

    def send_text(self, phone: str, code: str) -> SampleRequest:
        """The plain send, with the text that a message of the samples becomes."""
        members = {**self._plain, "Phone": phone, "Content": self._message.replace("{OTP}", code)}
        return SampleRequest(
            f"{_SERVICE}/SendMultipleMessage_V4_post_json/",
            ("Content-Type: application/json",),
            json.dumps(members, separators=(",", ":")),
        )

    def call(self, phone: str, code: str) -> SampleRequest:
        """As the vendor's PHP demo asks."""
        asked = f"Phone={phone}&Code={code}&Speed=-1&Voice=hatieumai"
        return SampleRequest(f"{_SERVICE}/VoiceOTP?{self._keys}&{asked}")

    def check(self, phone: str, code: str) -> SampleRequest:
        return SampleRequest(f"{_SERVICE}/CheckCodeGen_V4_get?{self._keys}&Phone={phone}&Code={code}")

    def answered(self, status: int, body: bytes) -> str:
        return code_in(_CODE_RESULT, status, body)

    def _send(self, phone: str) -> SampleRequest:
        return SampleRequest(f"{_SERVICE}/SendMessageAutoGenCode_V4_get?Phone={phone}&{self._rest}")


def _query(parameters: Mapping[str, str]) -> str:
    return "&".join(f"{name}={quote(value, safe='{}')}" for name, value in parameters.items())
