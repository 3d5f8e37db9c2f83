"""Facts that were registered elsewhere, in documents."""

import pytest

from onema.cli.configuration_file import parse_file
from onema.domain.configuration import documents as doc
from onema.domain.configuration.document_fields import read_fields
from onema.domain.configuration.document_rules import problems_of
from onema.domain.configuration.registered import LONGEST_FACT, MOST_FACTS, facts_of
from onema.testing.pure_store import context_of

ENTITY = "1101456780000012345"


def problems(registered: dict[str, str]) -> list[str]:
    return [problem.place for problem in problems_of(doc.Account(name="acme", registered=registered))]


def test_the_document_closest_to_the_message_says_what_a_fact_is() -> None:
    """Template before brandname before application before account."""
    account = context_of(
        doc.Account(
            name="acme", number=1, registered={"a": "account", "b": "account", "c": "account", "d": "account"}
        ),
        doc.Application(account="acme", name="app", registered={"b": "application", "c": "application"}),
        doc.Brandname(account="acme", name="ACME", registered={"c": "brandname", "d": "brandname"}),
    ).directory.accounts[1]
    template = doc.Template(account="acme", brandname="ACME", text="{OTP}", registered={"d": "template"})
    brandname = account.brandnames["ACME"]
    assert account.facts("app", brandname, template) == {
        "a": "account",
        "b": "application",
        "c": "brandname",
        "d": "template",
    }
    assert account.facts("", brandname) == {
        "a": "account",
        "b": "account",
        "c": "brandname",
        "d": "brandname",
    }


def test_what_nobody_registered_costs_nothing() -> None:
    """One mapping is there for all messages without facts, and a single document's is taken as it is."""
    assert facts_of({}, {}) is facts_of()
    alone = {"entity_id": ENTITY}
    assert facts_of({}, alone, {}) is alone


@pytest.mark.parametrize(
    "good",
    [
        {"entity_id": ENTITY},
        {"dlt_id": "1" * 20},
        {"tm_chain": "1102,1302"},
        {"x": "甲 b"},
        {"x": "y" * LONGEST_FACT},
    ],
)
def test_facts_that_are_taken(good: dict[str, str]) -> None:
    """Known ones by their form, others by any printable text."""
    assert problems(good) == []


@pytest.mark.parametrize(
    ("bad", "place"),
    [
        ({"entity_id": "11O1"}, "registered.entity_id"),
        ({"entity_id": "1" * 21}, "registered.entity_id"),
        ({"dlt_id": "١٢٣"}, "registered.dlt_id"),
        ({"tm_chain": "1102,"}, "registered.tm_chain"),
        ({"x": ""}, "registered.x"),
        ({"x": " y"}, "registered.x"),
        ({"x": "a\nb"}, "registered.x"),
        ({"x": "y" * (LONGEST_FACT + 1)}, "registered.x"),
        ({"Entity": "1"}, "registered"),
        ({"": "1"}, "registered"),
        ({"a" * 33: "1"}, "registered"),
        ({f"f{number}": "1" for number in range(MOST_FACTS + 1)}, "registered"),
    ],
)
def test_facts_that_are_refused(bad: dict[str, str], place: str) -> None:
    """At the place of what is wrong."""
    assert problems(bad) == [place]


def test_a_fact_that_is_no_text_is_a_problem_with_its_place() -> None:
    """Not a document, and not nothing either."""
    document, wrong = read_fields(doc.Account, {"name": "acme", "registered": {"entity_id": 5}})
    assert document is None
    assert [problem.place for problem in wrong] == ["registered.entity_id"]


def test_a_file_says_what_is_registered(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Digits may stand without quotes; what is a table is a problem."""
    folder = tmp_path_factory.getbasetemp()
    content = parse_file(f'[[accounts]]\nname = "acme"\nregistered = {{ entity_id = {ENTITY} }}', folder)
    (account,) = content.documents.values()
    assert isinstance(account, doc.Account)
    assert account.registered == {"entity_id": ENTITY}
    content = parse_file('[[accounts]]\nname = "acme"\nregistered = { entity_id = { a = 1 } }', folder)
    assert [problem.place for problem in content.problems] == ["accounts[acme].registered.entity_id"]
