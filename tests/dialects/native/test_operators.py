"""What operators administer by our own API: docs/api.md."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from onema.administration import requests as ask
from onema.administration.answers import Administration
from onema.dialects.native.operators import DOCUMENTS
from onema.domain.configuration import documents as doc
from onema.domain.configuration.key_lengths import operator_secret_hash
from onema.http.messages import Response

from ..running_core import RunningCore
from . import client
from .test_administration import ADMIN, READER, SCOPES, SECRET, SENDER, Caller

OWNER, OPERATOR, VIEWER, NARROW, KEYMAKER = "ok-owner", "ok-operator", "ok-viewer", "ok-narrow", "ok-keys"
KEYS: dict[str, Any] = {
    OWNER: {"role": "owner"},
    OPERATOR: {},
    VIEWER: {"role": "viewer"},
    NARROW: {"scopes": ("money",)},
    KEYMAKER: {"role": "owner", "scopes": ("keys", "money")},
}
HASH = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaA"
PATHS = (
    *(f"/v1/documents/{kind}" for kind in DOCUMENTS),
    "/v1/users",
    "/v1/invitations",
    "/v1/operator-keys",
)


@pytest_asyncio.fixture
async def call(core: RunningCore) -> AsyncIterator[Caller]:
    """Two accounts, a key of each kind, and one of operators of each role."""
    await core.configure(
        *client.DOCUMENTS[:2],
        *client.DOCUMENTS[3:],
        doc.Account(name="rival", country="VN"),
        doc.User(name="boss", password_hash=HASH),
        doc.User(name="clerk", password_hash=HASH, role="admin", customer_of="shop"),
        doc.User(name="spy", password_hash=HASH, role="admin", customer_of="rival"),
        doc.Carrier(name="handset", type="handset"),
        doc.Carrier(name="gw", type="esms", settings={"api_key": "k", "secret_key": "hunter22"}),
        doc.HotlinePool(name="pool"),
        doc.Hotline(pool="pool", number="+842471000001"),
        *(
            doc.Credential(account="shop", dialect="native", key=key, secret=SECRET, scopes=SCOPES[key])
            for key in (ADMIN, READER)
        ),
        *(
            doc.OperatorKey(name=name, secret_hash=operator_secret_hash(SECRET.encode()), **fields)
            for name, fields in KEYS.items()
        ),
    )
    caller = Caller(core)
    caller.administration = Administration(core.gateway, core.storage, keyring=core.keyring)
    caller.api.administer(caller.administration)
    yield caller


async def test_documents_of_every_kind_are_read_and_secrets_are_not(call: Caller) -> None:
    """As `onema export` has them, one by one and all of a kind."""
    for kind in DOCUMENTS:
        items = (await call.told("GET", f"/v1/documents/{kind}", key=VIEWER))["items"]
        for one in items:
            path = f"/v1/documents/{kind}/{one['id']}"
            assert await call.told("GET", path, key=VIEWER) == one
    response = await call("GET", "/v1/documents/carrier", key=OPERATOR)
    assert b"hunter22" not in response.body
    hotline = await call.told("GET", "/v1/documents/hotline/pool/+842471000001", key=OPERATOR)
    assert hotline["number"] == "+842471000001"


async def test_an_operator_makes_changes_and_removes_documents(call: Caller) -> None:
    """With what is wrong told at its member, secrets kept where they are written as shown, and an entry in the audit
    log.
    """
    made = await call.told("POST", "/v1/documents/account", {"name": "new"}, status=201, key=OPERATOR)
    assert (made["id"], made["tariff"]) == ("new", "default")
    assert await call.told("POST", "/v1/documents/account", {"name": "new"}, status=201, key=OPERATOR)
    taken = await call.problem("POST", "/v1/documents/account", {"name": "new", "floor": "-5"}, key=OPERATOR)
    assert taken[:2] == (409, "exists")
    changed = await call.told("PATCH", "/v1/documents/account/new", {"floor": "-5"}, key=OPERATOR)
    assert changed["floor"] == "-5"
    unfit = await call.problem("PATCH", "/v1/documents/account/new", {"tariff": "gold"}, key=OPERATOR)
    assert unfit == (422, "unfit", "/tariff")
    carrier = await call.told("GET", "/v1/documents/carrier/gw", key=OPERATOR)
    members = {"settings": {**carrier["settings"], "timeout": 5.0}}
    await call.told("PATCH", "/v1/documents/carrier/gw", members, key=OPERATOR)
    kept = call.core.gateway.directory.carriers["gw"].settings
    assert (kept["secret_key"], kept["timeout"]) == ("hunter22", 5.0)
    await call.told("DELETE", "/v1/documents/account/new", status=204, key=OPERATOR)
    assert (await call("GET", "/v1/documents/account/new", key=OPERATOR)).status == 404
    page = await call.administration.answer(ask.ReadAudit(limit=1))
    assert (page.entries[0].actor, page.entries[0].how, page.entries[0].role) == (
        f"operator/{OPERATOR}",
        "key",
        "operator",
    )


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("key", [READER, SENDER, "nobody"])
async def test_a_customers_key_reads_nothing_of_operators(call: Caller, path: str, key: str) -> None:
    """Neither one that reads nor one that sends; of its own account's documents it hears what it may."""
    response = await call("GET", path, key=key)
    people = key == READER and path == "/v1/users"
    assert response.status in ((200,) if people else (401, 403)), response.body
    for word in (b"boss", b"spy"):
        assert word not in response.body


@pytest.mark.parametrize("path", PATHS)
async def test_an_admins_key_reads_of_its_own_account_alone(call: Caller, path: str) -> None:
    """Whatever the path is, and whatever account the header names."""
    for headers in ({}, {"onema_account": "rival"}):
        response = await call("GET", path, key=ADMIN, **headers)
        for word in (b"rival", b"boss", b"spy", b"hunter22", b"ok-owner"):
            assert word not in response.body


CHANGES: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/v1/documents/account", {"name": "new"}),
    ("PATCH", "/v1/documents/account/shop", {"floor": "-100"}),
    ("DELETE", "/v1/documents/carrier/handset", None),
    ("PATCH", "/v1/users/boss", {"state": "inactive"}),
    ("DELETE", "/v1/users/boss", None),
    ("POST", "/v1/users/boss/reset", None),
    ("POST", "/v1/invitations", {"role": "operator"}),
    ("POST", "/v1/top-ups", {"account": "shop", "amount": "5", "reference": "r"}),
    ("POST", "/v1/operator-keys", {"name": "new", "role": "owner"}),
    ("PATCH", f"/v1/operator-keys/{VIEWER}", {"role": "owner"}),
    ("DELETE", f"/v1/operator-keys/{OWNER}", None),
)


@pytest.mark.parametrize(("method", "path", "members"), CHANGES)
@pytest.mark.parametrize("key", [VIEWER, ADMIN, READER, SENDER])
async def test_who_may_not_change_it_does_not(
    call: Caller, method: str, path: str, members: Any, key: str
) -> None:
    """A viewer of everything, and the keys of a customer."""
    revision = call.core.gateway.directory.revision
    response = await call(method, path, members, key=key)
    assert response.status in (401, 403, 404, 422), response.body
    assert call.core.gateway.directory.revision == revision
    assert (await call.told("GET", "/v1/invitations", key=OWNER))["items"] == []


async def test_only_an_owner_says_who_the_operators_are(call: Caller) -> None:
    """People and keys of the installation; those of customers are an operator's business, too."""
    for method, path, members in CHANGES:
        about_operators = "operator-keys" in path or "boss" in path or "invitations" in path
        if about_operators:
            problem = await call.problem(method, path, members, key=OPERATOR)
            assert problem[:2] == (422, "unfit"), path
    await call.told("PATCH", "/v1/users/clerk", {"role": "developer"}, key=OPERATOR)
    await call.told("POST", "/v1/invitations", {"role": "admin", "account": "shop"}, status=201, key=OPERATOR)


async def test_people_are_invited_and_let_go(call: Caller) -> None:
    """The link is told once; users are made by links alone, and no hash is shown."""
    told = await call.told(
        "POST", "/v1/invitations", {"role": "viewer", "name": "mai"}, status=201, key=OWNER
    )
    assert told["path"].startswith("/welcome/")
    (listed,) = (await call.told("GET", "/v1/invitations", key=OWNER))["items"]
    assert (listed["id"], listed["invited_by"]) == (told["id"], f"operator/{OWNER}")
    assert told["path"].rpartition("/")[2] not in str(listed)
    await call.told("DELETE", f"/v1/invitations/{told['id']}", status=204, key=OWNER)
    assert (await call("DELETE", f"/v1/invitations/{told['id']}", key=OWNER)).status == 404
    assert (await call("GET", "/v1/users", key=OWNER)).body.count(b"argon2id") == 0
    await call.told("PATCH", "/v1/users/boss", {"state": "inactive"}, key=OWNER)
    assert call.core.gateway.directory.users["boss"].password_hash == HASH
    await call.told("DELETE", "/v1/users/boss", status=204, key=OWNER)
    wrong = await call.problem("POST", "/v1/invitations", {"role": "admin"}, key=OWNER)
    assert wrong[:2] == (422, "unfit")


@pytest.mark.parametrize("name", ["no name", "<b>", "mai/lan", "a" * 65, "m\u00e0i"])
async def test_nobody_is_invited_under_a_name_that_nobody_can_have(call: Caller, name: str) -> None:
    """The link could never be used."""
    problem = await call.problem("POST", "/v1/invitations", {"role": "viewer", "name": name})
    assert problem[:2] == (422, "unfit")
    assert (await call.told("GET", "/v1/invitations"))["items"] == []


async def test_only_an_owner_withdraws_a_link_for_operators(call: Caller) -> None:
    """Any operator one for a customer's people; an id that none can have is no fault."""
    ids = [
        (await call.told("POST", "/v1/invitations", members, status=201, key=OWNER))["id"]
        for members in ({"role": "operator"}, {"role": "viewer", "account": "shop"})
    ]
    path = "/v1/invitations"
    assert (await call.problem("DELETE", f"{path}/{ids[0]}", key=OPERATOR))[:2] == (422, "unfit")
    assert {one["id"] for one in (await call.told("GET", path, key=OWNER))["items"]} == set(ids)
    await call.told("DELETE", f"{path}/{ids[1]}", status=204, key=OPERATOR)
    await call.told("DELETE", f"{path}/{ids[0]}", status=204, key=OWNER)
    entries = (await call.administration.answer(ask.ReadAudit(limit=10))).entries
    for odd in ("\0", "\ud800", "%"):
        assert (await call.problem("DELETE", f"{path}/{odd}", key=ADMIN))[:2] == (404, "unknown")
    assert (await call.administration.answer(ask.ReadAudit(limit=10))).entries == entries


async def test_an_admin_invites_people_of_its_account(call: Caller) -> None:
    """Whatever account the request says."""
    for account in ({}, {"account": "rival"}):
        await call.told("POST", "/v1/invitations", {"role": "viewer", **account}, status=201)
    items = (await call.told("GET", "/v1/invitations", key=OWNER))["items"]
    assert [one["account"] for one in items] == ["shop", "shop"]
    assert [one["id"] for one in (await call.told("GET", "/v1/users"))["items"]] == ["clerk"]
    assert (await call("PATCH", "/v1/users/spy", {"state": "inactive"})).status == 404


async def test_money_is_booked_once_per_reference(call: Caller) -> None:
    """The same again says so; another amount is refused."""
    booking = {"account": "shop", "amount": "100.5", "reference": "invoice-7"}
    assert await call.told("POST", "/v1/top-ups", booking, status=201, key=NARROW) == {"booked": True}
    assert await call.told("POST", "/v1/top-ups", booking, key=NARROW) == {"booked": False}
    other = await call.problem("POST", "/v1/top-ups", {**booking, "amount": "7"}, key=NARROW)
    assert other[:2] == (422, "unfit")
    assert (await call.problem("POST", "/v1/top-ups", {**booking, "amount": "1e3"}, key=NARROW))[
        2
    ] == "/amount"
    balance = await call.told("GET", "/v1/balance", key=OPERATOR, onema_account="shop")
    assert balance["balance"] == "100.5"


async def test_keys_of_operators_are_made_and_revoked(call: Caller) -> None:
    """The secret is told once, a hash is kept; with the key's end it opens nothing."""
    made = await call.told("POST", "/v1/operator-keys", {"name": "deploy"}, status=201, key=OWNER)
    assert made["role"] == "operator"
    document = call.core.gateway.directory.operator_keys["deploy"]
    assert document.secret_hash == operator_secret_hash(made["secret"].encode())
    again = await call.problem("POST", "/v1/operator-keys", {"name": "deploy"}, key=OWNER)
    assert again[:2] == (409, "exists")
    listed = await call("GET", "/v1/operator-keys", key=OWNER)
    assert document.secret_hash.encode() not in listed.body
    await call.told("PATCH", "/v1/operator-keys/deploy", {"state": "inactive"}, key=OWNER)
    await call.told("DELETE", "/v1/operator-keys/deploy", status=204, key=OWNER)
    wrong = await call.problem("POST", "/v1/operator-keys", {"name": "x", "secret_hash": "0" * 64}, key=OWNER)
    assert wrong == (400, "invalid_request", "/secret_hash")


@pytest.mark.parametrize("fields", [{"state": "inactive"}, {"secret_hash": operator_secret_hash(b"other")}])
async def test_a_key_that_does_not_count_opens_nothing(call: Caller, fields: dict[str, Any]) -> None:
    """Inactive, or with another secret."""
    document = call.core.gateway.directory.operator_keys[OPERATOR]
    changed = {name: getattr(document, name) for name in document.__struct_fields__} | fields
    await call.core.configure(doc.OperatorKey(**changed))
    assert (await call("GET", "/v1/documents/account", key=OPERATOR)).status == 401


async def test_a_key_is_for_the_parts_that_its_scopes_name(call: Caller) -> None:
    """Everything else is refused with the scope that it takes."""
    for path in ("/v1/documents/account", "/v1/users", "/v1/operator-keys"):
        assert (await call.problem("GET", path, key=NARROW))[:2] == (403, "scope_missing")
    of_account = await call.problem("GET", "/v1/messages", key=NARROW, onema_account="shop")
    assert of_account[:2] == (403, "scope_missing")


async def test_a_key_makes_none_that_is_for_more_than_itself(call: Caller) -> None:
    """Nor of itself; what a key was for already it may stay for."""
    path = "/v1/operator-keys"
    for scopes in ([], ["documents"], ["keys", "people"]):
        for method, target, members in (
            ("POST", path, {"name": "more", "scopes": scopes}),
            ("PATCH", f"{path}/{KEYMAKER}", {"scopes": scopes}),
            ("PATCH", f"{path}/{NARROW}", {"scopes": scopes}),
        ):
            problem = await call.problem(method, target, members, key=KEYMAKER)
            assert problem[:2] == (403, "scope_missing"), (target, scopes)
    made = await call.told("POST", path, {"name": "less", "scopes": ["money"]}, status=201, key=KEYMAKER)
    assert made["scopes"] == ["money"]
    off = await call.told("PATCH", f"{path}/{OPERATOR}", {"state": "inactive"}, key=KEYMAKER)
    assert (off["state"], off["scopes"]) == ("inactive", [])
    await call.told("POST", path, {"name": "more"}, status=201, key=OWNER)


async def test_what_is_of_an_account_answers_for_the_one_that_is_named(call: Caller) -> None:
    """Messages, keys, brandnames and the rest; nothing is sent, and an account that is not there has nothing."""
    for path in (
        "/v1/messages",
        "/v1/ledger",
        "/v1/applications",
        "/v1/keys",
        "/v1/brandnames",
        "/v1/account",
    ):
        assert (await call("GET", path, key=VIEWER, onema_account="shop")).status == 200
        assert (await call.problem("GET", path, key=VIEWER))[:2] == (400, "invalid_request")
        assert (await call("GET", path, key=VIEWER, onema_account="nobody")).status == 404
    made = await call.told(
        "POST", "/v1/applications", {"name": "till"}, status=201, key=OPERATOR, onema_account="rival"
    )
    assert made["name"] == "till"
    assert "rival/till" in {one.identity for one in call.core.gateway.directory.of_kind(doc.Application)}
    approved = {"approval": "approved", "state": "active"}
    name = (await call.told("GET", "/v1/brandnames", key=OPERATOR, onema_account="shop"))["items"][0]["name"]
    path = f"/v1/brandnames/{name}"
    assert (await call.told("PATCH", path, approved, key=OPERATOR, onema_account="shop"))["state"] == "active"
    response: Response = await call(
        "POST", "/v1/verifications", {"to": client.PHONE}, key=OWNER, onema_account="shop"
    )
    assert response.status == 403
