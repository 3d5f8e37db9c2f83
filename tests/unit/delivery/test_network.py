"""What carriers tell of the network stays with the attempt."""

from onema.administration.requests import FoundStory
from onema.administration.story import as_json, moments
from onema.channels.contract import Receipt
from onema.domain.delivery.outcome import (
    LONGEST_NETWORK_WORD,
    MOST_NETWORK_FACTS,
    Outcome,
    OutcomeKind,
    keep_network,
    network_told,
    storable,
)
from onema.domain.records import MessageState
from onema.testing.recording_carrier import RecordingCarrier

from .conftest import DeliveryRig


def word(kind: OutcomeKind, reference: str, **network: str) -> Receipt:
    return Receipt("first", reference, Outcome(kind=kind, network=network))


async def test_what_receipts_tell_of_the_network_is_shown(rig: DeliveryRig) -> None:
    """With the answer to the submit, on the way, of one part, and at the end; the last word of each is right."""
    submitted = Outcome(
        kind=OutcomeKind.SUBMITTED, references=("a", "b"), network={"operator": "Viettel", "route": "1"}
    )
    carrier = RecordingCarrier("first", submitted)
    await rig.configure(carrier)
    await rig.start(carrier)
    identifier = await rig.send()
    await rig.reaches(identifier, MessageState.SENT)
    await rig.hear(word(OutcomeKind.SUBMITTED, "a", mccmnc="45204"))
    await rig.hear(word(OutcomeKind.DELIVERED, "a", route="2"))
    await rig.hear(word(OutcomeKind.UNDELIVERED, "b", network_error_code="3:12"))
    await rig.reaches(identifier, MessageState.UNDELIVERED)
    story = await rig.story(identifier)
    network = {"operator": "Viettel", "route": "2", "mccmnc": "45204", "network_error_code": "3:12"}
    assert network_told(story.attempts[0].network) == network
    (ended,) = [moment.detail for moment in moments(story) if moment.what == "undelivered"]
    assert ended.endswith(": operator=Viettel route=2 mccmnc=45204 network_error_code=3:12")
    shown = as_json(FoundStory(account="acme", currency="VND", story=story, now=0))
    assert shown["attempts"][0]["network"] == network


async def test_a_receipt_before_the_outcome_tells_too(rig: DeliveryRig) -> None:
    """It is kept until the outcome brings its name."""
    carrier = RecordingCarrier("first", Outcome(kind=OutcomeKind.SUBMITTED, references=("a",)))
    carrier.gate.clear()
    await rig.configure(carrier)
    await rig.start(carrier)
    identifier = await rig.send()
    await carrier.was_handed(1)
    await rig.hear(word(OutcomeKind.DELIVERED, "a", operator="Viettel"))
    carrier.gate.set()
    await rig.reaches(identifier, MessageState.DELIVERED)
    assert (await rig.story(identifier)).attempts[0].network == '{"operator":"Viettel"}'


def test_what_is_kept_of_the_network_is_bounded() -> None:
    """Whatever a channel says, and however often."""
    told = {f"name {number}": "\0" * 1_000 for number in range(100)}
    kept = storable(Outcome(kind=OutcomeKind.DELIVERED, network=told)).network
    assert len(kept) == MOST_NETWORK_FACTS
    assert {len(word) for word in kept.values()} == {LONGEST_NETWORK_WORD}
    assert all(word.isprintable() for word in kept.values())
    row = ""
    for number in range(100):
        row = keep_network(row, {f"n{number}": "1"})
    assert len(network_told(row)) == MOST_NETWORK_FACTS
    assert keep_network("", {}) == ""
