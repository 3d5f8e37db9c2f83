"""The console's page about money: docs/operations/console.md."""

import csv
import io
import re

from onema.domain.records import LedgerEntry
from onema.domain.values.money import Minor

from .office import OURS, Office


async def _book(office: Office, account: str, count: int) -> None:
    """So many top-ups, each of its number."""
    for number in range(1, count + 1):
        await office.core.top_up(account, str(number), f"invoice {number}")


def _notes(page: str) -> list[str]:
    return re.findall(r"<td>(invoice \d+)</td>", page)


async def test_the_ledger_is_shown_page_by_page(office: Office) -> None:
    """Newest first; every entry stands on exactly one page."""
    await _book(office, "acme", 120)
    await office.desk.log_in()
    address, seen, pages = "/console/money?account=acme", list[str](), 0
    while address:
        page = await office.page(address)
        seen, pages = seen + _notes(page), pages + 1
        older = re.findall(r'rel="next" href="([^"]+)"', page)
        address = older[0].replace("&amp;", "&") if older else ""
    assert seen == [f"invoice {number}" for number in range(120, 0, -1)]
    assert pages == 3
    assert len(_notes(await office.page("/console/money?account=acme&before=nonsense.x"))) == 50


async def test_a_customer_sees_the_own_prices(office: Office) -> None:
    """As the account's tariff has them, in its currency."""
    await office.desk.log_in("hoa")
    page = await office.page("/console/money")
    assert "+84…" in page
    assert "850 VND" in page
    assert "each segment" in page


async def test_the_whole_ledger_is_a_file(office: Office) -> None:
    """One line per entry, however many; what a spreadsheet would compute is text."""
    await office.send("acme", OURS)
    await _adjust(office, "acme", 2_500)
    await office.core.top_up("acme", "5", "=1+1")
    await office.core.top_up("rival", "9", "theirs")
    await office.desk.log_in("hoa")
    answer = await office.desk.get("/console/money/ledger.csv?account=rival")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="ledger-acme.csv"'
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert [line["note"] for line in lines if line["kind"] == "top_up"] == ["'=1+1"]
    assert [line["amount"] for line in lines if line["kind"] == "hold"] == ["-850"]
    assert [line["subject"] for line in lines if line["kind"] == "adjust"] == [
        str(n) for n in range(2_500, 0, -1)
    ]
    assert {line["currency"] for line in lines} == {"VND"}


async def test_a_money_page_stays_small(office: Office) -> None:
    """Under 100 kB however much was booked."""
    await _adjust(office, "acme", 500)
    await office.desk.log_in()
    assert len(await office.page("/console/money?account=acme")) < 100_000


async def _adjust(office: Office, account: str, count: int) -> None:
    number = office.core.account(account).id
    entries = [LedgerEntry(number, n, "adjust", Minor(-n), n, "x" * 200) for n in range(1, count + 1)]
    await office.core.storage.begin([])
    await office.core.storage.commit(1, {}, entries)
