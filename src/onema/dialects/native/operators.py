"""What operators administer by our own API: documents of every kind, people, money, and their own keys.

A key of an account with the scope `admin` comes here too, for people of its account; what each may do the permissions
say (administration/permissions.py).
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, TypeVar, get_args

import msgspec

from onema.administration import people_requests as people
from onema.administration import requests as ask
from onema.administration.permissions import NotPermitted
from onema.dialects.native.desk import NOTHING_MORE, Asked, Methods, answered
from onema.dialects.native.errors import Invalid, ScopeMissing, Unfit
from onema.dialects.native.operator_login import OperatorLogin
from onema.dialects.native.resources import Collection
from onema.dialects.native.wire import members_of, read
from onema.domain.configuration import documents as doc
from onema.domain.configuration.key_lengths import OPERATOR_SECRET_BYTES, operator_secret_hash
from onema.domain.money.top_up import reference_fault
from onema.domain.people.invitations import LONGEST_DAYS
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.money import parse_amount
from onema.domain.values.times import show_time
from onema.http.messages import Response

A = TypeVar("A")
_OURS: Mapping[type[doc.Document], tuple[str, ...]] = {
    doc.Account: ("number", "moving_to", "moved_to"),
    doc.User: ("logouts",),
}
"""Fields that the server keeps."""


class _Documents(Collection):
    """Documents of one kind of the installation. `scope` is the part of the API that they belong to."""

    scope: ClassVar[doc.OperatorScope] = "documents"

    def __init__(self, kind: type[doc.Document], name: str = "") -> None:
        self.kind = kind
        self.name = name or f"documents/{self.tag}"

    def at(self, path: list[str]) -> Methods:
        # Names of some are made of several parts.
        methods = super().at(["/".join(path)] if path else [])
        return {name: _with_scope(self.scope, one) for name, one in methods.items()}

    @cached_property
    def _theirs(self) -> tuple[str, ...]:
        """The fields that are told and set."""
        ours = (*self.kind.hash_fields, *_OURS.get(self.kind, ()))
        return tuple(name for name in self.kind.__struct_fields__ if name not in ours)

    def identifier(self, document: Any) -> str:
        return str(document.identity)

    def shown(self, document: doc.Document) -> dict[str, Any]:
        told: dict[str, Any] = {
            name: msgspec.to_builtins(getattr(document, name))
            for name in document.__struct_fields__
            if name in self._theirs
        }
        return {"id": self.identifier(document), **told}

    async def all(self, asked: Asked) -> tuple[list[doc.Document], int]:
        found = await asked.ask(ask.ReadDocuments(kind=self.tag, account=asked.of_account))
        return list(found.documents), found.revision

    def members(self, asked: Asked) -> dict[str, Any]:
        members = members_of(asked.request.body)
        for name in members:
            if name not in self._theirs:
                raise Invalid(f"/{name[:64].replace('~', '~0').replace('/', '~1')}", "it is unknown")
        return members

    def owned(self, asked: Asked) -> Mapping[str, Any]:
        return {}


class _People(_Documents):
    """Users are made by links alone."""

    scope = "people"

    def at(self, path: list[str]) -> Methods:
        if path[1:] == ["reset"]:
            return {"POST": _with_scope(self.scope, self._of(self.reset, path[0]))}
        return {name: one for name, one in super().at(path).items() if path or name == "GET"}

    async def reset(self, asked: Asked, identifier: str) -> Response:
        """Take away factors and sessions, of who lost them."""
        await self.found(asked, identifier)
        await _ordered(asked, people.ResetUser(name=identifier, account=asked.of_account))
        return NOTHING_MORE


class _Keys(_Documents):
    """The secret is made here, and told once."""

    scope = "keys"

    def same(self, known: doc.Document, wanted: doc.Document) -> bool:
        """No secret is told again."""
        return False

    async def put(self, asked: Asked, document: doc.AnyDocument, revision: int) -> bool:
        """A key makes none that is for more than itself. Raises ScopeMissing, and Unfit."""
        if isinstance(asked.caller, OperatorLogin) and isinstance(document, doc.OperatorKey):
            every, _ = await self.all(asked)
            if not any(
                getattr(one, "scopes", ()) == document.scopes
                for one in every
                if one.identity == document.identity
            ):
                for scope in document.scopes or get_args(doc.OperatorScope):
                    asked.caller.needs(scope)
        return await super().put(asked, document, revision)

    async def make(self, asked: Asked) -> Response:
        secret = asked.token(OPERATOR_SECRET_BYTES).hex()
        wanted = {**self.members(asked), "secret_hash": operator_secret_hash(secret.encode())}
        made = await self.made(asked, self.read(wanted))
        if made.status != 201:
            return made
        return answered(
            {**msgspec.json.decode(made.body), "secret": secret}, 201, f"/v1/{self.name}/{wanted['name']}"
        )


_KINDS: tuple[type[doc.Document], ...] = (
    doc.Account,
    doc.Tariff,
    doc.Carrier,
    doc.Route,
    doc.HotlinePool,
    doc.Hotline,
    doc.Guard,
)
DOCUMENTS: Mapping[str, _Documents] = {str(kind.__struct_config__.tag): _Documents(kind) for kind in _KINDS}
"""What is administered as it stands in a file of `onema apply`, by kind; people and keys have paths of their own."""
_USERS, _OPERATOR_KEYS = _People(doc.User, "users"), _Keys(doc.OperatorKey, "operator-keys")


class Invitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    role: doc.UserRole
    account: str = ""
    name: str = ""
    days: Annotated[int, msgspec.Meta(ge=1, le=LONGEST_DAYS)] = 7


class TopUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    account: str
    amount: str
    reference: str


def operators_at(path: list[str]) -> Methods:
    """What answers a path of this part; nothing for one that is not."""
    match path:
        case ["documents", kind, *identity] if kind in DOCUMENTS:
            return DOCUMENTS[kind].at(identity)
        case ["users", *name]:
            return _USERS.at(name)
        case ["operator-keys", *name]:
            return _OPERATOR_KEYS.at(name)
        case ["invitations"]:
            return {"GET": _with_scope("people", invitations), "POST": _with_scope("people", invite)}
        case ["invitations", identifier]:
            return {"DELETE": _with_scope("people", lambda asked: withdraw(asked, identifier))}
        case ["top-ups"]:
            return {"POST": _with_scope("money", top_up)}
    return {}


async def invitations(asked: Asked) -> Response:
    found = await asked.ask(people.ReadInvitations(account=asked.of_account))
    items = [
        {
            "id": one.id,
            "role": one.role,
            "name": one.name,
            "account": one.account,
            "invited_by": one.invited_by,
            "made_at": show_time(one.made_at),
            "expires_at": show_time(one.expires_at),
        }
        for one in found
    ]
    return answered({"items": items})


async def invite(asked: Asked) -> Response:
    """What stands in the link is told once."""
    wanted = read(asked.request.body, Invitation)
    account = asked.of_account or wanted.account
    invited = await _ordered(
        asked, people.InviteUser(role=wanted.role, account=account, name=wanted.name, days=wanted.days)
    )
    told = {
        "id": invited.id,
        "path": f"/welcome/{invited.token}",
        "expires_at": show_time(invited.expires_at),
    }
    return answered(told, 201)


async def withdraw(asked: Asked, identifier: str) -> Response:
    if not await _ordered(asked, people.WithdrawInvitation(id=identifier, account=asked.of_account)):
        raise NotPermitted
    return NOTHING_MORE


async def top_up(asked: Asked) -> Response:
    """Each reference is booked once; the same again answers that it was there."""
    wanted = read(asked.request.body, TopUp)
    if fault := reference_fault(wanted.reference):
        raise Invalid("/reference", fault)
    try:
        amount = parse_amount(wanted.amount)
    except ValueError as error:
        raise Invalid("/amount", str(error)) from None
    new = await _ordered(asked, ask.TopUp(account=wanted.account, amount=amount, reference=wanted.reference))
    return answered({"booked": new}, 201 if new else 200)


async def _ordered(asked: Asked, order: ask.Request[A]) -> A:
    """Raises Unfit with the reason where the order goes against something that is there."""
    try:
        return await asked.ask(order)
    except Refused as refused:
        if refused.refusal not in (Refusal.CONFLICT, Refusal.DUPLICATE):
            raise
        raise Unfit([("", refused.detail)]) from refused


def _with_scope(
    scope: doc.OperatorScope, operation: Callable[[Asked], Awaitable[Response]]
) -> Callable[[Asked], Awaitable[Response]]:
    async def answer(asked: Asked) -> Response:
        if isinstance(asked.caller, OperatorLogin):
            asked.caller.needs(scope)
        elif scope != "people":
            raise ScopeMissing("operator", "role")
        return await operation(asked)

    return answer
