"""Which outcomes the guard should hear of."""

from onema.domain.delivery.endings import RULES
from onema.domain.delivery.outcome import Ending, Outcome
from onema.domain.guard.note_signal import SHORT_CALL_SECONDS, NoteSignal
from onema.domain.records import Channel, Message

_TALKED = (Ending.ANSWERED, Ending.HUNG_UP)


def signal_of(outcome: Outcome, message: Message, now: int) -> NoteSignal | None:
    """What follows from the end of an attempt; None for what says nothing."""
    if outcome.ending is None:
        return None
    suspected = RULES[outcome.ending].is_suspicion
    short = (
        message.channel == Channel.CALL and outcome.ending in _TALKED and outcome.seconds < SHORT_CALL_SECONDS
    )
    if not (suspected or short):
        return None
    return NoteSignal(account=message.account, now=now, phone=message.phone, suspected=suspected)
