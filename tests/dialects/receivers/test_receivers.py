"""What Supabase Auth, Logto, Ory Kratos and Zitadel send. docs/identity-servers.md"""

import asyncio
import base64
import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
import standardwebhooks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onema.dialects.receivers.auth import TOLERANCE_SECONDS
from onema.dialects.receivers.errors import REFUSALS
from onema.dialects.receivers.routes import READERS, Receivers
from onema.domain.configuration import documents as doc
from onema.http.messages import Request

from ..running_core import RunningCore
from .client import (
    ACCOUNT,
    CLIENT_IP,
    CODE,
    CREDENTIAL,
    DOCUMENTS,
    KEY,
    KRATOS,
    LOGTO,
    PERSON,
    PHONE,
    SECRET,
    SUPABASE,
    ZITADEL,
    bearer,
    post,
    webhook,
    zitadel,
)

ROOT = Path(__file__).parents[3]


@pytest_asyncio.fixture
async def api(core: RunningCore) -> Receivers:
    await core.configure(*DOCUMENTS)
    return Receivers(core.gateway)


async def status(api: Receivers, request: Request) -> int:
    """Of an answer that is JSON, and an error in the one shape."""
    response = await api.answer(request)
    assert response.content_type == b"application/json"
    told = json.loads(response.body)
    assert told == {} if response.status == 200 else set(told["error"]) == {"http_code", "message"}
    return response.status


def requests_of(now: int) -> dict[str, Request]:
    return {
        "supabase": webhook(SUPABASE, now),
        "logto": post("logto", LOGTO, bearer()),
        "kratos": post("kratos", KRATOS, bearer()),
        "zitadel": zitadel(ZITADEL, now),
    }


@pytest.mark.parametrize("name", READERS)
async def test_the_code_goes_to_the_phone(api: Receivers, core: RunningCore, name: str) -> None:
    """In the account's registered text; its address is the person's, where the server tells it."""
    assert await status(api, requests_of(core.clock.now())[name]) == 200
    (message,) = await core.messages("shop")
    assert (await core.queued_sms(message.id)).text == f"{CODE} la ma xac minh cua ban"
    assert (message.phone, message.verification) == (PHONE, 0)
    assert message.client_ip == (CLIENT_IP if name == "zitadel" else PERSON)


class Listening:
    """The core, and what it is told to send."""

    def __init__(self, core: RunningCore) -> None:
        self._gateway = core.gateway
        self.sent: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._gateway, name)

    async def execute(self, command: Any) -> Any:
        self.sent.append(command)
        return await self._gateway.execute(command)


@pytest.mark.parametrize("name", READERS)
async def test_the_guard_hears_whose_address_it_was(api: Receivers, core: RunningCore, name: str) -> None:
    """The person's, where the server tells it, and never the server's own."""
    listening: Any = Listening(core)
    assert await status(Receivers(listening), requests_of(core.clock.now())[name]) == 200
    (command,) = listening.sent
    assert command.person_ip == ("" if name == "zitadel" else PERSON)


async def test_supabases_tries_are_one_message(api: Receivers, core: RunningCore) -> None:
    """Each has a new webhook-id, and the same metadata.uuid; three at once, too."""
    now = core.clock.now()
    tries = [webhook(SUPABASE, now + number * 1_000, f"msg_{number}") for number in range(3)]
    assert await asyncio.gather(*(status(api, one) for one in tries)) == [200] * 3
    assert len(await core.messages("shop")) == 1
    other = SUPABASE | {"metadata": SUPABASE["metadata"] | {"uuid": "another"}}
    assert await status(api, webhook(other, now)) == 200
    assert len(await core.messages("shop")) == 2


async def test_supabases_two_secrets_are_joined_by_a_comma(api: Receivers, core: RunningCore) -> None:
    """In any order, and with the space of the standard: one that is right is enough."""
    now, own, other = core.clock.now(), SECRET.encode(), b"the other secret of the hook"
    for keys, joined in (((own, other), ", "), ((other, own), ", "), ((other, own), " ")):
        assert await status(api, webhook(SUPABASE, now, "m", *keys, joined=joined)) == 200
    assert await status(api, webhook(SUPABASE, now, "m", other, other)) == 401


async def test_a_secret_as_supabase_writes_it(api: Receivers, core: RunningCore) -> None:
    """`v1,whsec_` and base64 stand for the bytes that sign."""
    key = b"0123456789abcdef01234567"
    for prefix in ("v1,whsec_", "whsec_"):
        written = prefix + base64.b64encode(key).decode()
        await core.configure(msgspec.structs.replace(CREDENTIAL, secret=written))
        assert await status(api, webhook(SUPABASE, core.clock.now(), "m", key)) == 200
        assert await status(api, webhook(SUPABASE, core.clock.now(), "m", written.encode())) == 401


async def test_what_the_standards_own_library_signs_is_taken(api: Receivers, core: RunningCore) -> None:
    """PyPI's standardwebhooks signs as every sender of the standard does."""
    now = core.clock.now() // 1000
    body = json.dumps(SUPABASE)
    signer = standardwebhooks.Webhook(base64.b64encode(SECRET.encode()).decode())
    signature = signer.sign("msg_7", dt.datetime.fromtimestamp(now, dt.UTC), body)
    headers = (
        (b"webhook-id", b"msg_7"),
        (b"webhook-timestamp", str(now).encode()),
        (b"webhook-signature", signature.encode()),
    )
    assert await status(api, post("supabase", body.encode(), *headers)) == 200


@pytest.mark.parametrize("name", ["supabase", "zitadel"])
async def test_a_signature_is_for_a_body_and_a_time(api: Receivers, core: RunningCore, name: str) -> None:
    """Neither an old one nor one for another body opens."""
    now = core.clock.now()
    request = requests_of(now)[name]
    assert await status(api, msgspec.structs.replace(request, body=request.body + b" ")) == 401
    assert await status(api, msgspec.structs.replace(request, headers=())) == 401
    for late in (TOLERANCE_SECONDS + 1, -TOLERANCE_SECONDS - 1):
        assert await status(api, requests_of(now + late * 1_000)[name]) == 401
    assert await core.messages("shop") == []


async def test_a_secret_comes_in_three_ways(api: Receivers, core: RunningCore) -> None:
    """As a Bearer token, as Basic with the key, or bare, as Logto's operators may write it."""
    basic = base64.b64encode(f"{KEY}:{SECRET}".encode())
    for authorization in (b"Bearer " + SECRET.encode(), b"Basic " + basic, SECRET.encode()):
        assert await status(api, post("logto", LOGTO, (b"authorization", authorization))) == 200
    other = base64.b64encode(f"another:{SECRET}".encode())
    for authorization in (b"", b"Bearer", b"Bearer x", b"Basic " + other, b"Basic x", SECRET[:-1].encode()):
        assert await status(api, post("logto", LOGTO, (b"authorization", authorization))) == 401
    assert await status(api, post("kratos", KRATOS)) == 401
    assert await status(api, post("kratos", KRATOS, bearer(), key="unknown")) == 401


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("logto", b""),
        ("logto", b"[]"),
        ("logto", {"to": PHONE}),
        ("logto", {"to": PHONE, "payload": {}}),
        ("logto", {"to": "nobody", "payload": {"code": CODE}}),
        ("logto", {"to": PHONE, "payload": {"code": "123"}}),
        ("logto", {"to": PHONE, "payload": {"code": "12 456"}}),
        ("logto", {"to": PHONE, "payload": {"code": 123456}}),
        ("kratos", {"recipient": PHONE, "template_data": {}}),
        ("kratos", {"recipient": PHONE, "template_data": {"login_code": 1}}),
        ("kratos", {"recipient": PHONE, "template_data": {"login_code": CODE, "recovery_code": CODE}}),
    ],
    ids=range(11),
)
async def test_what_does_not_fit(api: Receivers, core: RunningCore, name: str, members: Any) -> None:
    """400, and nothing is sent."""
    assert await status(api, post(name, members, bearer())) == 400
    assert await core.messages("shop") == []


@pytest.mark.parametrize("member", ["login_code", "registration_code", "verification_code", "recovery_code"])
async def test_kratos_calls_its_codes_by_what_they_are_for(
    api: Receivers, core: RunningCore, member: str
) -> None:
    """Each is one; a message is known by its id, where the Jsonnet gives one."""
    told = KRATOS | {"template_data": {member: CODE}, "id": "7"}
    for _ in range(2):
        assert await status(api, post("kratos", told, bearer())) == 200
    assert len(await core.messages("shop")) == 1


async def test_an_address_that_is_none_costs_no_message(api: Receivers, core: RunningCore) -> None:
    """The request's own counts then."""
    assert await status(api, post("logto", LOGTO | {"ip": "unknown"}, bearer())) == 200
    (message,) = await core.messages("shop")
    assert message.client_ip == CLIENT_IP


async def test_an_older_supabase_names_the_user_alone(api: Receivers, core: RunningCore) -> None:
    """Before 2025-09 `sms` had no phone, before 2026-02 there was no metadata: each try is a message then."""
    older = {"user": {"phone": PHONE[1:]}, "sms": {"otp": CODE}}
    for number in range(2):
        assert await status(api, webhook(older, core.clock.now(), f"m{number}")) == 200
    assert [message.phone for message in await core.messages("shop")] == [PHONE, PHONE]


async def test_the_text_is_the_applications_template(api: Receivers, core: RunningCore) -> None:
    """Where the credential is for one; a template that is gone is 422."""
    application = doc.Application(account="shop", name="login", template="login")
    await core.configure(
        application,
        doc.Template(account="shop", brandname="Shop", text="Login: {OTP}", name="login"),
        msgspec.structs.replace(CREDENTIAL, application="login"),
    )
    assert await status(api, post("logto", LOGTO, bearer())) == 200
    (message,) = await core.messages("shop")
    assert (await core.queued_sms(message.id)).text == f"Login: {CODE}"
    assert message.application == "login"
    await core.configure(msgspec.structs.replace(application, template="gone"))
    assert await status(api, post("logto", LOGTO, bearer())) == 422


async def test_the_windows_of_the_account_hold(api: Receivers, core: RunningCore) -> None:
    """429; and of a person's address, not of the identity server's."""
    window = doc.WindowLimit(per="client_ip", seconds=60, limit=1)
    await core.configure(msgspec.structs.replace(ACCOUNT, windows=(window,)))
    assert await status(api, post("logto", LOGTO, bearer())) == 200
    assert await status(api, post("logto", LOGTO, bearer())) == 429
    assert await status(api, post("logto", LOGTO | {"ip": "198.51.100.24"}, bearer())) == 200


async def test_the_guard_hears_of_the_person_s_address(api: Receivers, core: RunningCore) -> None:
    """And not of the identity server's, which all of its users share."""
    limit = doc.GuardLimit(per="client_ip", seconds=3_600, limit=1)
    await core.configure(doc.Guard(name="*", mode="block", limits=(limit,)))
    assert await status(api, post("logto", LOGTO, bearer())) == 200
    assert await status(api, post("logto", LOGTO, bearer())) == 403
    assert await status(api, post("logto", LOGTO | {"ip": "198.51.100.24"}, bearer())) == 200
    without = {name: value for name, value in LOGTO.items() if name != "ip"}
    assert [await status(api, post("logto", without, bearer())) for _ in range(2)] == [200, 200]


async def test_paths_and_methods(api: Receivers) -> None:
    """Each name is a receiver, and takes POST."""
    assert await status(api, post("keycloak", {}, bearer())) == 404
    asked = Request("GET", f"/receivers/{KEY}/logto", b"", (), b"", CLIENT_IP)
    assert await status(api, asked) == 405


def test_the_table_of_refusals_is_that_of_the_code() -> None:
    """docs/errors.md: each once, with status and words."""
    section = (ROOT / "docs/errors.md").read_text().split("\n## Receivers\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| ([^|]+) \|", section, re.MULTILINE)
    assert {name: (int(code), words) for name, code, words in rows} == {
        refusal.value: (error.code, error.message) for refusal, error in REFUSALS.items()
    }


VALUES = st.recursive(
    st.one_of(st.none(), st.text(max_size=20), st.integers(), st.sampled_from((PHONE, CODE))),
    lambda inner: st.dictionaries(
        st.sampled_from(("to", "payload", "code", "ip", "recipient", "template_data", "login_code", "sms")),
        inner,
    ),
    max_leaves=8,
)


@given(name=st.sampled_from(("logto", "kratos")), members=VALUES)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_body_is_answered_in_one_shape(
    api: Receivers, core: RunningCore, name: str, members: Any
) -> None:
    """Whatever stands in it."""
    body = json.dumps(members).encode()
    assert await status(api, post(name, body, bearer())) in (200, 400)


async def test_the_person_s_address_is_looked_up(api: Receivers, core: RunningCore) -> None:
    """And the identity server's is not: it may be anywhere."""
    await core.configure(doc.Guard(name="*", rules={"address_mismatch": "block"}))
    core.gateway.country_of_address = {PERSON: "FR", "198.51.100.24": "VN"}.__getitem__
    assert await status(api, post("logto", LOGTO, bearer())) == 403
    assert await status(api, post("logto", LOGTO | {"ip": "198.51.100.24"}, bearer())) == 200
    without = {name: value for name, value in LOGTO.items() if name != "ip"}
    assert await status(api, post("logto", without, bearer())) == 200
