import msgspec
import pytest

from onema.administration.requests import FoundStory
from onema.administration.story import as_json, moments, verification_state
from onema.domain.ids import AccountId, MessageId, compose_id
from onema.domain.records import Attempt, Event, LedgerEntry, Message
from onema.domain.state_machines import VerificationState
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone
from onema.storage.contract import Story
from onema.wiring.dialects import message_of

START = 1_800_000_000_000
EXPIRES = START + 60_000
MESSAGE = Message(
    account=AccountId(1),
    id=MessageId(compose_id(START, 0, 0)),
    dialect="esms",
    channel="sms",
    phone=Phone("+84901888484"),
    sender="Shop",
    application="",
    reference="",
    client_ip="192.0.2.1",
    verification=compose_id(START, 0, 0),
    code_expires_at=EXPIRES,
    segments=1,
    period=0,
    unit_price=Minor(8_500_000),
    price=Minor(8_500_000),
    held=Minor(0),
    charged=Minor(8_500_000),
    talked_ms=0,
    state="delivered",
    reason="",
    ended_at=START + 900,
)


def story(*events: tuple[int, str]) -> Story:
    """The message with these events, each (milliseconds after the request, kind)."""
    return Story(
        message=MESSAGE,
        attempts=[
            Attempt(
                AccountId(1),
                MessageId(MESSAGE.id),
                1,
                "handset",
                "",
                "delivered",
                "",
                "",
                START + 100,
                START + 900,
                why="route +84",
            ),
        ],
        calls=[],
        events=[
            Event(AccountId(1), MESSAGE.id, compose_id(START + after, 0, number), kind, "")
            for number, (after, kind) in enumerate(events)
        ],
        ledger=[
            LedgerEntry(AccountId(1), MESSAGE.id, "hold", Minor(-8_500_000), START, ""),
            LedgerEntry(AccountId(1), MESSAGE.id, "capture", Minor(0), START + 900, ""),
        ],
    )


@pytest.mark.parametrize(
    ("events", "now", "state"),
    [
        ((), EXPIRES - 1, VerificationState.PENDING),
        ((), EXPIRES, VerificationState.EXPIRED),
        (((5, "wrong code"),), EXPIRES - 1, VerificationState.PENDING),
        (((5, "wrong code"), (9, "verified")), EXPIRES + 1, VerificationState.VERIFIED),
        (((5, "attempts used up"), (9, "superseded")), EXPIRES + 1, VerificationState.USED_UP),
        (((5, "superseded"),), EXPIRES + 1, VerificationState.SUPERSEDED),
        (((60_001, "superseded"),), EXPIRES + 9_000, VerificationState.EXPIRED),
    ],
)
def test_what_became_of_a_code_follows_from_its_events_and_its_time(
    events: tuple[tuple[int, str], ...], now: int, state: VerificationState
) -> None:
    """What happened first counts."""
    assert verification_state(story(*events), now) is state


def test_a_message_without_a_code_of_ours_has_no_verification() -> None:
    """A plain send, or a code that the integrator supplied."""
    plain = msgspec.structs.replace(MESSAGE, verification=0, code_expires_at=0)
    assert verification_state(msgspec.structs.replace(story(), message=plain), START) is None


def test_the_story_is_told_in_order_of_time() -> None:
    """From the request over money, attempts and checks to the end."""
    told = [moment.what for moment in moments(story((700, "receipt: delivered"), (2_000, "verified")))]
    assert told == [
        "requested",
        "accepted",
        "hold",
        "started",
        "receipt: delivered",
        "capture",
        "delivered",
        "ended",
        "verified",
    ]


def test_the_story_tells_why_a_carrier_was_chosen() -> None:
    """In words and in JSON."""
    (started,) = [moment.detail for moment in moments(story()) if moment.what == "started"]
    assert started == "attempt 1 via handset (route +84)"
    told = as_json(FoundStory(account="acme", currency="VND", story=story(), now=START))
    assert told["attempts"][0]["why"] == "route +84"


def test_the_json_story_has_ids_and_amounts_as_text() -> None:
    """A 63-bit id and a 4-decimal amount survive readers that know only doubles."""
    told = as_json(FoundStory(account="acme", currency="VND", story=story((5, "wrong code")), now=START + 10))
    assert told["id"] == str(MESSAGE.id)
    assert told["money"][0]["amount"] == "-850"
    assert told["verification"]["state"] == "pending"
    assert told["verification"]["wrong_checks"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "3559431677195321344",
        "00000000000000003165a44071800000",
        " 00000000000000003165A44071800000 ",
        "00000000-0000-0000-3165-a44071800000",
        "20261135594316771953213440200",
    ],
)
def test_a_message_is_found_by_its_number_and_by_what_the_integrator_was_told(text: str) -> None:
    """Integrators quote the SMSID, with dashes or without, or the requestId."""
    assert message_of(text) == 3559431677195321344


@pytest.mark.parametrize("text", ["", "0", "-5", "abc", "f" * 32, "1" * 40, "1234-5678"])
def test_what_cannot_be_an_id_is_refused(text: str) -> None:
    """Instead of looking up something else."""
    with pytest.raises(ValueError, match="not a message"):
        message_of(text)
