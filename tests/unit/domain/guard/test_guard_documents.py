from typing import Any

import pytest

from onema.domain.configuration import documents as doc
from onema.domain.configuration.document_rules import problems_of
from onema.domain.configuration.documents import CountryBudget, GuardLimit
from onema.domain.configuration.rules import After, problems


@pytest.mark.parametrize(
    ("fields", "place", "complaint"),
    [
        ({"name": "shop/app/x"}, "name", "an ACCOUNT, or an ACCOUNT/APPLICATION"),
        ({"rules": {"convertion": "block"}}, "rules.convertion", "conversion"),
        ({"allow": ("+84901234567", "everybody")}, "allow[1]", "block of a thousand"),
        ({"countries": ("Vietnam",)}, "countries[0]", "ISO country code"),
        ({"price_ceiling": "-1"}, "price_ceiling", "must not be negative"),
        ({"call_spend": "much"}, "call_spend", "not an amount"),
        ({"known_days": 0}, "known_days", "1 to 366, not 0"),
        ({"known_hour": 0}, "known_hour", "1 to 1,000,000,000, not 0"),
        ({"country_share": 101}, "country_share", "0 to 100, not 101"),
        ({"address_countries": 33}, "address_countries", "1 to 32, not 33"),
        ({"call_seconds": 301}, "call_seconds", "0 to 300, not 301"),
        ({"challenge_cost": 10}, "challenge_cost", "1,000 to 1,000,000, not 10"),
        ({"captcha_url": "https://captcha.example/"}, "captcha_secret", "it is missing"),
        ({"captcha_secret": "of the captcha"}, "captcha_url", "it is missing"),
        ({"captcha_url": "captcha.example", "captcha_secret": "x"}, "captcha_url", "http"),
        ({"budgets": (CountryBudget(country="XX", hour=1, day=1),)}, "budgets[0].country", "ISO country"),
        ({"budgets": (CountryBudget(country="VN", hour=0, day=1),)}, "budgets[0].hour", "1 to"),
        ({"limits": (GuardLimit(per="phone", seconds=0, limit=1),)}, "limits[0].seconds", "1 to 2,678,400"),
        ({"limits": (GuardLimit(per="phone", seconds=1, limit=0),)}, "limits[0].limit", "1 to"),
        (
            {"limits": (GuardLimit(per="phone", seconds=1, limit=1, prefix="84"),)},
            "limits[0].prefix",
            "prefix",
        ),
        (
            {"limits": (GuardLimit(per="phone", seconds=1, limit=1, offset_minutes=900),)},
            "limits[0].offset_minutes",
            "-840 to 840, not 900",
        ),
        (
            {"limits": (GuardLimit(per="phone", seconds=1, limit=1),) * 2},
            "limits",
            "2 of the bucket per phone",
        ),
    ],
)
def test_a_guard_that_cannot_work_is_refused_with_its_place(
    fields: dict[str, Any], place: str, complaint: str
) -> None:
    """Before it is saved."""
    (problem,) = problems_of(doc.Guard(**{"name": "*"} | fields))
    assert problem.place == place
    assert complaint in f"{problem.sentence} {problem.choices}"


def test_a_guard_is_of_something_that_there_is() -> None:
    """An account or an application; and these cannot go while it is there."""
    account, application = doc.Account(name="shop"), doc.Application(account="shop", name="app")
    guards = [doc.Guard(name=name) for name in ("*", "shop", "shop/app")]
    documents = {(one.kind, one.identity): one for one in (doc.Tariff(name="default"), account, application)}
    changed = {(one.kind, one.identity): one for one in guards}
    assert list(problems(After(documents, changed))) == []
    unknown = doc.Guard(name="shop/other")
    assert [str(one.place) for one in problems(After(documents, {("guard", "shop/other"): unknown}))] == [
        "guards[shop/other].name"
    ]
    there = documents | changed
    assert len(list(problems(After(there, {("application", "shop/app"): None})))) == 1
