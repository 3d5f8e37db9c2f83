"""Money comes into a wallet."""

from collections.abc import Iterable

import msgspec

from onema.domain.configuration.directory import AccountView
from onema.domain.configuration.named_account import account_by_name
from onema.domain.decision import Context, Decision, World
from onema.domain.money import wallet
from onema.domain.money.low_balance import LowBalance, ended
from onema.domain.records import Key, TopUp, Wallet
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.money import Minor

LONGEST_REFERENCE = 200


def reference_fault(reference: str) -> str:
    """Why a top-up cannot be remembered by this text, or ""."""
    if not reference or len(reference) > LONGEST_REFERENCE or not reference.isprintable():
        return f"a reference is 1 to {LONGEST_REFERENCE} printable characters"
    return ""


class TopUpWallet(msgspec.Struct, frozen=True, kw_only=True, tag="top_up"):
    """Book `amount` (negative takes money out), once per `reference`.

    Result: whether it was new. Raises Refused(CONFLICT) when the reference was booked with another amount, or is none.
    """

    id: int
    now: int
    account: str
    reference: str
    amount: Minor

    def keys(self, context: Context) -> Iterable[Key]:
        number = self._account(context).id
        return ((Wallet, number), (TopUp, number, self.reference), (LowBalance, number))

    def decide(self, world: World, context: Context) -> Decision:
        account = self._account(context)
        number = account.id
        if fault := reference_fault(self.reference):
            raise Refused(Refusal.CONFLICT, fault)
        booked = world.get(TopUp, number, self.reference)
        if booked is not None:
            if booked.amount != self.amount:
                raise Refused(Refusal.CONFLICT, f"top-up {self.reference!r} was booked with another amount")
            return Decision(False)
        balance, entry = wallet.top_up(world, number, self.id, self.amount, self.now, self.reference)
        remembered = TopUp(number, self.reference, self.id, self.amount)
        high_again = ended(world, account, balance.balance)
        return Decision(True, puts=(balance, remembered), inserts=(entry,), deletes=high_again)

    def _account(self, context: Context) -> AccountView:
        return account_by_name(context.directory, self.account)
