"""Calling the same phone again, where its application says so: after which endings, how often, after how long.

It is the one exception from the rule that a phone which rang is never called again by itself. A person who declined has
said no, and nobody answers a number that is not in service: no rule calls those again.
"""

from collections.abc import Iterable, Mapping

import msgspec

from onema.domain.configuration.documents import Application
from onema.domain.decision import Context
from onema.domain.delivery.endings import RULES
from onema.domain.delivery.message_progress import cost_of_attempt
from onema.domain.delivery.outcome import Ending, Outcome, OutcomeKind
from onema.domain.records import Call, Channel, Message
from onema.domain.values.money import Minor

ENDINGS: Mapping[str, frozenset[Ending]] = {
    "busy": frozenset({Ending.BUSY}),
    "no_answer": frozenset({Ending.NO_ANSWER}),
    "failed": frozenset({Ending.SWITCHED_OFF, Ending.UNREACHABLE, Ending.CUT_OFF}),
    "voicemail": frozenset({Ending.VOICEMAIL}),
}
"""What the words of a rule stand for. What did not reach the phone at all has tries of its own, without any rule."""
_COST = frozenset({"failed", "voicemail"})
"""After these a call may have been talked, and so cost something."""


def calls_held_for(application: Application) -> int:
    """For how many calls the money is held when one is asked for: all that may be talked."""
    talked = _COST.intersection(application.recall_after)
    return 1 + application.recall_times if talked else 1


def longer_worth_ms(application: Application) -> int:
    """How much longer than one call it is worth calling."""
    return application.recall_times * application.recall_delay * 1000 if application.recall_after else 0


def recall_at(context: Context, message: Message, outcome: Outcome, before: Iterable[Call], now: int) -> int:
    """When the phone is called again after `outcome`; 0: never. `before` are the message's earlier calls."""
    account = context.directory.accounts.get(message.account)
    application = account.applications.get(message.application) if account else None
    if application is None or message.channel != Channel.CALL or outcome.kind is not OutcomeKind.UNDELIVERED:
        return 0
    rule = application.document
    if not any(outcome.ending in ENDINGS[word] for word in rule.recall_after):
        return 0
    if sum(map(_reached_the_phone, before)) >= rule.recall_times:
        return 0
    at = now + rule.recall_delay * 1000
    return 0 if message.code_expires_at and at >= message.code_expires_at else at


def _reached_the_phone(call: Call) -> bool:
    """Then the next one followed by rule: what was only tried elsewhere counts for nothing."""
    return bool(call.ending) and RULES[Ending(call.ending)].kind is OutcomeKind.UNDELIVERED


def to_be_called_again(context: Context, message: Message, outcome: Outcome) -> Message | None:
    """The message between two of its calls: what the one that ended has cost is taken out of the hold. None when
    nothing is left to call again with.
    """
    account = context.directory.accounts[message.account]
    price = cost_of_attempt(message, outcome.seconds) if account.capture_on_submitted else Minor(0)
    if price and price >= message.held:
        return None
    return msgspec.structs.replace(
        message,
        held=Minor(message.held - price),
        charged=Minor(message.charged + price),
        talked_ms=0,
        reason=outcome.word,
        ending=outcome.ending or "",
    )
