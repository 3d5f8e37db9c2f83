"""What India's DLT says of a text that it refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.channels.sms_smpp.dlt_errors import dlt_words
from onema.channels.sms_smpp.reports import ReceiptError, receipt_error_problems
from onema.domain.delivery.outcome import Ending
from tests.smpp import Heard, before_an_smsc, sms


# https://smsgatewayhub.freshdesk.com/support/solutions/articles/3000129776-dlt-sms-error-codes-latest-india-2025
@pytest.mark.parametrize(
    ("err", "words"),
    [
        ("600", "no such entity"),
        ("0614", "the chain of telemarketers is missing"),
        ("633", "the text does not fit the template"),
        ("629", "something about the sender"),
        ("699", "something else"),
    ],
)
def test_a_code_has_words(err: str, words: str) -> None:
    """Those that are reserved have the words of their group."""
    assert dlt_words(err) == f"refused by India's DLT: {words}"


@given(st.text().filter(lambda err: not err.isdigit()) | st.sampled_from(["", "599", "700", "6000", "٦٠٠"]))
def test_what_is_no_code_has_none(err: str) -> None:
    """Errors are texts, and another network's are other ones."""
    assert dlt_words(err) == ""


@pytest.mark.parametrize(
    ("err", "settings", "reason", "ending"),
    [
        (
            "633",
            {"tlv_presets": ["india-dlt"]},
            "refused by India's DLT: the text does not fit the template",
            None,
        ),
        (
            "632",
            {"tlv_presets": ["india-dlt"]},
            "refused by India's DLT: the template is blacklisted",
            Ending.BLOCKED,
        ),
        ("632", {}, "undeliverable", None),
        ("633", {}, "undeliverable", None),
        ("77", {"receipt_errors": [{"err": "77", "words": "not filed"}]}, "not filed", None),
        ("77", {"receipt_errors": [{"err": "77", "ending": "busy"}]}, "", Ending.BUSY),
    ],
)
async def test_the_error_of_a_receipt_is_told_in_words(
    err: str, settings: dict[str, Any], reason: str, ending: Ending | None
) -> None:
    """A carrier's own rules come first; the number is kept beside. India's are known where its TLVs are sent, and what
    it takes for abuse is blocked.
    """
    heard = Heard()
    script = {"receipt": "UNDELIV", "receipt_error": err}
    async with before_an_smsc(heard, script, **settings) as (carrier, smsc):
        await smsc.until(lambda: smsc.binds)
        await carrier.send(sms())
        await smsc.until(lambda: smsc.acknowledged)
    (receipt,) = heard.receipts
    assert (receipt.outcome.reason, receipt.outcome.ending) == (reason, ending)
    assert f"err {err}" in receipt.outcome.detail


def test_a_rule_about_an_error_says_something() -> None:
    """An ending, or words."""
    (problem,) = receipt_error_problems((ReceiptError(err="1"),))
    assert problem.place == "receipt_errors[0]"
    assert (
        list(receipt_error_problems((ReceiptError(err="1", words="x"), ReceiptError(err="2", ending="busy"))))
        == []
    )
