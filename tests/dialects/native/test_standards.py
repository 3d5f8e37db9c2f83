"""Our own API as standards have it, each judged by somebody else's library: docs/api.md."""

import json
import re
from collections.abc import Iterator
from typing import Any

import http_sf
import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from openapi_spec_validator import OpenAPIV31SpecValidator, OpenAPIV32SpecValidator
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from onema.administration.requests import PutDocuments
from onema.cli.session import open_session
from onema.dialects.native.routes import NativeApi, description
from onema.domain.configuration import documents as doc
from onema.domain.configuration.key_lengths import operator_secret_hash
from onema.http.messages import Request, Response
from onema.settings import Settings
from onema.testing.running_server import RunningServer

from ..running_core import RunningCore
from . import client

LIMITED = doc.Account(
    name="shop",
    wallet="postpaid",
    country="VN",
    windows=(
        doc.WindowLimit(per="phone", seconds=600, limit=1),
        doc.WindowLimit(per="account", seconds=60, limit=100),
    ),
)


def header(response: Response, name: bytes) -> bytes:
    return dict(response.headers)[name]


def listed(response: Response, name: bytes) -> list[Any]:
    """The members of a list of RFC 9651, each with its parameters."""
    found: Any = http_sf.parse(header(response, name), tltype="list")
    return list(found)


def test_the_description_is_openapi() -> None:
    """Valid as 3.1, which client generators read, and as 3.2."""
    document = yaml.safe_load(description())
    OpenAPIV31SpecValidator(document).validate()
    OpenAPIV32SpecValidator({**document, "openapi": "3.2.0"}).validate()


async def test_limits_are_told_as_structured_fields(core: RunningCore) -> None:
    """What may be sent with each code; once one is used up, which, and until when."""
    await core.configure(*client.DOCUMENTS[:1], LIMITED, *client.DOCUMENTS[2:])
    api = NativeApi(core.gateway, core.reads)
    sent = await api.answer(client.create({"text": client.TEXT}))
    assert listed(sent, b"ratelimit-policy") == [
        ("phone-600", {"q": 1, "w": 600}),
        ("account-60", {"q": 100, "w": 60}),
    ]
    core.clock.advance(1.5)
    refused = await api.answer(client.create({"text": client.TEXT, "purpose": "another"}))
    assert refused.status == 429
    ((name, state),) = listed(refused, b"ratelimit")
    assert (name, state["r"]) == ("phone-600", 0)
    assert listed(refused, b"ratelimit-policy") == [("phone-600", {"q": 1, "w": 600})]
    assert int(header(refused, b"retry-after")) >= state["t"] == 599
    core.clock.advance(state["t"])
    assert (await api.answer(client.create({"text": client.TEXT, "purpose": "a third"}))).status == 201


async def test_programs_find_the_api_from_its_host_alone(core: RunningCore) -> None:
    """RFC 9727: a link set that leads to the description and to a page for people, neither behind a login."""
    api = NativeApi(core.gateway, core.reads)

    async def get(path: str) -> Response:
        return await api.answer(Request("GET", path, b"", (), b"", client.CLIENT_IP))

    catalog = await get("/.well-known/api-catalog")
    assert catalog.content_type.startswith(b"application/linkset+json")
    (links,) = json.loads(catalog.body)["linkset"]
    assert links["anchor"] == "/v1"
    for relation in ("service-desc", "service-doc"):
        (link,) = links[relation]
        found = await get(link["href"])
        assert (found.status, found.content_type.decode().partition(";")[0]) == (200, link["type"])


async def test_the_reference_has_every_operation_and_no_script(core: RunningCore) -> None:
    """Its policy admits its own sheet and nothing else; every link on it leads somewhere."""
    api = NativeApi(core.gateway, core.reads)
    page = await api.answer(Request("GET", "/v1/docs", b"", (), b"", client.CLIENT_IP))
    text = page.body.decode()
    document = yaml.safe_load(description())
    operations = {each["operationId"] for item in document["paths"].values() for each in item.values()}
    names = set(re.findall(r'id="([^"]+)"', text))
    assert operations <= names
    assert {link[1:] for link in re.findall(r'href="(#[^"]+)"', text)} <= {f"{name}" for name in names} | {""}
    assert "<script" not in text
    assert " style=" not in text
    assert b"'unsafe" not in header(page, b"content-security-policy")
    assert len(page.body) < 100_000


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server with an account whose key may do everything."""
    data = tmp_path_factory.mktemp("judged") / "data"
    documents = [one for one in client.DOCUMENTS if not isinstance(one, doc.Credential)]
    key = doc.Credential(
        account="shop",
        dialect="native",
        key=client.KEY,
        secret=client.SECRET,
        scopes=("verify", "read", "admin"),
    )
    with open_session(Settings(data=data), creates=True) as session:
        carrier = doc.Carrier(name="handset", type="handset")
        route = doc.Route(channel="sms", carrier="handset")
        operators = doc.OperatorKey(name=OPERATOR, secret_hash=operator_secret_hash(client.SECRET.encode()))
        session.answer(PutDocuments(documents=(*documents, key, carrier, route, operators)))
    with RunningServer(data, "serve") as server:
        yield f"http://127.0.0.1:{server.port}"


OPERATOR = "deploy"


def login(path: str) -> tuple[str, str]:
    """An operators' key for what is theirs alone, else the account's."""
    theirs = path.startswith(
        ("/v1/documents", "/v1/operator-keys", "/v1/top-ups", "/v1/users", "/v1/invitations")
    )
    return (OPERATOR if theirs else client.KEY), client.SECRET


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    unsupported_method,
]
EXAMPLES = 8
"""Of each operation, or of sequences of them."""


@pytest.fixture
def judged(running: str) -> Any:
    schema = schemathesis.openapi.from_dict(yaml.safe_load(description()))
    schema.config.base_url = running
    return schema


def test_no_request_gets_an_answer_that_is_not_described(judged: Any) -> None:
    """Whatever is sent, fitting or not, to each operation by itself."""
    for result in judged.get_all_operations():
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
            case.call_and_validate(auth=login(case.path), checks=CHECKS)

        judge()


def test_no_order_of_requests_breaks_it(judged: Any) -> None:
    """Stateful: what one request makes, later ones name."""
    machine = judged.as_state_machine()

    class Judged(machine):  # type: ignore[misc, valid-type]  # made while the test runs
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"auth": login(case.path)}

        def validate_response(self, response: Any, case: Any, **more: Any) -> None:
            case.validate_response(response, checks=CHECKS)

    Judged.run(
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=8,
            database=None,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate,),
        )
    )
