"""The description that the server hands out: judged by others' libraries, and the server by it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from onema.administration.requests import PutDocuments
from onema.cli.session import open_session
from onema.dialects.camara.errors import REFUSALS
from onema.dialects.camara.routes import DESCRIPTION, CamaraApi, description
from onema.domain.configuration import documents as doc
from onema.http.messages import Request
from onema.settings import Settings
from onema.testing.running_server import RunningServer

from .client import CLIENT_ID, CLIENT_IP, CLIENT_SECRET, DOCUMENTS, token_of

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    unsupported_method,
    ignored_auth,
]
EXAMPLES = 25
"""Of each operation."""


async def test_the_server_hands_out_a_description_that_is_openapi(api: CamaraApi) -> None:
    """To whoever asks; it has every code of an error."""
    answer = await api.answer(Request("GET", DESCRIPTION, b"", (), b"", CLIENT_IP))
    assert (answer.status, answer.content_type) == (200, b"application/yaml")
    document = yaml.safe_load(answer.body)
    OpenAPIV31SpecValidator(document).validate()
    codes = set(document["components"]["schemas"]["Error"]["properties"]["code"]["enum"])
    assert {error.code for error in REFUSALS.values()} <= codes


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data = tmp_path_factory.mktemp("judged") / "data"
    with open_session(Settings(data=data), creates=True) as session:
        carrier = doc.Carrier(name="handset", type="handset")
        route = doc.Route(channel="sms", carrier="handset")
        session.answer(PutDocuments(documents=(*DOCUMENTS, carrier, route)))
    with RunningServer(data, "serve") as server:
        yield f"http://127.0.0.1:{server.port}/one-time-password-sms/v1"


def test_no_request_gets_an_answer_that_is_not_described(running: str) -> None:
    """Whatever is sent, fitting or not, with a token and without."""
    schema = schemathesis.openapi.from_dict(yaml.safe_load(description()))
    schema.config.base_url = running
    token = token_of(CLIENT_ID, CLIENT_SECRET, 4_000_000_000_000)
    seen: set[int] = set()
    results: Any = schema.get_all_operations()
    for result in results:
        operation = result.ok()

        @settings(
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate,),
        )
        @given(case=operation.as_strategy())
        def judge(case: Any) -> None:
            response = case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)
            seen.add(response.status_code)

        judge()
    assert {400, 404} <= seen, json.dumps(sorted(seen))
