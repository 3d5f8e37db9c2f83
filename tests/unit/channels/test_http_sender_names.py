"""Names that we give ourselves: what a receipt finds though the answer was lost."""

import pytest

from onema.channels.contract import Outgoing
from onema.channels.http_sender.contract import Vendor, own_name
from onema.channels.http_sender.sender import HttpSender
from onema.domain.configuration import documents as doc
from onema.domain.delivery.outcome import OutcomeKind
from onema.domain.delivery.payload import SmsPayload
from onema.domain.ids import LARGEST_ID, AccountId, MessageId
from onema.domain.values.phone import Phone
from onema.http.client.contract import HttpAnswer, HttpRequest, MayHaveLeft
from onema.testing.http_vendor import Api, Settings

OUTGOING = Outgoing(AccountId(7), MessageId(4711), 2, SmsPayload(Phone("+84901888484"), "Acme", "1234", 0))


class NamingApi(Api):
    """A vendor that takes our name for a message, and reports by it."""

    def name_of(self, outgoing: Outgoing) -> str:
        return own_name(outgoing)


class OneAnswer:
    """A client for one exchange, which ends as it was told."""

    def __init__(self, answer: HttpAnswer | MayHaveLeft) -> None:
        self._answer = answer

    async def exchange(self, request: HttpRequest, seconds: float | None = None) -> HttpAnswer:
        if isinstance(self._answer, MayHaveLeft):
            raise self._answer
        return self._answer

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    "answer", [MayHaveLeft("no answer in 10 s"), HttpAnswer(200, body=b"<html>"), HttpAnswer(502)]
)
async def test_an_attempt_without_a_clear_answer_has_the_name_that_we_gave_it(
    answer: HttpAnswer | MayHaveLeft,
) -> None:
    """Its receipt comes with it."""
    document = doc.Carrier(name="upstream", type="test", settings={"url": "http://upstream/send"})
    vendor = Vendor(Settings, NamingApi)
    sender = HttpSender(document, vendor, lambda settings: OneAnswer(answer), lambda: 0, lambda: 0.0)
    await sender.start(lambda: None)
    outcome = await sender.send(OUTGOING)
    assert (outcome.kind, outcome.references) == (OutcomeKind.UNKNOWN, (own_name(OUTGOING),))


def test_our_name_fits_where_vendors_take_one() -> None:
    """The shortest of their fields has 40 characters."""
    longest = own_name(Outgoing(AccountId(1), MessageId(LARGEST_ID), 2**31, OUTGOING.payload))
    assert len(longest) <= 30
    assert longest.replace("-", "").isalnum()
