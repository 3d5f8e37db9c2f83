"""What an account reads of itself and administers: each path asks the server what the command line would ask, as the
key's actor (administration/permissions.py).
"""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from onema.administration import requests as ask
from onema.administration.answers import Administrator
from onema.administration.permissions import Actor, may
from onema.dialects.native.auth import DIALECT
from onema.dialects.native.errors import Invalid, ScopeMissing
from onema.dialects.native.operator_login import OperatorLogin
from onema.domain.configuration.directory import CredentialView
from onema.domain.configuration.documents import UserRole
from onema.http.messages import Request, Response
from onema.http.parameters import parse_query

A = TypeVar("A")
MOST = 200
"""Lines of a page."""
_PAGE = 50
_ROLES: Mapping[str, UserRole] = {"admin": "admin", "read": "viewer"}


class Asked(NamedTuple):
    """One request, and who makes it."""

    request: Request
    caller: CredentialView | OperatorLogin
    administrator: Administrator
    query: Mapping[str, str]
    token: Callable[[int], bytes]
    """So many random bytes."""

    @property
    def account(self) -> str:
        """Whose business it is. Raises Invalid where an operator names none."""
        return self.caller.account.name

    @property
    def operates(self) -> bool:
        """Whether an operator asks."""
        return isinstance(self.caller, OperatorLogin)

    @property
    def of_account(self) -> str:
        """The account that whoever asks is of, "" for operators."""
        return "" if self.operates else self.caller.account.name

    @property
    def actor(self) -> Actor:
        """Raises ScopeMissing for a key that only sends and checks codes."""
        if isinstance(self.caller, OperatorLogin):
            key = self.caller.document
            name, address = f"operator/{key.name}", self.request.client_ip
            return Actor(name=name, how="key", role=key.role, address=address)
        for scope, role in _ROLES.items():
            if scope in self.caller.scopes:
                return Actor(
                    name=f"{DIALECT}/{self.caller.key}",
                    how="key",
                    role=role,
                    account=self.account,
                    address=self.request.client_ip,
                )
        raise ScopeMissing("read")

    async def ask(self, question: ask.Request[A]) -> A:
        """Raises Refused, NotPermitted, and ScopeMissing."""
        actor = self.actor
        if not may(str(question.__struct_config__.tag), actor):
            raise ScopeMissing("operator", "role") if self.operates else ScopeMissing("admin")
        return await self.administrator.answer(question, actor)

    @property
    def limit(self) -> int:
        """How many lines are asked for. Raises Invalid."""
        told = self.query.get("limit", str(_PAGE))
        if not (told.isascii() and told.isdigit() and 1 <= int(told[:9]) <= MOST):
            raise Invalid("/limit", f"it is a whole number from 1 to {MOST}")
        return int(told)

    def cursor(self, kind: type[A]) -> A | None:
        """Where the page begins that is asked for; None for the first one. Raises Invalid."""
        told = self.query.get("cursor", "")
        if not told:
            return None
        try:
            place = msgspec.json.decode(
                base64.b64decode(told + "=" * (-len(told) % 4), altchars=b"-_", validate=True), type=kind
            )
        except (binascii.Error, ValueError, msgspec.DecodeError):
            place = None
        steps = place if isinstance(place, tuple) else (place,)
        if place is None or not all(_fits(one) for one in steps):
            raise Invalid("/cursor", "it is no next_cursor of this list")
        return place


def _fits(step: object) -> bool:
    """Whether a store has such values."""
    if isinstance(step, int):
        return 0 <= step < 2**63
    return isinstance(step, str) and step.isprintable()


Answering = Callable[[Asked], Awaitable[Response]]
Methods = Mapping[str, Answering]
"""What answers a path, by method."""


def asked_of(
    request: Request,
    caller: CredentialView | OperatorLogin,
    administrator: Administrator,
    token: Callable[[int], bytes],
) -> Asked:
    """Raises Invalid."""
    try:
        return Asked(request, caller, administrator, parse_query(request.query), token)
    except ValueError:
        raise Invalid("", "the query cannot be read") from None


def cursor_to(place: Any) -> str | None:
    """What `Asked.cursor` reads; None where nothing is left."""
    if place is None:
        return None
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def page(items: list[dict[str, Any]], following: Any) -> Response:
    """A page of a list, and where the next one begins."""
    return answered({"items": items, "next_cursor": cursor_to(following)})


def answered(members: Any, status: int = 200, location: str = "") -> Response:
    headers = ((b"location", location.encode()),) if location else ()
    return Response(status, msgspec.json.encode(members), b"application/json", headers)


NOTHING_MORE = Response(204, b"", b"application/json")
