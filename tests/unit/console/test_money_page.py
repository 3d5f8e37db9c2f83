"""The console's page about money: docs/operations/console.md."""

import csv
import io
import re

import pytest

from onema.domain.records import LedgerEntry
from onema.domain.values.money import Minor

from .office import OURS, Office


async def _book(office: Office, account: str, count: int) -> None:
    """So many top-ups, each of its number."""
    for number in range(1, count + 1):
        await office.core.top_up(account, str(number), f"invoice {number}")


def _notes(page: str) -> list[str]:
    return re.findall(r"<td[^>]*>(invoice \d+)</td>", page)


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


PAGE = "/console/money?account=acme"


async def test_money_is_booked_once(office: Office) -> None:
    """By an operator; the same form, or the same reference, books nothing again."""
    await office.desk.log_in("tam")
    (once,) = re.findall(r'name="once" value="(\w+)"', await office.page(PAGE))
    await office.submit(PAGE, "top-up", amount="1500.5", reference="", once=once)
    again = await office.submit(PAGE, "top-up", 422, amount="1500.5", reference="", once=once)
    assert "This was booked before; nothing changed." in again.text
    await office.submit(PAGE, "top-up", amount="-500", reference="invoice 7", once="other")
    await office.submit(PAGE, "top-up", 422, amount="-500", reference="invoice 7", once="third")
    assert await office.core.balance("acme") == 10_005_000
    assert "1000.5 <small>VND" in await office.page(PAGE)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("amount", "much", "Write an amount such as 1500"),
        ("amount", "0", "Write an amount such as 1500"),
        ("reference", "x" * 201, "Write 1 to 200 characters"),
    ],
)
async def test_what_cannot_be_booked_is_said_at_its_field(
    office: Office, field: str, value: str, said: str
) -> None:
    """And nothing is booked."""
    await office.desk.log_in("tam")
    answer = await office.submit(
        PAGE, "top-up", 422, **{"amount": "5", "reference": "", "once": "a", field: value}
    )
    assert f'id="top-up-{field}-error">{said}' in answer.text
    assert await office.core.balance("acme") == 0


@pytest.mark.parametrize("name", ["mai", "chi", "hoa", "bao"])
async def test_only_operators_book_money_and_set_terms(office: Office, name: str) -> None:
    """Customers see their money, and neither form."""
    await office.desk.log_in(name)
    page = await office.page(PAGE)
    assert 'value="top-up"' not in page
    assert 'value="terms"' not in page
    await office.submit(PAGE, "top-up", 404, amount="5", reference="", once="a")
    before = office.core.account("acme").document
    terms = {"wallet": "postpaid", "floor": "0", "credit_limit": "900", "wallet_expires_at": ""}
    answer = await office.desk.post(PAGE, {"do": "terms", **terms})
    assert answer.status in (404, 422)
    assert (office.core.account("acme").document, await office.core.balance("acme")) == (before, 0)


async def test_an_operator_sets_how_an_account_pays(office: Office) -> None:
    """Ahead or later, how deep, and until when."""
    await office.desk.log_in("tam")
    terms = {"wallet": "prepaid", "floor": "-100", "credit_limit": "", "wallet_expires_at": "2027-12-31"}
    await office.submit(PAGE, "terms", **terms)
    found = office.core.account("acme").document
    assert (found.wallet, found.floor, found.credit_limit, found.wallet_expires_at) == (
        "prepaid",
        "-100",
        None,
        "2027-12-31",
    )
    for field, value, said in (
        ("floor", "low", "Write an amount such as 1500"),
        ("credit_limit", "-3", "Write an amount such as 1500"),
        ("wallet_expires_at", "soon", "Write a time as"),
        ("wallet", "stolen", "There is no"),
    ):
        answer = await office.submit(PAGE, "terms", 422, **{**terms, field: value})
        assert f'id="terms-{field}-error">{said}' in answer.text
    assert office.core.account("acme").document == found


@pytest.mark.parametrize("name", ["tam", "hoa"])
async def test_little_money_is_seen_where_somebody_looks(office: Office, name: str) -> None:
    """The page of the money says since when, the page Now names the account; money that is booked ends it."""
    if name == "hoa":
        await office.desk.log_in(name)
        await office.submit(PAGE, "low-balance", 422, low_balance="1000")
    await office.desk.log_in("tam")
    await office.core.top_up("acme", "1500")
    await office.submit(PAGE, "low-balance", low_balance="1000")
    assert office.core.account("acme").document.low_balance == "1000"
    await office.desk.log_in(name)
    assert "there is less than" not in await office.page(PAGE)
    await office.send("acme", OURS)
    assert re.search("Since .* there is less than 1000 VND", await office.page(PAGE))
    assert '<a href="/console/money?account=acme">acme</a>' in await office.page("/console/now")
    await office.core.top_up("acme", "1500", "second")
    assert "there is less than" not in await office.page(PAGE)
    await office.desk.log_in("tam")
    await office.submit(PAGE, "low-balance", low_balance="")
    assert office.core.account("acme").document.low_balance is None
    wrong = await office.submit(PAGE, "low-balance", 422, low_balance="much")
    assert 'id="low-balance-low_balance-error">' in wrong.text
