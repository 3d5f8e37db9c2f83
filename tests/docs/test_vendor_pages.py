"""The tables of docs/carriers about vendors' codes say what the code does with them."""

import re
from collections.abc import Mapping

import pytest

from onema.channels.http_sender import esms, infobip, twilio, vonage
from onema.channels.http_sender.meanings import Meaning
from onema.channels.http_verifier import camara
from onema.channels.http_verifier import twilio as twilio_verify
from onema.channels.http_verifier import vonage as vonage_verify
from onema.domain.codes.forwarded_check import Verdict

from .carrier_pages import FOLDER, pages

TABLES: Mapping[tuple[str, str], Mapping[str, Meaning]] = {
    ("esms", "CodeResult"): esms.RESULTS,
    ("esms", "SendStatus"): esms.SEND_STATUSES,
    ("infobip", "status id"): infobip.STATUSES,
    ("infobip", "group id"): infobip.GROUPS,
    ("infobip", "error id"): infobip.ERRORS,
    ("twilio", "code"): twilio.REFUSALS,
    ("twilio", "MessageStatus"): twilio.STATUSES,
    ("twilio", "ErrorCode"): twilio.ERRORS,
    ("vonage", "status"): {**vonage.STATUSES, **vonage.RECEIPTS},
    ("vonage", "err-code"): vonage.ERRORS,
    ("camara", "code"): camara.REFUSALS,
    ("twilio_verify", "code"): twilio_verify.REFUSALS,
    ("vonage_verify", "status"): vonage_verify.REFUSALS,
}
"""By page and first column."""
VERDICTS: Mapping[tuple[str, str], Mapping[str, Verdict]] = {
    ("camara", "error"): camara.CHECKS,
    ("twilio_verify", "status or code"): twilio_verify.CHECKS,
    ("vonage_verify", "status of a check"): vonage_verify.CHECKS,
}


@pytest.mark.parametrize(("page", "column"), TABLES)
def test_a_table_of_codes_is_that_of_the_code(page: str, column: str) -> None:
    """Each code once, with what becomes of the message."""
    assert shown(page, column) == {code: meaning.shown for code, meaning in TABLES[page, column].items()}


@pytest.mark.parametrize(("page", "column"), VERDICTS)
def test_a_table_of_verdicts_is_that_of_the_code(page: str, column: str) -> None:
    """Each answer once, with what the try was."""
    assert shown(page, column) == {said: verdict.value for said, verdict in VERDICTS[page, column].items()}


def shown(page: str, column: str) -> dict[str, str]:
    text = (FOLDER / f"{page}.md").read_text()
    tables = re.findall(rf"^\| {column} \|.*\n\|[-|]+\|\n((?:\|.*\n?)+)", text, re.MULTILINE)
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in "".join(tables).splitlines()]
    assert len(rows) == len({code for code, *_ in rows})
    return {code.strip("`"): outcome for code, _, outcome in rows}


def test_every_vendor_has_a_page_with_its_settings() -> None:
    """Whose table `./dev docs` makes."""
    assert {page for page, _ in TABLES} <= set(pages())
