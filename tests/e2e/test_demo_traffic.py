"""`./dev run --traffic`, as somebody looks at its pages."""

import re
from collections.abc import Iterator

import pytest

from onema.console.operate.frame import Section
from onema.console.operate.sections import SECTIONS
from onema.testing.running_server import RunningServer

ACCOUNT = "harbour-bank"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    data = tmp_path_factory.mktemp("traffic") / "data"
    with RunningServer(data, "demo", "--traffic", "--seed", "7") as server:
        yield server


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.path or "overview")
def test_every_page_has_something_to_show(section: Section, server: RunningServer) -> None:
    """Of one customer, or of all: no part of it is empty."""
    account = {} if section.path == "now" else {"account": ACCOUNT}
    status, page = server.get(section.address, **account)
    assert status == 200
    assert re.findall(r'class="nothing">([^<]*)', page.decode()) == []


def test_the_day_is_counted(server: RunningServer) -> None:
    """As the command line tells it: each carrier's share, and what a verified number cost."""
    found = server.onema("statistics", ACCOUNT, "--by", "carrier")
    told = {line["value"]: line for line in found["lines"]}
    assert {"north", "trunk-hanoi"} <= told.keys()
    (total,) = found["totals"]
    assert sum(line["messages"] for line in told.values()) <= total["messages"]
    assert 0 < total["verified"] < total["codes"] <= total["messages"]
    assert float(total["per_verified"]) > 0


def test_carriers_are_judged_by_first_attempts(server: RunningServer) -> None:
    """How many codes came back, how many receipts, and how soon; and what other ways would have brought."""
    lines = server.onema("carrier", "quality")
    told = {(line["channel"], line["carrier"]): line for line in lines}
    north = told["sms", "north"]
    assert 0 < north["tried_verified"] < north["tried_codes"] <= north["tried"]
    assert north["arrived"] <= north["told"] <= north["tried"]
    assert north["half_within"]
    replayed = server.onema("simulate", "routing")
    assert 0 < replayed["drawn_by_weight"] <= replayed["first_attempts"]
    policies = {line["policy"]: line for line in replayed["policies"] if line["channel"] == "sms"}
    assert {"by weight, as it was", "always north", "by result"} <= policies.keys()
    assert 0 < policies["by weight, as it was"]["messages"] < replayed["drawn_by_weight"]


def test_the_seed_is_told(server: RunningServer) -> None:
    """So that the same day can be had again."""
    assert "--seed 7" in server.log.read_text()


def test_a_message_has_its_story(server: RunningServer) -> None:
    """As the command line tells it, too."""
    (message, *_) = server.onema("message", "list", ACCOUNT)
    story = server.text("message", "show", str(message["id"]))
    assert "accepted" in story
