"""Whoever changes something: their orders are carried out together with the entries of the audit log about them."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from onema.administration.permissions import Actor, owner_of
from onema.administration.requests import Request
from onema.domain.audit import Audited, AuditEntry, difference
from onema.domain.configuration.document_mappings import DocumentKey
from onema.domain.configuration.documents import Document
from onema.domain.decision import Command
from onema.domain.values.phone import mask
from onema.engine.gateway import Gateway

_encoder = msgspec.json.Encoder()
_OF_PEOPLE = ("safe_numbers", "allow")
"""Fields that name people's numbers, which nobody would find in the log to erase them."""
_NUMBER = re.compile(r"\+[0-9]+")


class Changed(NamedTuple):
    """What an order does to one thing of an account ("" for none): the fields that differ, without secrets."""

    account: str
    subject: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


class Author:
    """Carries out what `request` orders, or something that is called `request`, as the actor's."""

    def __init__(self, gateway: Gateway, actor: Actor, request: Request[Any] | str) -> None:
        self.actor = actor
        self._gateway = gateway
        self._what = request if isinstance(request, str) else str(request.__struct_config__.tag)

    async def execute(
        self, command: Command, account: str = "", subject: str = "", after: Mapping[str, Any] | None = None
    ) -> Any:
        """The command's result, once it is durable; `after` is what was ordered. Raises Refused."""
        return await self.change(command, (Changed(account, subject, {}, after or {}),))

    async def change(self, command: Command, changes: Iterable[Changed]) -> Any:
        """The same, of several things."""
        actor, identifier, now = self.actor, self._gateway.next_id(), self._gateway.now()
        entries = tuple(
            AuditEntry(
                id=identifier,
                part=part,
                account=one.account,
                at=now,
                actor=actor.name,
                how=actor.how,
                role=actor.role,
                address=actor.address,
                what=self._what,
                subject=one.subject,
                before=_encoder.encode(one.before),
                after=_encoder.encode(one.after),
            )
            for part, one in enumerate(changes)
        )
        return await self._gateway.execute(Audited(command, entries))


def changed_document(
    key: DocumentKey, before: Document | None, after: Document | None, masked: Callable[[Document], Document]
) -> Changed:
    """What becomes of a document."""
    old, new = difference(_fields(before), _fields(after), _shown(before, masked), _shown(after, masked))
    told = after or before
    return Changed(owner_of(told) if told else "", " ".join(key), old, new)


def _fields(document: Document | None) -> dict[str, Any]:
    """Those that are not as they are where nobody says them."""
    fields: dict[str, Any] = msgspec.to_builtins(document) if document is not None else {}
    return fields


def _shown(document: Document | None, masked: Callable[[Document], Document]) -> dict[str, Any]:
    fields = _fields(masked(document) if document is not None else None)
    for name in _OF_PEOPLE:
        if name in fields:
            fields[name] = [mask(one) if _NUMBER.fullmatch(one) else one for one in fields[name]]
    return fields
