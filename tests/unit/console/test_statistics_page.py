"""The page of statistics: figures, a chart, a table and a file; of the own account alone for customers."""

import csv
import io
import re

import pytest

from onema.domain.statistics import DAY_MS
from onema.engine.counting import Counting

from .office import OURS, THEIRS, Office


async def count(office: Office) -> None:
    counting = Counting(
        office.core.gateway,
        office.core.storage,
        receipt_lifetime_ms=DAY_MS,
        keep_messages_ms=90 * DAY_MS,
        keep_statistics_ms=800 * DAY_MS,
    )
    await counting.count()


@pytest.fixture
async def counted(office: Office) -> Office:
    """Two codes of acme, one of rival, none of which has left."""
    office.core.clock.advance(60)
    await office.send("acme", OURS)
    await office.send("acme", OURS)
    await office.send("rival", THEIRS)
    await count(office)
    return office


def cells(page: str) -> list[list[str]]:
    """The rows of the table, as text."""
    rows = re.findall(r"<tr>(<td.*?)</tr>", page, re.DOTALL)
    return [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row)]
        for row in rows
    ]


async def test_the_page_shows_figures_and_a_table(counted: Office) -> None:
    """Without a script too; the newest hour is there, and how the command line says it."""
    await counted.desk.log_in()
    page = await counted.page("/console/statistics?account=acme&by=prefix")
    assert cells(page) == [["+84901", "2", "0 0.0 %", "2", "0 0.0 %", "0", "–"]]
    assert "<code>onema statistics acme --by prefix --days 1</code>" in page
    assert cells(await counted.page("/console/statistics?by=prefix&account=nobody"))[1][0] == "+84912"
    assert len(cells(await counted.page("/console/statistics?by=hour"))) == 1


async def test_the_chart_has_every_hour_or_day(counted: Office) -> None:
    """Also those in which nothing was sent: otherwise a gap would look like traffic."""
    await counted.desk.log_in()
    for days, points in ((1, (24, 25)), (7, (7, 7)), (365, (365, 365))):
        page = await counted.page(f"/console/statistics?days={days}")
        (messages,) = re.findall(r'data-messages="([^"]*)"', page)
        numbers = list(map(int, messages.split(",")))
        assert points[0] <= len(numbers) <= points[1]
        assert (sum(numbers), numbers[-1]) == (3, 3)


async def test_a_customer_sees_the_own_figures_alone(counted: Office) -> None:
    """Whatever account the address names, in the page and in the file."""
    await counted.desk.log_in("hoa")
    for query in ("", "&account=rival"):
        assert [row[:2] for row in cells(await counted.page(f"/console/statistics?by=prefix{query}"))] == [
            ["+84901", "2"]
        ]
        answer = await counted.desk.get(f"/console/statistics/table.csv?by=prefix{query}")
        assert "+84912" not in answer.text


async def test_the_table_is_a_file(counted: Office) -> None:
    """For a spreadsheet, which must not compute what begins with a plus."""
    await counted.desk.log_in()
    answer = await counted.desk.get("/console/statistics/table.csv?by=prefix")
    assert answer.headers["content-disposition"] == 'attachment; filename="statistics.csv"'
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(line["value"], line["messages"], line["currency"]) for line in lines] == [
        ("'+84901", "2", "VND"),
        ("'+84912", "1", "VND"),
    ]


async def test_a_page_of_nothing_says_so(office: Office) -> None:
    """As on the first day."""
    await office.desk.log_in()
    assert "Nothing was sent in this time." in await office.page("/console/statistics")
