"""The console's page about the guard: docs/guard.md."""

import contextlib

import msgspec
import pytest

from onema.delivery.finding_reports import FindingReports
from onema.domain.configuration import documents as doc
from onema.domain.refusals import Guarded
from onema.telemetry.metrics import Metrics

from .office import OURS, THEIRS, Office

PAGE = "/console/guard?account=acme"
FORM = {
    "guard": "acme",
    "mode": "record",
    "countries": "",
    "price_ceiling": "",
    "allow": "",
    "limits": "",
}


async def found(office: Office, account: str, phone: str) -> None:
    """A code whose country is not on the list, and what the process has counted of it, written down."""
    metrics = Metrics()
    office.core.committer._observer = metrics
    with contextlib.suppress(Guarded):
        await office.send(account, phone)
    await FindingReports(office.core.gateway, metrics.findings).report()


async def configure(office: Office, *guards: doc.Guard) -> None:
    await office.core.configure(*guards)


async def test_what_was_found_is_shown_by_rule_country_and_prefix(office: Office) -> None:
    """Of messages that went out and of refused ones; of all accounts, or of one."""
    await configure(
        office,
        doc.Guard(name="*", countries=("FR",)),
        doc.Guard(name="rival", mode="block", countries=("FR",)),
    )
    await found(office, "acme", OURS)
    await found(office, "rival", THEIRS)
    await office.desk.log_in()
    every = await office.page("/console/guard")
    assert "+84901…" in every
    assert "+84912…" in every
    ours = await office.page(PAGE)
    assert "+84901…" in ours
    assert "+84912…" not in ours
    assert "onema guard findings acme --days 1" in ours
    assert "+84901…" in await office.page(f"{PAGE}&days=14")


async def test_a_customer_sees_the_own_account_and_no_form(office: Office) -> None:
    """What was found of its messages and what each rule does; others' numbers and lists are none of its business."""
    await configure(office, doc.Guard(name="*", countries=("FR",), allow=("+84987654321",)))
    await found(office, "acme", OURS)
    await found(office, "rival", THEIRS)
    await office.desk.log_in("hoa")
    page = await office.page("/console/guard?account=rival")
    assert "+84901…" in page
    assert "+84912…" not in page
    assert "+84987654321" not in page
    assert 'name="do" value="save"' not in page
    await office.submit(PAGE, "save", 422, **FORM)
    assert office.document(doc.Guard, "acme") is None


async def test_an_operator_changes_modes_limits_and_the_allow_list(office: Office) -> None:
    """A guard of the account begins as the one that held; what the form does not have stays."""
    await configure(office, doc.Guard(name="*", known_days=30))
    await office.desk.log_in("tam")
    limit = "per=phone seconds=3600 limit=5 how=clock prefix=+86 offset_minutes=480"
    form = {
        **FORM,
        "mode": "block",
        "rule_conversion": "record",
        "allow": "+84901234xxx\nLA",
        "limits": limit,
    }
    await office.submit(PAGE, "save", **form)
    guard = office.document(doc.Guard, "acme")
    assert guard == doc.Guard(
        name="acme",
        mode="block",
        rules={"conversion": "record"},
        allow=("+84901234xxx", "LA"),
        known_days=30,
        limits=(
            doc.GuardLimit(per="phone", seconds=3600, limit=5, how="clock", prefix="+86", offset_minutes=480),
        ),
    )
    page = await office.page(PAGE)
    assert limit in page
    assert "The guard acme holds." in page
    await office.submit(PAGE, "remove", guard="acme")
    assert office.document(doc.Guard, "acme") is None


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("limits", "five an hour", "is no limit"),
        ("limits", "per=phone seconds=x limit=5", "is no limit"),
        ("allow", "somebody", 'id="save-allow-error"'),
        ("mode", "often", 'id="save-mode-error"'),
    ],
)
async def test_what_is_wrong_stands_at_its_field(office: Office, field: str, value: str, said: str) -> None:
    """And nothing is changed."""
    await office.desk.log_in("tam")
    answer = await office.submit(PAGE, "save", 422, **{**FORM, field: value})
    assert said in answer.text
    assert office.document(doc.Guard, "acme") is None


async def test_the_form_shows_the_guard_of_an_application(office: Office) -> None:
    """As it is, or as it would begin."""
    await office.core.configure(
        doc.Application(account="acme", name="shop"), doc.Guard(name="acme", mode="block")
    )
    await office.desk.log_in()
    page = await office.page(f"{PAGE}&guard=acme/shop")
    assert 'name="guard" value="acme/shop"' in page
    await office.submit(PAGE, "save", **{**FORM, "guard": "acme/shop", "mode": "challenge"})
    made = office.document(doc.Guard, "acme/shop")
    assert made is not None
    assert msgspec.structs.replace(made, name="acme").mode == "challenge"


async def test_a_guard_that_begins_as_one_with_a_captcha_needs_its_secret(office: Office) -> None:
    """The page does not know it, and must not keep the mask in its place."""
    await configure(
        office, doc.Guard(name="*", captcha_url="https://captcha.example/verify", captcha_secret="s3cret")
    )
    await office.desk.log_in("tam")
    answer = await office.submit(PAGE, "save", 422, **FORM)
    assert "secret is not told here" in answer.text
    assert office.document(doc.Guard, "acme") is None
    await office.submit(PAGE, "save", **{**FORM, "guard": "*", "mode": "block"})
    kept = office.document(doc.Guard, "*")
    assert kept is not None
    assert (kept.mode, kept.captcha_secret) == ("block", "s3cret")
