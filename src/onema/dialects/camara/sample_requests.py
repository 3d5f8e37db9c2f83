"""What a client sends. A token is good for an hour, and made here as the token endpoint makes it."""

import base64
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

from onema.dialects.camara.routes import TOKEN
from onema.dialects.contract import SampleRequest, SampleStep


class CamaraSteps:
    def __init__(self, credentials: Mapping[str, str]) -> None:
        """`credentials` has clientId and clientSecret."""
        login = base64.b64encode(f"{credentials['clientId']}:{credentials['clientSecret']}".encode()).decode()
        self._headers = (
            f"Authorization: Basic {login}",
            "Content-Type: application/x-www-form-urlencoded",
        )

    def steps(self) -> Iterator[SampleStep]:
        yield SampleStep(
            "Get an access token",
            SampleRequest(TOKEN, self._headers, urlencode({"grant_type": "client_credentials"})),
            "CAMARA one-time-password-sms: then POST /one-time-password-sms/v1/send-code with it",
        )
