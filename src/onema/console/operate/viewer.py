"""Who looks at the console, and how much of numbers and signalling is shown to them.

What they may ask and order is administration/permissions.py.
"""

import msgspec

from onema.administration.permissions import Actor, NotPermitted
from onema.domain.configuration.documents import UserRole

NotForThem = NotPermitted
"""Whoever asks may not know that: it is answered as what is not there."""


class Viewer(msgspec.Struct, frozen=True):
    """`name` is empty for whoever sits at the machine of a demo; `account` for operators."""

    name: str
    role: UserRole
    account: str = ""

    @property
    def sees_numbers(self) -> bool:
        """Whether whole phone numbers are shown."""
        return self.role != "viewer"

    @property
    def sees_signalling(self) -> bool:
        """Whether the messages of a call are shown, which have numbers and our carriers' addresses in them."""
        return not self.account and self.sees_numbers

    @property
    def changes(self) -> bool:
        """Whether they may order anything at all; what, the permissions say."""
        return self.role != "viewer"

    def at(self, address: str) -> Actor:
        """Who asks the server, from this address."""
        return Actor(
            name=self.name or "demo", how="user", role=self.role, account=self.account, address=address
        )
