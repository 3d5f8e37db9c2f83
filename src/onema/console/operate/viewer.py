"""Who looks at the console, and what they may see: everything, or what belongs to one account."""

from typing import Any, TypeVar

import msgspec

from onema.administration import requests as ask
from onema.administration.answers import Administrator
from onema.domain.configuration.documents import UserRole

A = TypeVar("A")

_OF_AN_ACCOUNT: frozenset[type[ask.Request[Any]]] = frozenset(
    (
        ask.ReadMessages,
        ask.ReadCalls,
        ask.ReadStory,
        ask.ReadLedger,
        ask.ReadBalance,
        ask.ReadPrices,
        ask.ReadHotlines,
        ask.ReadRefusals,
        ask.ReadNow,
        ask.ReadCallbacks,
        ask.ReadDocuments,
    )
)
"""What a customer may ask, of the own account."""
_OF_EVERYTHING = _OF_AN_ACCOUNT | {
    ask.ReadCarriers,
    ask.ReadReceipts,
    ask.ReadDeadJobs,
    ask.ReadSettings,
    ask.Status,
}
"""What an operator may ask. Nothing here changes anything."""


class NotForThem(Exception):
    """Whoever asks may not know that."""


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


class Questions:
    """The one place where it is decided what a viewer may ask of the server."""

    def __init__(self, administrator: Administrator) -> None:
        self._administrator = administrator

    async def ask(self, viewer: Viewer, request: ask.Request[A]) -> A:
        """Of a customer it is always the own account that is asked about. Raises NotForThem and Refused."""
        if type(request) not in (_OF_AN_ACCOUNT if viewer.account else _OF_EVERYTHING):
            raise NotForThem
        if viewer.account:
            request = msgspec.structs.replace(request, account=viewer.account)
        if getattr(request, "reveal", False):
            raise NotForThem
        return await self._administrator.answer(request)
