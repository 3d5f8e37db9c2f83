"""What an account reads and administers by our own API: docs/api.md."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from onema.administration import requests as ask
from onema.administration.answers import Administration
from onema.dialects.native.resources import COLLECTIONS
from onema.dialects.native.routes import NativeApi
from onema.domain.configuration import documents as doc
from onema.domain.delivery.gone_addresses import SwitchAddressOff
from onema.domain.ids import MessageId
from onema.domain.statistics import DAY_MS
from onema.domain.values.money import Minor, parse_amount
from onema.engine.counting import Counting
from onema.http.messages import Request, Response

from ..running_core import RunningCore
from . import client
from .described import document, is_as_described

ADMIN, READER, SENDER, RIVAL = "nk-admin", "nk-reader", "nk-sender", "nk-rival"
SECRET = "ns-long-enough-for-anybody"
SCOPES: dict[str, tuple[doc.Scope, ...]] = {
    ADMIN: ("verify", "read", "admin"),
    READER: ("read",),
    SENDER: ("verify",),
    RIVAL: ("verify", "read", "admin"),
}


class Caller:
    """Calls the API, and has each answer judged by its description."""

    def __init__(self, core: RunningCore) -> None:
        self.core = core
        self.administration = Administration(core.gateway, core.storage)
        self.api = NativeApi(core.gateway, core.reads)
        self.api.administer(self.administration)

    async def __call__(
        self, method: str, target: str, members: Any = None, key: str = ADMIN, **headers: str
    ) -> Response:
        path, _, query = target.partition("?")
        named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        body = b"" if members is None else json.dumps(members).encode()
        request = Request(
            method, path, query.encode(), (client.login(key, SECRET), *named), body, client.CLIENT_IP
        )
        response = await self.api.answer(request)
        is_as_described(request, response)
        return response

    async def told(
        self, method: str, target: str, members: Any = None, status: int = 200, **more: str
    ) -> Any:
        response = await self(method, target, members, **more)
        assert response.status == status, response.body
        return json.loads(response.body) if response.body else None

    async def problem(
        self, method: str, target: str, members: Any = None, **more: str
    ) -> tuple[int, str, str]:
        """Status, the end of its type, and the member."""
        response = await self(method, target, members, **more)
        told = json.loads(response.body)
        return response.status, told["type"].rpartition(":")[2], told.get("pointer", "")


@pytest_asyncio.fixture
async def call(core: RunningCore) -> AsyncIterator[Caller]:
    await core.configure(
        *client.DOCUMENTS[:2],
        *client.DOCUMENTS[3:],
        doc.Account(name="rival", country="VN"),
        doc.Application(account="rival", name="secret-app"),
        doc.Application(account="shop", name="till"),
    )
    for key, scopes in SCOPES.items():
        account = "rival" if key == RIVAL else "shop"
        # Two keys may live of an account, and two of each application.
        application = "till" if key in (READER, SENDER) else ""
        await core.configure(
            doc.Credential(
                account=account,
                dialect="native",
                key=key,
                secret=SECRET,
                scopes=scopes,
                application=application,
            )
        )
    yield Caller(core)


async def send(call: Caller, to: str = client.PHONE, **members: Any) -> str:
    told = await call.told(
        "POST", "/v1/verifications", {"to": to, "text": client.TEXT, **members}, status=201
    )
    return str(told["id"])


async def test_messages_are_listed_page_by_page_and_by_what_they_are(call: Caller) -> None:
    """Newest first, each once; by number in any spelling, state, channel and reference."""
    sent = [await send(call, f"+8490188848{number}", reference=f"r-{number}") for number in range(5)]
    seen, target = [], "/v1/messages?limit=2"
    while target:
        found = await call.told("GET", target)
        seen += [one["id"] for one in found["items"]]
        following = found["next_cursor"]
        target = f"/v1/messages?limit=2&cursor={following}" if following else ""
    assert seen == sent[::-1]
    for query, wanted in (
        ("to=0901888483", [sent[3]]),
        ("status=failed", []),
        ("status=accepted", sent[::-1]),
        ("reference=r-1", [sent[1]]),
    ):
        assert [one["id"] for one in (await call.told("GET", f"/v1/messages?{query}"))["items"]] == wanted
    story = await call.told("GET", f"/v1/messages/{sent[0]}")
    assert {"requested", "accepted", "hold"} <= {one["event"] for one in story["timeline"]}


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/limit"),
        ("limit=many", "/limit"),
        ("limit=201", "/limit"),
        ("cursor=!", "/cursor"),
        ("cursor=WyJhIl0", "/cursor"),
        ("cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk5OQ", "/cursor"),
        ("status=lost", "/status"),
        ("to=twelve", "/to"),
    ],
)
async def test_a_query_that_does_not_fit_is_refused(call: Caller, query: str, pointer: str) -> None:
    """With the parameter that it is about."""
    assert await call.problem("GET", f"/v1/messages?{query}") == (400, "invalid_request", pointer)


async def test_the_ledger_prices_and_refusals_are_read(call: Caller) -> None:
    """Page by page, and each line once."""
    top_up = ask.TopUp(account="shop", amount=Minor(10_0000), reference="r")
    await call.administration.answer(top_up)
    await send(call)
    first = await call.told("GET", "/v1/ledger?limit=1")
    second = await call.told("GET", f"/v1/ledger?limit=1&cursor={first['next_cursor']}")
    assert [first["items"][0]["kind"], second["items"][0]["kind"]] == ["hold", "top_up"]
    assert (await call.told("GET", "/v1/prices"))["rates"][0]["price"] == "850"
    assert (await call("POST", "/v1/verifications", {"to": "twelve"})).status == 422
    found = await call.told("GET", "/v1/refusals")
    assert (found["total"], found["items"][0]["reason"]) == (1, "phone_invalid")


async def test_statistics_are_read_by_what_messages_have_in_common(call: Caller) -> None:
    """With what a verified number cost; of another account there is nothing in them."""
    counting = Counting(
        call.core.gateway,
        call.core.storage,
        receipt_lifetime_ms=1,
        keep_messages_ms=DAY_MS,
        keep_statistics_ms=DAY_MS,
    )
    assert await call.told("GET", "/v1/statistics") | {"since": 0, "until": 0} == {
        "since": 0,
        "until": 0,
        "counted_at": None,
        "totals": [],
        "items": [],
    }
    await send(call)
    await counting.count()
    found = await call.told("GET", "/v1/statistics?group_by=country")
    (line,) = found["items"]
    assert (line["value"], line["messages"], line["codes"], line["verified"]) == ("VN", 1, 1, 0)
    assert found["totals"] == [{name: line[name] for name in line if name not in ("value", "text")}]
    assert line["cost"] == {"currency": "VND", "charged": "0", "per_verified_number": None}
    (template,) = (await call.told("GET", "/v1/statistics?group_by=template"))["items"]
    assert template["text"] == client.TEXT
    (hour,) = (await call.told("GET", "/v1/statistics?group_by=hour&since=2026-01-01"))["items"]
    assert hour["value"].endswith(":00:00.000Z")
    assert (await call.told("GET", "/v1/statistics", key=RIVAL))["totals"] == []


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("group_by=phone", "/group_by"),
        ("since=yesterday", "/since"),
        ("until=1969-12-31", "/until"),
        ("since=2026-11-29&until=2026-11-28", "/since"),
    ],
)
async def test_statistics_of_no_time_are_refused(call: Caller, query: str, pointer: str) -> None:
    """With the parameter that it is about."""
    assert await call.problem("GET", f"/v1/statistics?{query}") == (400, "invalid_request", pointer)


PATHS = [
    (method.upper(), path)
    for path, methods in document()["paths"].items()
    for method, told in methods.items()
    if told.get("security") != []
]
"""All but what is everybody's."""
OPERATORS_ALONE = ("/v1/documents", "/v1/operator-keys", "/v1/top-ups")


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_no_path_shows_or_changes_what_is_anothers(call: Caller, method: str, path: str) -> None:
    """Whatever the path names: of another account's things there are none."""
    message = await send(call)
    key = f"native/{READER}"
    template = COLLECTIONS["templates"].identifier(
        doc.Template(account="shop", brandname="Shop", text=client.TEXT)
    )
    names = {"applications": "till", "brandnames": "Shop", "templates": template}
    collection = path.split("/")[2]
    named = names.get(collection, message)
    target = path.replace("{dialect}/{key}", key).replace("{id}", named).replace("{name}", named)
    target = target.replace("{kind}", "account")
    before = (await call.administration.answer(ask.ReadDocuments(account="shop", reveal=True))).documents
    bodies = {"replay": {"messages": [message]}, "check": {"code": "000000"}}
    members = None if method in ("GET", "DELETE") else bodies.get(path.rpartition("/")[2], {})
    response = await call(method, target, members, key=RIVAL)
    if path.startswith(OPERATORS_ALONE):
        assert response.status == 403
    assert response.status in ((403, 404) if "{" in path else (200, 201, 202, 400, 403, 404, 422))
    for secret in (b'"till"', b'"Shop"', READER.encode(), client.PHONE.encode(), SECRET.encode()):
        assert secret not in response.body
    assert (
        await call.administration.answer(ask.ReadDocuments(account="shop", reveal=True))
    ).documents == before


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_no_path_does_more_than_the_keys_scopes(call: Caller, method: str, path: str) -> None:
    """A key that reads changes nothing; one that sends reads no lists; without a login nobody does anything."""
    changes = method != "GET" and path not in ("/v1/templates/test", "/v1/sms/preview")
    about_codes = path.startswith(("/v1/verifications", "/v1/balance", "/v1/sms"))
    target = path.replace("{kind}", "account").replace("{", "").replace("}", "")
    if "id" in target.split("/"):
        target = target.replace("/id", "/3560612846182400001")
    members: Any = None if method in ("GET", "DELETE") else {}
    revision = (await call.administration.answer(ask.Status())).revision
    reading = await call(method, target, members, key=READER)
    if (changes and "rotate" not in path and "{" not in path) or (changes and about_codes):
        assert reading.status in (400, 403), reading.body
    sending = await call(method, target, members, key=SENDER)
    if not about_codes and "{" not in path and path != "/v1/templates/test":
        assert sending.status in (400, 403), sending.body
    assert (await call(method, target, members, key="nobody")).status == 401
    assert (await call.administration.answer(ask.Status())).revision == revision


async def test_applications_are_made_changed_and_removed(call: Caller) -> None:
    """By their names; making the same again is answered as before, another of the name is refused."""
    made = await call("POST", "/v1/applications", {"name": "shop", "environment": "sandbox"})
    assert (made.status, dict(made.headers)[b"location"]) == (201, b"/v1/applications/shop")
    again = await call("POST", "/v1/applications", {"name": "shop", "environment": "sandbox"})
    assert (again.status, again.body) == (201, made.body)
    assert await call.problem("POST", "/v1/applications", {"name": "shop"}) == (409, "exists", "")
    changed = await call.told("PATCH", "/v1/applications/shop", {"callback_url": "https://shop.example/cb"})
    assert (changed["callback_url"], changed["environment"]) == ("https://shop.example/cb", "sandbox")
    assert await call.told("GET", "/v1/applications/shop") == changed
    listed = await call.told("GET", "/v1/applications")
    assert [one["name"] for one in listed["items"]] == ["shop", "till"]
    assert await call.told("DELETE", "/v1/applications/shop", status=204) is None
    assert await call.problem("GET", "/v1/applications/shop") == (404, "unknown", "")


@pytest.mark.parametrize(
    ("method", "path", "members", "status", "pointer"),
    [
        ("POST", "/v1/applications", {}, 400, "/name"),
        ("POST", "/v1/applications", {"name": "x", "colour": 1}, 400, "/colour"),
        ("POST", "/v1/applications", {"name": "x", "account": "rival"}, 400, "/account"),
        ("POST", "/v1/applications", {"name": "x", "voice_code": "yes"}, 400, "/voice_code"),
        ("POST", "/v1/applications", {"name": "x", "allowed_ips": ["a"]}, 422, "/allowed_ips/0"),
        ("POST", "/v1/applications", {"name": "x", "pool": "theirs"}, 422, "/pool"),
        ("POST", "/v1/brandnames", {"name": "NEW", "approval": "approved"}, 422, "/approval"),
        ("POST", "/v1/brandnames", {"name": "NEW", "state": "active"}, 422, "/state"),
        ("PATCH", "/v1/account", {"callback_url": "ftp://x"}, 422, "/callback_url"),
        ("PATCH", "/v1/account", {"floor": "-100"}, 422, "/floor"),
        ("PATCH", "/v1/account", {"number": 7}, 400, "/number"),
        ("POST", "/v1/keys", {"key": "mine"}, 400, ""),
        ("POST", "/v1/keys", {"secret": "mine"}, 400, ""),
        ("POST", "/v1/keys", {"scopes": ["all"]}, 400, "/scopes/0"),
        ("POST", "/v1/keys", {"application": "nowhere"}, 422, "/application"),
    ],
)
async def test_what_is_wrong_is_told_at_its_member(
    call: Caller, method: str, path: str, members: Any, status: int, pointer: str
) -> None:
    """What an operator alone may set is one of these."""
    found = await call.problem(method, path, members)
    assert (found[0], found[2]) == (status, pointer)


async def test_a_key_is_rotated_with_both_alive(call: Caller) -> None:
    """The new one's secret is told once, and works; the old one works until it is removed."""
    await call.told("DELETE", f"/v1/keys/native/{READER}", status=204)
    made = await call.told("POST", f"/v1/keys/native/{SENDER}/rotate", status=201)
    assert (made["application"], made["scopes"]) == ("till", ["verify"])
    listed = await call.told("GET", "/v1/keys")
    assert {made["key"], SENDER} <= {one["key"] for one in listed["items"]}
    assert made["secret"] not in json.dumps(listed)
    for key, secret in ((made["key"], made["secret"]), (SENDER, SECRET)):
        request = client.create({"text": client.TEXT}, key, secret)
        assert (await call.api.answer(request)).status == 201
    found = await call.problem("POST", f"/v1/keys/native/{SENDER}/rotate")
    assert found[:2] == (422, "unfit")
    await call.told("DELETE", f"/v1/keys/native/{SENDER}", status=204)
    assert (await call.api.answer(client.create({"text": client.TEXT}, SENDER, SECRET))).status == 401


async def test_under_one_idempotency_key_one_key_is_made(call: Caller) -> None:
    """Its secret is not told again; the same name for another request is refused."""
    made = await call.told("POST", "/v1/keys", {"scopes": ["read"]}, status=201, idempotency_key="k-1")
    again = await call.problem("POST", "/v1/keys", {"scopes": ["read"]}, idempotency_key='"k-1"')
    assert again[:2] == (409, "exists")
    other = await call.problem("POST", "/v1/keys", {"scopes": ["verify"]}, idempotency_key="k-1")
    assert other[:2] == (422, "idempotency_key_reused")
    keys = [one["key"] for one in (await call.told("GET", "/v1/keys"))["items"]]
    assert keys.count(made["key"]) == 1


async def test_brandnames_and_templates_are_asked_for(call: Caller) -> None:
    """They are inactive until an operator says yes, and then a code goes out with them."""
    asked = await call.told("POST", "/v1/brandnames", {"name": "NEW"}, status=201)
    assert (asked["state"], asked["approval"]) == ("inactive", "requested")
    text = await call.told(
        "POST", "/v1/templates", {"brandname": "NEW", "text": "{OTP} it is", "name": "new"}, status=201
    )
    assert (await call("POST", "/v1/verifications", {"to": client.PHONE, "template": "new"})).status == 400
    found = await call.told("GET", f"/v1/templates/{text['id']}")
    assert found == text
    for kind in ("brandname", "template"):
        documents = (await call.administration.answer(ask.ReadDocuments(kind=kind, account="shop"))).documents
        for one in documents:
            if isinstance(one, doc.Brandname | doc.Template) and one.approval == "requested":
                yes: Any = {**{name: getattr(one, name) for name in one.__struct_fields__}}
                yes |= {"approval": "approved", "state": "active"}
                await call.administration.answer(ask.PutDocuments(documents=(type(one)(**yes),)))
    assert (await call("POST", "/v1/verifications", {"to": client.PHONE, "template": "new"})).status == 201


async def test_a_text_is_tried_on_the_templates(call: Caller) -> None:
    """It fits one, or differs from the nearest at a place."""
    path = "/v1/templates/test"
    fits = await call.told("POST", path, {"brandname": "Shop", "text": client.TEXT})
    assert (fits["fits"], fits["differs"]) == (True, None)
    other = await call.told("POST", path, {"brandname": "Shop", "text": "{OTP} la ma xac nhan cua ban"})
    assert other["fits"] is False
    assert (
        other["differs"] == {"place": 18, "expected": "inh {P1,10}", "found": "han cua ban"}
        or other["differs"]["place"] > 10
    )
    wrong = await call.problem("POST", path, {"brandname": "None", "text": "{OTP}"})
    assert wrong == (400, "invalid_request", "/brandname")


async def test_the_audit_log_has_the_keys_name_and_address(call: Caller) -> None:
    """Of the own account alone, and with no secret."""
    made = await call.told("POST", "/v1/keys", {"scopes": ["read"]}, status=201)
    await call("POST", "/v1/applications", {"name": "theirs"}, key=RIVAL)
    entries = (await call.told("GET", "/v1/audit"))["items"]
    assert (entries[0]["actor"], entries[0]["how"], entries[0]["address"]) == (
        f"native/{ADMIN}",
        "key",
        client.CLIENT_IP,
    )
    assert made["secret"] not in json.dumps(entries)
    assert "theirs" not in json.dumps(entries)
    assert (await call.problem("GET", "/v1/audit", key=READER))[:2] == (403, "scope_missing")


@pytest.mark.parametrize("collection", COLLECTIONS.values(), ids=lambda one: one.name)
def test_the_description_has_every_field_of_a_document(collection: Any) -> None:
    """And none that there is not."""
    schema = document()["components"]["schemas"][collection.kind.__name__.replace("Credential", "Key")]
    hidden = {"account", "number", "secret", "registered", "moving_to", "moved_to"}
    fields = set(collection.kind.__struct_fields__) - hidden
    assert set(schema["properties"]) - {"id"} == fields


def test_whole_paths_are_described(tmp_path: Path) -> None:
    """The document is joined of parts, and has no place left where one belongs."""
    text = json.dumps(document())
    assert "of openapi/" not in text
    assert len(document()["paths"]) > 20


async def test_an_address_that_is_gone_is_shown_and_put_online(call: Caller) -> None:
    """An application's own and the account's; only a key that administers does the latter, and of its own account."""
    url = "https://shop.example/events"
    await call.core.configure(doc.Application(account="shop", name="till", callback_url=url))
    listed = {"application": "till", "host": "shop.example", "status": "online", "gone_at": None}
    assert await call.told("GET", "/v1/callbacks/addresses") == {"items": [listed]}
    off = SwitchAddressOff(account=call.core.account("shop").id, url=url, host="shop.example", now=1_000)
    await call.core.gateway.execute(off)
    found = await call.told("GET", "/v1/callbacks/addresses", key=READER)
    assert found["items"] == [{**listed, "status": "gone", "gone_at": "1970-01-01T00:00:01.000Z"}]
    online, asked = "/v1/callbacks/addresses/online", {"application": "till"}
    assert (await call.problem("POST", online, asked, key=READER))[0] == 403
    assert (await call.problem("POST", online, asked, key=RIVAL))[0] == 404
    assert (await call.problem("POST", online, {}))[0] == 404
    assert await call.told("POST", online, asked) == {"was_gone": True}
    assert await call.told("POST", online, asked) == {"was_gone": False}


async def test_an_account_says_of_which_balance_it_wants_to_hear(call: Caller) -> None:
    """An amount, or null for never; what is none is told at its member."""
    assert (await call.told("GET", "/v1/account"))["low_balance"] is None
    changed = await call.told("PATCH", "/v1/account", {"low_balance": "5000"})
    assert changed["low_balance"] == "5000"
    assert call.core.account("shop").low_balance == parse_amount("5000")
    assert (await call.problem("PATCH", "/v1/account", {"low_balance": "much"}))[::2] == (422, "/low_balance")
    assert (await call.told("PATCH", "/v1/account", {"low_balance": None}))["low_balance"] is None


async def ended(call: Caller, count: int) -> list[str]:
    """Messages that have their end, of which their account is told."""
    account = call.core.account("shop")
    await call.core.configure(
        msgspec.structs.replace(account.document, callback_url="https://shop.example/events")
    )
    sent = [int(await send(call, f"+8490188848{number}")) for number in range(count)]
    rows = [await call.core.message("shop", one) for one in sent]
    over = [
        msgspec.structs.replace(row, id=MessageId(row.id + 1), state="delivered", ended_at=1_000)
        for row in rows
    ]
    await call.core.storage.begin([])
    await call.core.storage.commit(1, {}, over)
    return [str(one.id) for one in over]


async def test_under_one_key_messages_are_told_of_again_once(call: Caller) -> None:
    """Also where the answer was lost and the client asks again; another request under the key is refused."""
    first, second = await ended(call, 2)
    asked = {"messages": [first, second, "77"]}
    replay = "/v1/callbacks/replay"
    answers = await asyncio.gather(
        *(call.told("POST", replay, asked, 202, idempotency_key="k-1") for _ in range(3))
    )
    assert answers == [{"replayed": 2}] * 3
    for message in (first, second):
        found = await call.told("GET", f"/v1/messages/{message}")
        assert [line["event"] for line in found["timeline"]].count("callback") == 1
    other = await call.problem("POST", replay, {"messages": [first]}, idempotency_key="k-1")
    assert other[:2] == (422, "idempotency_key_reused")
    assert await call.told("POST", replay, {"messages": [first]}, 202) == {"replayed": 1}
    # A code's name is none of a replay.
    await call.told("POST", "/v1/verifications", {"to": client.PHONE}, 201, idempotency_key="k-1")


async def test_a_replay_under_a_key_is_written_down_once(call: Caller) -> None:
    """In the audit log, beside the message that was told of."""
    (message,) = await ended(call, 1)
    for _ in range(2):
        await call.told("POST", "/v1/callbacks/replay", {"messages": [message]}, 202, idempotency_key="k-1")
    entries = (await call.told("GET", "/v1/audit"))["items"]
    assert [one["subject"] for one in entries if one["what"] == "replay_callbacks"] == [f"message {message}"]
