"""What an identity server sends."""

import json
from collections.abc import Iterator, Mapping

from onema.dialects.contract import SampleRequest, SampleStep


class ReceiverSteps:
    def __init__(self, credentials: Mapping[str, str]) -> None:
        """`credentials` has key and secret."""
        self._key = credentials["key"]
        self._headers = (f"Authorization: Bearer {credentials['secret']}", "Content-Type: application/json")

    def steps(self) -> Iterator[SampleStep]:
        body = {"to": "84901888484", "type": "SignIn", "payload": {"code": "686868"}, "ip": "203.0.113.7"}
        yield SampleStep(
            "Send a code that an identity server made",
            SampleRequest(f"/receivers/{self._key}/logto", self._headers, json.dumps(body)),
            "as Logto's HTTP connector asks",
        )
