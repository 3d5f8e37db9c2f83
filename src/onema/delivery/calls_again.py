"""Before a phone is called once more: whether anybody waits for the code, and whether its hotline has a call left."""

from onema.domain.codes.use_hotline_again import UseHotlineAgain
from onema.domain.delivery.endings import RULES
from onema.domain.delivery.outcome import Ending, OutcomeKind
from onema.domain.delivery.payload import CallPayload
from onema.domain.records import Attempt, Job, LiveVerification, Message
from onema.engine.gateway import Gateway
from onema.storage.contract import Storage


async def why_not_again(gateway: Gateway, storage: Storage, job: Job, payload: CallPayload) -> str:
    """Why the call of a job that had an attempt is not placed once more; "" when it is. Where the phone was reached
    before, one more call is counted of its hotline: what only another trunk is tried for was counted at first.
    """
    live_key = (LiveVerification, job.account, payload.phone, payload.purpose)
    newest_key = (Attempt, job.account, job.message, job.attempt)
    message_key = (Message, job.account, job.message)
    rows = await storage.read([newest_key, message_key, live_key] if payload.purpose else [newest_key])
    live, newest, message = rows.get(live_key), rows.get(newest_key), rows.get(message_key)
    verification = message.verification if isinstance(message, Message) else 0
    # Of a given code nobody here knows.
    if payload.purpose and not (
        isinstance(live, LiveVerification) and live.verification == verification and live.attempts_left
    ):
        return "its code is not waited for any more"
    ending = newest.ending if isinstance(newest, Attempt) else ""
    reached = bool(ending) and RULES[Ending(ending)].kind is OutcomeKind.UNDELIVERED
    if reached and payload.caller:
        counted = await gateway.execute(UseHotlineAgain(number=payload.caller, now=gateway.now()))
        return "" if counted else "its hotline has no call left today"
    return ""
