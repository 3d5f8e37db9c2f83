"""A code that is the same each time, for whoever tries an application out: nothing is sent, nothing costs, and all else
is as with any other.

It is not the code of the phone as others see it. Its MAC is bound to the sandbox, so that a check which does not come
from there finds another code, whoever typed this one: else a stranger who knows it could pass for the phone.
"""

from collections.abc import Iterable

import msgspec

from onema.domain.codes.call_with_code import CallWithCode
from onema.domain.codes.send_code import SendCode
from onema.domain.configuration.directory import AccountView, ApplicationView
from onema.domain.decision import Context, Decision, World
from onema.domain.delivery.message_progress import callback_job
from onema.domain.records import Job, Key, LedgerEntry, Message, MessageState, Row, Wallet
from onema.domain.state_machines import MESSAGE, NEW
from onema.domain.values.money import NOTHING, Minor
from onema.domain.values.phone import Phone

SANDBOX = "sandbox"
"""The reason for which such a message counts as delivered."""
BOUND = "\0sandbox"
"""What its code is bound to, beside what else it confirms."""
_ENOUGH = Minor(2**62)
"""Nobody pays in the sandbox, so everybody can."""


def sandbox_code(account: AccountView, application: ApplicationView | None, phone: Phone) -> str:
    """The fixed code of a phone that the account tries its sandbox applications out with; "" for any other phone, and
    for whatever is not asked by such an application.
    """
    if application is None or application.document.environment != "sandbox":
        return ""
    return account.document.sandbox_numbers.get(phone, "")


class SendInSandbox(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Decide `send` as if the wallet were full, and let its message have arrived. `callback` names the job that tells.

    Result: Accepted. Raises Refused as `send` does, but for money.
    """

    send: SendCode | CallWithCode
    callback: int

    @property
    def now(self) -> int:
        return self.send.now

    def keys(self, context: Context) -> Iterable[Key]:
        return self.send.keys(context)

    def decide(self, world: World, context: Context) -> Decision:
        rich = world.trial()
        rich.apply(Decision(None, puts=(Wallet(self.send.account, _ENOUGH),)))
        decided = self.send.decide(rich, context)
        inserts = tuple[Row, ...]()
        for row in decided.inserts:
            if isinstance(row, Message) and row.state == MessageState.ACCEPTED:
                arrived = self._arrived(row)
                inserts += (arrived, *callback_job(context, arrived, self.callback, self.send.now))
            elif not isinstance(row, Job | LedgerEntry):
                inserts += (row,)
        puts = tuple(row for row in decided.puts if not isinstance(row, Wallet))
        return Decision(decided.result, puts, inserts)

    def _arrived(self, message: Message) -> Message:
        return msgspec.structs.replace(
            message,
            state=MESSAGE.move(NEW, MessageState.DELIVERED, self),
            reason=SANDBOX,
            unit_price=NOTHING,
            price=NOTHING,
            held=NOTHING,
            ended_at=self.send.now,
        )
