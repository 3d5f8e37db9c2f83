"""The documents that an account administers: made, listed, changed and removed, as `onema apply` would.

Which fields a key may set is told by the permissions; what is wrong with one is told at its member.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from onema.administration import requests as ask
from onema.administration.permissions import NotPermitted
from onema.dialects.native.desk import NOTHING_MORE, Answering, Asked, Methods, answered
from onema.dialects.native.errors import EXISTS, KEY_REUSED, Invalid, Unfit
from onema.dialects.native.wire import members_of, read, request_name
from onema.domain.codes.verification import MAX_LENGTH, MIN_LENGTH
from onema.domain.configuration import documents as doc
from onema.domain.configuration.document_fields import read_fields
from onema.domain.configuration.message_template import CODE_MARKER, MessageTemplate
from onema.domain.configuration.problems import InvalidConfiguration, Problem, place_of
from onema.domain.configuration.template_difference import nearest_difference
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.written_form import text_form
from onema.http.messages import Response

_TRIES = 5
_KEY_BYTES, _SECRET_BYTES = 10, 24
# What only the server, or an operator, has to do with.
_NOT_TOLD = frozenset(("account", "number", "secret", "registered", "moving_to", "moved_to"))


class TemplateTest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    brandname: str
    text: Annotated[str, msgspec.Meta(max_length=1_000)]
    code_length: Annotated[int, msgspec.Meta(ge=MIN_LENGTH, le=MAX_LENGTH)] = 6


class Collection:
    """Documents of one kind of an account. `name` ends its path, `defaults` is what a new one has unless it says so."""

    name: str
    kind: type[doc.Document]
    defaults: ClassVar[Mapping[str, Any]] = {}

    def at(self, path: list[str]) -> Methods:
        match path:
            case []:
                return {"GET": self.list, "POST": self.make}
            case [identifier]:
                return {
                    "GET": self._of(self.show, identifier),
                    "PATCH": self._of(self.change, identifier),
                    "DELETE": self._of(self.remove, identifier),
                }
        return {}

    def _of(self, operation: Callable[[Asked, str], Awaitable[Response]], identifier: str) -> Answering:
        return lambda asked: operation(asked, identifier)

    @property
    def tag(self) -> str:
        return str(self.kind.__struct_config__.tag)

    def identifier(self, document: Any) -> str:
        """What stands in its path."""
        return str(document.name)

    def shown(self, document: doc.Document) -> dict[str, Any]:
        fields = [name for name in document.__struct_fields__ if name not in _NOT_TOLD]
        return {name: msgspec.to_builtins(getattr(document, name)) for name in fields}

    async def all(self, asked: Asked) -> tuple[list[doc.Document], int]:
        found = await asked.ask(ask.ReadDocuments(kind=self.tag, account=asked.account))
        return list(found.documents), found.revision

    async def found(self, asked: Asked, identifier: str) -> tuple[doc.Document, int]:
        """Raises NotPermitted where the account has none."""
        documents, revision = await self.all(asked)
        for one in documents:
            if self.identifier(one) == identifier:
                return one, revision
        raise NotPermitted

    async def list(self, asked: Asked) -> Response:
        documents, _ = await self.all(asked)
        return answered({"items": [self.shown(one) for one in documents]})

    async def show(self, asked: Asked, identifier: str) -> Response:
        document, _ = await self.found(asked, identifier)
        return answered(self.shown(document))

    async def make(self, asked: Asked) -> Response:
        """Making the same once more answers as before: its name is its idempotency key."""
        request_name(asked.request)
        fields = {**self.defaults, **self.members(asked), **self.owned(asked)}
        return await self.made(asked, self.read(fields))

    def owned(self, asked: Asked) -> Mapping[str, Any]:
        """What says whose a new one is."""
        return {"account": asked.account}

    async def made(self, asked: Asked, wanted: doc.AnyDocument) -> Response:
        for _ in range(_TRIES):
            documents, revision = await self.all(asked)
            known = next((one for one in documents if one.identity == wanted.identity), None)
            if known is not None and not self.same(known, wanted):
                return EXISTS
            if known is not None or await self.put(asked, wanted, revision):
                location = f"/v1/{self.name}/{self.identifier(wanted)}"
                return answered(self.shown(wanted), 201, location)
        raise _keeps_changing()

    def same(self, known: doc.Document, wanted: doc.Document) -> bool:
        """Whether making one again asks for what is there."""
        return self.shown(known) == self.shown(wanted)

    async def change(self, asked: Asked, identifier: str) -> Response:
        members = self.members(asked)
        for _ in range(_TRIES):
            known, revision = await self.found(asked, identifier)
            fields = {name: msgspec.to_builtins(getattr(known, name)) for name in known.__struct_fields__}
            wanted = self.read({**fields, **members})
            if wanted.identity != known.identity:
                raise Invalid("", "what its name is made of cannot be changed")
            if await self.put(asked, wanted, revision):
                return answered(self.shown(wanted))
        raise _keeps_changing()

    async def remove(self, asked: Asked, identifier: str) -> Response:
        known, _ = await self.found(asked, identifier)
        try:
            await asked.ask(ask.PutDocuments(remove=((known.kind, known.identity),)))
        except InvalidConfiguration as invalid:
            raise Unfit([("", one.said) for one in invalid.problems]) from invalid
        return NOTHING_MORE

    def members(self, asked: Asked) -> dict[str, Any]:
        """Raises Invalid, also for a member that nobody knows."""
        members = members_of(asked.request.body)
        for name in members:
            if name not in self.kind.__struct_fields__ or name in _NOT_TOLD:
                raise Invalid(f"/{name[:64].replace('~', '~0').replace('/', '~1')}", "it is unknown")
        return members

    def read(self, fields: Mapping[str, Any]) -> doc.AnyDocument:
        document, problems = read_fields(self.kind, fields)
        if document is None:
            raise Invalid(_pointer(problems[0].place), problems[0].sentence)
        return document  # type: ignore[return-value]  # every Document is one of AnyDocument

    async def put(self, asked: Asked, document: doc.AnyDocument, revision: int) -> bool:
        """Whether it was put; not where something else has changed since the revision. Raises Unfit."""
        try:
            await asked.ask(ask.PutDocuments(documents=(document,), revision=revision))
        except InvalidConfiguration as invalid:
            raise Unfit(_at_members(invalid.problems, document)) from invalid
        except Refused as refused:
            if refused.refusal is not Refusal.CONFLICT:
                raise
            return False
        return True


class Applications(Collection):
    name = "applications"
    kind = doc.Application


class Brandnames(Collection):
    name = "brandnames"
    kind = doc.Brandname
    defaults: ClassVar[Mapping[str, Any]] = {"state": "inactive", "approval": "requested"}


class Templates(Collection):
    name = "templates"
    kind = doc.Template
    defaults = Brandnames.defaults

    def at(self, path: list[str]) -> Methods:
        return {"POST": self.test} if path == ["test"] else super().at(path)

    async def test(self, asked: Asked) -> Response:
        """Which of the brandname's templates a text fits as it is, or where it differs from the nearest one."""
        wanted = read(asked.request.body, TemplateTest)
        brandname = asked.caller.account.brandnames.get(wanted.brandname)
        if brandname is None:
            raise Invalid("/brandname", "the account has no such brandname")
        text = text_form(wanted.text)
        allowed = brandname.allowed(text, wanted.code_length) if CODE_MARKER in text else None
        if allowed is not None:
            return answered(
                {
                    "fits": True,
                    "template": allowed.template.text,
                    "text": allowed.text,
                    "segments": allowed.segments,
                    "differs": None,
                }
            )
        known = [MessageTemplate.parse(one.text) for one in brandname.templates]
        nearest = await asyncio.to_thread(nearest_difference, text, known, wanted.code_length)
        differs = (
            {"place": nearest.place, "expected": nearest.expected, "found": nearest.found}
            if nearest
            else None
        )
        return answered(
            {
                "fits": False,
                "template": nearest.template if nearest else None,
                "text": None,
                "segments": None,
                "differs": differs,
            }
        )

    def identifier(self, document: Any) -> str:
        """Texts are long, and not every one has a name."""
        return hashlib.sha256(document.identity.encode()).hexdigest()[:20]

    def shown(self, document: doc.Document) -> dict[str, Any]:
        return {"id": self.identifier(document), **super().shown(document)}


class Keys(Collection):
    """Credentials of all APIs. The secret is told once, when it is made."""

    name = "keys"
    kind = doc.Credential

    def at(self, path: list[str]) -> Methods:
        match path:
            case [dialect, key, "rotate"]:
                return {"POST": self._of(self.rotate, f"{dialect}/{key}")}
            case [dialect, key]:
                return super().at([f"{dialect}/{key}"])
            case [] | [_]:
                return super().at(path) if not path else {}
        return {}

    def identifier(self, document: Any) -> str:
        return str(document.identity)

    async def make(self, asked: Asked) -> Response:
        return await self._made(asked, {"dialect": "native", **self.members(asked)})

    def members(self, asked: Asked) -> dict[str, Any]:
        if {"key", "secret"} & members_of(asked.request.body).keys():
            raise Invalid("", "a key and what belongs to it are made by the server")
        return super().members(asked)

    async def rotate(self, asked: Asked, identifier: str) -> Response:
        """Another key for the same; the old one goes on until it is removed, so that clients can change over."""
        if asked.request.body:
            self.members(asked)
        known, _ = await self.found(asked, identifier)
        kept = ("dialect", "application", "scopes")
        return await self._made(asked, {name: msgspec.to_builtins(getattr(known, name)) for name in kept})

    async def _made(self, asked: Asked, fields: dict[str, Any]) -> Response:
        """Named by the Idempotency-Key, so that no second one is made; its secret is not told again."""
        named = request_name(asked.request)
        token = asked.token(_KEY_BYTES)
        if named:
            words = f"{asked.account}\0{asked.request.path}\0{named}"
            token = hashlib.sha256(words.encode()).digest()[:_KEY_BYTES]
        secret = asked.token(_SECRET_BYTES).hex()
        wanted = self.read({**fields, "account": asked.account, "key": token.hex(), "secret": secret})
        for _ in range(_TRIES):
            documents, revision = await self.all(asked)
            known = next((one for one in documents if one.identity == wanted.identity), None)
            if known is not None:
                return EXISTS if self._alike(known, wanted) else KEY_REUSED
            if await self.put(asked, wanted, revision):
                location = f"/v1/keys/{wanted.identity}"
                return answered({**self.shown(wanted), "secret": secret}, 201, location)
        raise _keeps_changing()

    def _alike(self, known: doc.Document, wanted: doc.Document) -> bool:
        return all(getattr(known, name) == getattr(wanted, name) for name in ("application", "scopes"))


class Account(Collection):
    """The account itself, of which there is one."""

    name = "account"
    kind = doc.Account

    def at(self, path: list[str]) -> Methods:
        return {"GET": self._own(self.show), "PATCH": self._own(self.change)} if not path else {}

    def _own(self, operation: Callable[[Asked, str], Awaitable[Response]]) -> Answering:
        return lambda asked: operation(asked, asked.account)


COLLECTIONS: Mapping[str, Collection] = {
    one.name: one for one in (Applications(), Keys(), Brandnames(), Templates(), Account())
}


def resources_at(path: list[str]) -> Methods:
    """What answers a path of this part; nothing for one that is not."""
    collection = COLLECTIONS.get(path[0]) if path else None
    return collection.at(path[1:]) if collection is not None else {}


def _at_members(problems: tuple[Problem, ...], document: doc.Document) -> list[tuple[str, str]]:
    own = place_of(document)
    return [(_pointer(one.place.removeprefix(own).removeprefix(".")), one.said) for one in problems]


def _pointer(place: str) -> str:
    """RFC 6901 of a place such as registrations[0].country; "" for what is no field's."""
    steps = place.replace("[", ".").replace("]", "").split(".")
    return "".join(f"/{one}" for one in steps if one) if "/" not in place else ""


def _keeps_changing() -> Refused:
    return Refused(Refusal.CONFLICT, "the configuration keeps changing; try again later")
