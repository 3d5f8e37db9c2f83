"""Who may order what, over a real core: docs/decisions/0044-permissions-and-audit.md."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
import pytest_asyncio

from onema.administration import requests as ask
from onema.administration.answers import Administration
from onema.administration.key_requests import KeyRequest
from onema.administration.people_requests import PeopleRequest
from onema.administration.permissions import (
    FOR_CUSTOMERS,
    FOR_OPERATORS,
    ITSELF,
    Actor,
    NotPermitted,
    permitted,
)
from onema.domain.configuration import documents as doc
from onema.domain.configuration.problems import InvalidConfiguration
from onema.domain.refusals import Refused
from onema.domain.values.money import Minor

from ...dialects.running_core import RunningCore

HASH = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaA"
DOCUMENTS: tuple[doc.AnyDocument, ...] = (
    doc.Tariff(name="default", rates=(doc.Rate(channel="sms", prefix="+84", price="850"),)),
    doc.Tariff(name="cheap"),
    doc.HotlinePool(name="theirs"),
    *(
        document
        for name in ("acme", "rival")
        for document in (
            doc.Account(name=name, country="VN", windows=()),
            doc.Application(account=name, name="shop", appid=f"appid-{name}"),
            doc.Credential(account=name, dialect="native", key=f"key-{name}", secret=f"a secret of {name}"),
            doc.Brandname(account=name, name=name.upper()),
            doc.Template(account=name, brandname=name.upper(), text="{OTP} is your code"),
            doc.User(name=f"boss-{name}", password_hash=HASH, role="admin", customer_of=name),
        )
    ),
    doc.User(name="root", password_hash=HASH),
    doc.Carrier(name="gw", type="handset", settings={"password": "hunter22"}),
)


def of(role: doc.UserRole, account: str = "") -> Actor:
    return Actor(name=f"the {role}", how="user", role=role, account=account, address="203.0.113.9")


ADMIN, DEVELOPER, VIEWER = of("admin", "acme"), of("developer", "acme"), of("viewer", "acme")
OWNER, OPERATOR = of("owner"), of("operator")


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Administration]:
    core = RunningCore(tmp_path)
    await core.start()
    await core.configure(*DOCUMENTS)
    yield Administration(core.gateway, core.storage)
    await core.stop()


async def stored(desk: Administration, kind: type[doc.Document], identity: str) -> Any:
    tag = str(kind.__struct_config__.tag)
    (found,) = (await desk.answer(ask.ReadDocuments(kind=tag, identity=identity, reveal=True))).documents
    return found


async def put(desk: Administration, actor: Actor, *documents: Any, remove: Any = ()) -> None:
    await desk.answer(ask.PutDocuments(documents=documents, remove=remove), actor)


async def refused(desk: Administration, actor: Actor, *documents: Any, remove: Any = ()) -> list[str]:
    before = (await desk.answer(ask.Status())).revision
    with pytest.raises(InvalidConfiguration) as wrong:
        await put(desk, actor, *documents, remove=remove)
    assert (await desk.answer(ask.Status())).revision == before
    return [str(problem) for problem in wrong.value.problems]


async def audit(desk: Administration, actor: Actor = ITSELF, **asked: Any) -> list[dict[str, Any]]:
    page = await desk.answer(ask.ReadAudit(**asked), actor)
    entries = [msgspec.structs.asdict(one) for one in page.entries]
    return [
        {**one, "before": json.loads(one["before"]), "after": json.loads(one["after"])} for one in entries
    ]


ALL_REQUESTS = (*get_args(ask.WireRequest), *get_args(PeopleRequest), *get_args(KeyRequest))


@pytest.mark.parametrize("request_type", ALL_REQUESTS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("role", ["admin", "developer", "viewer"])
def test_whoever_is_of_an_account_asks_for_it_alone(request_type: type[Any], role: doc.UserRole) -> None:
    """Every request that there is becomes one of the own account, or is refused; none is open to a stranger."""
    fields = {
        field.name: {int: 1, str: "rival", bytes: b""}.get(field.type, ())
        for field in msgspec.structs.fields(request_type)
        if field.required
    }
    request = request_type(**fields)
    if "account" in request_type.__struct_fields__:
        request = msgspec.structs.replace(request, account="rival")
    try:
        narrowed: Any = permitted(request, of(role, "acme"))
    except NotPermitted:
        assert role not in FOR_CUSTOMERS.get(request_type, ())
        return
    assert request_type is ask.PutDocuments or narrowed.account == "acme"
    assert not getattr(narrowed, "reveal", False)


def test_customers_may_do_nothing_that_operators_may_not() -> None:
    """And what stands in no table only the command line may."""
    assert FOR_CUSTOMERS.keys() <= FOR_OPERATORS.keys() <= set(ALL_REQUESTS)
    for request in (ask.ReadDocuments(reveal=True), ask.ShowSms(phone="1", sender="a", text="b")):
        with pytest.raises(NotPermitted):
            permitted(request, OWNER)
        assert permitted(request, ITSELF) is request


async def test_a_customer_puts_what_is_its_own(desk: Administration) -> None:
    """Applications, keys, the callback address and people by an admin, and nothing is asked of an operator."""
    account = await stored(desk, doc.Account, "acme")
    await put(
        desk,
        ADMIN,
        msgspec.structs.replace(account, callback_url="https://acme.example/cb", allowed_ips=("192.0.2.1",)),
        doc.Application(account="acme", name="till", environment="sandbox"),
        doc.Credential(account="acme", dialect="native", key="new", secret="long enough", application="till"),
        doc.User(name="dev", password_hash=HASH, role="developer", customer_of="acme"),
    )
    assert (await stored(desk, doc.Account, "acme")).callback_url == "https://acme.example/cb"
    await put(desk, DEVELOPER, remove=(("credential", "native/new"), ("application", "acme/till")))


FORBIDDEN: list[tuple[Actor, Any, str]] = [
    (ADMIN, doc.Account(name="acme", country="VN", windows=(), tariff="cheap"), "tariff"),
    (ADMIN, doc.Account(name="acme", country="VN", windows=(), floor="-1000"), "floor"),
    (ADMIN, doc.Account(name="acme", country="VN"), "windows"),
    (ADMIN, doc.Account(name="mine"), "another account"),
    (ADMIN, doc.Application(account="acme", name="new", pool="theirs"), "pool"),
    (ADMIN, doc.Application(account="rival", name="shop", appid="appid-rival"), "taken"),
    (ADMIN, doc.Application(account="rival", name="new"), "another account"),
    (ADMIN, doc.Brandname(account="acme", name="NEW"), "approval"),
    (ADMIN, doc.Brandname(account="acme", name="ACME", sign_at="end"), "sign_at"),
    (ADMIN, doc.Template(account="acme", brandname="ACME", text="{OTP} again"), "approval"),
    (ADMIN, doc.User(name="root", password_hash=HASH, role="admin", customer_of="acme"), "taken"),
    (ADMIN, doc.User(name="king", password_hash=HASH, role="owner"), "another account"),
    (ADMIN, doc.Credential(account="acme", dialect="native", key="key-rival", secret="12345678"), "taken"),
    (ADMIN, doc.Carrier(name="mine", type="handset"), "another account"),
    (DEVELOPER, doc.User(name="dev", password_hash=HASH, role="viewer", customer_of="acme"), "may not"),
    (DEVELOPER, doc.Account(name="acme", country="VN", windows=(), callback_url="https://a.b/"), "may not"),
    (OPERATOR, doc.User(name="king", password_hash=HASH, role="owner"), "owner"),
    (OPERATOR, doc.User(name="root", password_hash=HASH, role="viewer"), "owner"),
]


@pytest.mark.parametrize(("actor", "document", "said"), FORBIDDEN, ids=lambda one: getattr(one, "kind", None))
async def test_what_is_not_for_somebody_is_refused(
    desk: Administration, actor: Actor, document: Any, said: str
) -> None:
    """With the field it is about, and with nothing of what others have."""
    problems = await refused(desk, actor, document)
    assert any(said in problem for problem in problems)
    assert not any("a secret" in problem or "boss" in problem for problem in problems)


async def test_a_viewer_puts_nothing(desk: Administration) -> None:
    """Of an account or of all."""
    for actor in (VIEWER, of("viewer")):
        with pytest.raises(NotPermitted):
            await put(desk, actor, doc.Application(account="acme", name="till"))


async def test_nothing_of_others_is_removed(desk: Administration) -> None:
    """Nor the own account, nor the last word about what is there."""
    for key in (("application", "rival/shop"), ("account", "acme"), ("tariff", "cheap"), ("user", "root")):
        await refused(desk, ADMIN, remove=(key,))


async def test_a_number_that_is_taken_says_not_by_whom(desk: Administration) -> None:
    """Numbers of applications are everybody's: another's name is not told."""
    (problem,) = await refused(desk, ADMIN, doc.Application(account="acme", name="till", appid="appid-rival"))
    assert problem.endswith("it is taken")
    assert "rival" not in problem.replace("appid-rival", "")


async def test_a_brandname_is_asked_for_and_approved(desk: Administration) -> None:
    """A customer asks, and cannot approve; an operator says yes or why not."""
    asked = doc.Brandname(account="acme", name="NEW", state="inactive", approval="requested")
    await put(desk, DEVELOPER, asked)
    for wish in ({"approval": "approved", "state": "active"}, {"state": "active"}):
        assert await refused(desk, ADMIN, msgspec.structs.replace(asked, **wish))
    no = msgspec.structs.replace(asked, approval="refused", refused_because="no trade mark")
    await put(desk, OPERATOR, no)
    await put(desk, ADMIN, msgspec.structs.replace(asked, sign_at="end"))
    await put(desk, OPERATOR, msgspec.structs.replace(asked, approval="approved", state="active"))
    assert (await stored(desk, doc.Brandname, "acme/NEW")).state == "active"


async def test_a_masked_secret_keeps_the_stored_one(desk: Administration) -> None:
    """So nobody need see a secret to change what stands beside it; also deep in a carrier's settings."""
    for kind, identity in ((doc.Credential, "native/key-acme"), (doc.Carrier, "gw"), (doc.User, "root")):
        tag = str(kind.__struct_config__.tag)
        (masked,) = (await desk.answer(ask.ReadDocuments(kind=tag, identity=identity), OWNER)).documents
        before = await stored(desk, kind, identity)
        assert "***" in repr(msgspec.to_builtins(masked))
        await put(desk, OWNER, msgspec.structs.replace(masked, state="inactive"))
        assert await stored(desk, kind, identity) == msgspec.structs.replace(before, state="inactive")


async def test_a_change_is_written_down_with_who_and_what(desk: Administration) -> None:
    """The fields that differ, before and after, by document; secrets are masked."""
    shop = await stored(desk, doc.Application, "acme/shop")
    key = await stored(desk, doc.Credential, "native/key-acme")
    await put(
        desk,
        ADMIN,
        msgspec.structs.replace(shop, voice_code=False, callback_url="https://acme.example/"),
        msgspec.structs.replace(key, secret="another secret"),
    )
    second, first = await audit(desk, ADMIN)
    assert (first["actor"], first["how"], first["role"], first["address"], first["account"]) == (
        "the admin", "user", "admin", "203.0.113.9", "acme",
    )  # fmt: skip
    assert (first["what"], first["subject"]) == ("put_documents", "application acme/shop")
    assert first["before"] == {}
    assert first["after"] == {"voice_code": False, "callback_url": "https://acme.example/"}
    assert (second["before"], second["after"]) == ({"secret": "***"}, {"secret": "***"})
    assert "another secret" not in repr(await audit(desk))


async def test_orders_are_written_down_too(desk: Administration) -> None:
    """With what was ordered; one that changes nothing, or is refused, leaves no entry."""
    order = ask.TopUp(account="acme", amount=Minor(1_000_0000), reference="r-1")
    assert await desk.answer(order, OPERATOR)
    (entry,) = await audit(desk, account="acme")
    assert (entry["what"], entry["actor"], entry["after"]["reference"]) == ("top_up", "the operator", "r-1")
    assert not await desk.answer(order, OPERATOR)
    with pytest.raises(Refused):
        await desk.answer(msgspec.structs.replace(order, amount=Minor(2)), OPERATOR)
    with pytest.raises(NotPermitted):
        await desk.answer(order, ADMIN)
    assert len(await audit(desk, account="acme")) == 1


async def test_the_audit_log_is_read_page_by_page(desk: Administration) -> None:
    """An admin's of the own account; whoever reads on gets each entry once."""
    for number in range(5):
        await put(
            desk, OWNER, *(doc.Application(account=name, name=f"a{number}") for name in ("acme", "rival"))
        )
    page = await desk.answer(ask.ReadAudit(limit=3), ADMIN)
    seen = [one.subject for one in page.entries]
    while page.next:
        page = await desk.answer(ask.ReadAudit(limit=3, before=page.next), ADMIN)
        seen += [one.subject for one in page.entries]
    assert seen == [f"application acme/a{number}" for number in (4, 3, 2, 1, 0)]
    with pytest.raises(NotPermitted):
        await desk.answer(ask.ReadAudit(), DEVELOPER)


async def test_a_customer_reads_its_people_prices_and_numbers(desk: Administration) -> None:
    """Beside its own documents; nothing of another's, and no secret."""
    found = (await desk.answer(ask.ReadDocuments(account="rival"), VIEWER)).documents
    assert {one.identity for one in found if isinstance(one, doc.User | doc.Tariff)} == {
        "boss-acme",
        "default",
    }
    told = repr(msgspec.to_builtins(found))
    assert "rival" not in told
    assert HASH not in told
    assert "a secret" not in told
