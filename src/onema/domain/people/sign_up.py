"""Customers who come by themselves, where the installation lets them."""

from collections.abc import Iterable

import msgspec

from onema.domain.codes.limits import count
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.decision import Context, Decision, World
from onema.domain.people.invitations import NO_ACCOUNT
from onema.domain.records import Key, Window
from onema.domain.refusals import Refusal, Refused

SANDBOX = "sandbox"
"""The name of the application that each begins with."""
MOST_A_DAY = 100
"""New accounts of an installation."""
MOST_A_DAY_FROM_ONE_ADDRESS = 3
_SCOPE = "sign-up"
_DAY_SECONDS = 86_400


class SignUp(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Make an account of its own, with a sandbox application, and its admin. Result: the user.

    It is prepaid and has no money, so nothing leaves it before an operator tops it up and puts an application of it
    online. Raises Refused: DUPLICATE when account or user is taken, RATE_LIMITED; CONFLICT and InvalidConfiguration as
    Configure does.
    """

    account: str
    name: str
    password_hash: str
    network: str
    appid: str
    entropy: bytes
    now: int

    def keys(self, context: Context) -> Iterable[Key]:
        return (*self._windows(), *self._configure().keys(context))

    def decide(self, world: World, context: Context) -> Decision:
        decision = self._configure().decide(world, context)
        if self.account in context.directory.account_named:
            raise Refused(Refusal.DUPLICATE, f"There is already an account {self.account!r}.")
        if self.name in context.directory.users:
            raise Refused(Refusal.DUPLICATE, f"There is already a user {self.name!r}.")
        windows = [
            count(
                world.get(Window, *key[1:]) or Window(NO_ACCOUNT, _SCOPE, key[3], "", 0),
                ((_DAY_SECONDS, most),),
                self.now,
            )
            for key, most in zip(self._windows(), (MOST_A_DAY, MOST_A_DAY_FROM_ONE_ADDRESS), strict=True)
        ]
        return msgspec.structs.replace(decision, result=self._user(), puts=(*decision.puts, *windows))

    def _windows(self) -> tuple[Key, Key]:
        return (Window, NO_ACCOUNT, _SCOPE, ""), (Window, NO_ACCOUNT, _SCOPE, self.network)

    def _user(self) -> doc.User:
        return doc.User(
            name=self.name, password_hash=self.password_hash, role="admin", customer_of=self.account
        )

    def _configure(self) -> Configure:
        return Configure(
            entropy=self.entropy,
            documents=(
                doc.Account(name=self.account),
                doc.Application(account=self.account, name=SANDBOX, appid=self.appid, environment="sandbox"),
                self._user(),
            ),
        )
