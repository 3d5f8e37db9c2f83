"""What must be put and removed for the configuration to be what a file says. Pure."""

from collections.abc import Callable
from typing import Any

import argon2
import msgspec

from onema.administration.requests import PutDocuments
from onema.administration.wanted import STORED, Content, PasswordUser
from onema.domain.configuration import documents as doc
from onema.domain.configuration.advice import Advice
from onema.domain.configuration.configure import Proposal
from onema.domain.configuration.problems import Problem, place_of
from onema.domain.configuration.rules import After

_Found = dict[tuple[str, str], doc.Document]


def plan_documents(content: Content, found: _Found, *, prune: bool) -> tuple[PutDocuments, list[Problem]]:
    """What to ask for, and what is wrong with the file, also about what is stored. With problems the request is worth
    a dry run only.

    A state that the file does not name stays: whoever was suspended by hand is not revived by the next run.
    """
    problems = list(content.problems)
    unreadable = set(content.unreadable)
    documents: list[doc.Document] = list(content.mended.values())
    for key, document in content.documents.items():
        before = found.get(key)
        wanted, missing = _with_stored(_kept(document, before, unnamed=key in content.unnamed_state), before)
        problems += [problem.below(place_of(document)) for problem in missing]
        if missing:
            unreadable.add(key)
        else:
            documents.append(wanted)
    documents += [_user(user, found.get(("user", user.name))) for user in content.passwords.values()]
    request = PutDocuments(
        documents=tuple(documents),  # type: ignore[arg-type]  # every Document is one of AnyDocument
        remove=_unnamed(content, found) if prune else (),
        unreadable=tuple(sorted(unreadable)),
    )
    return request, problems


def doubts(
    content: Content, found: _Found, request: PutDocuments, advice: Callable[[After], Advice]
) -> list[Problem]:
    """What may be wrong, although it is taken, with the documents of the file; `advice` is the program's."""
    if not (content.documents or content.passwords or content.top_ups or content.problems):
        return [Problem("the file", "it names nothing, so there is nothing to apply")]
    after = Proposal(found, request.documents, request.remove).after
    found_here = (problem for about, problem in advice(after) if about in content.documents)
    return sorted(found_here, key=lambda problem: problem.place)


def _kept(document: doc.Document, before: doc.Document | None, *, unnamed: bool) -> doc.Document:
    if unnamed and before is not None and hasattr(before, "state"):
        return msgspec.structs.replace(document, state=before.state)
    return document


def _with_stored(document: doc.Document, before: doc.Document | None) -> tuple[doc.Document, list[Problem]]:
    """The document with what is stored wherever the file says so."""
    match document:
        case doc.Credential() | doc.User() | doc.Carrier() | doc.Guard() | doc.OperatorKey():
            fields = {
                "credential": "secret",
                "user": "password_hash",
                "carrier": "settings",
                "guard": "captcha_secret",
                "operator_key": "secret_hash",
            }
            field = fields[document.kind]
            problems: list[Problem] = []
            stored = getattr(before, field, _NOTHING)
            value = _filled_in(getattr(document, field), stored, field, problems)
            return msgspec.structs.replace(document, **{field: value}), problems
        case _:
            return document, []


_NOTHING = object()


def _filled_in(value: Any, stored: Any, place: str, problems: list[Problem]) -> Any:
    match value:
        case str() if value == STORED:
            if stored is _NOTHING:
                problems.append(Problem(place, "nothing is stored yet that could be kept: give a value"))
            return stored
        case dict():
            known = stored if isinstance(stored, dict) else {}
            return {
                name: _filled_in(inner, known.get(name, _NOTHING), f"{place}.{name}", problems)
                for name, inner in value.items()
            }
        case list():
            items = stored if isinstance(stored, list) else []
            return [
                _filled_in(inner, _counterpart(inner, number, value, items), f"{place}[{number}]", problems)
                for number, inner in enumerate(value)
            ]
        case _:
            return value


def _counterpart(item: Any, number: int, among: list[Any], stored: list[Any]) -> Any:
    """The stored member of a list that `item` stands for: the one in its place if it has all that the item says, or
    else the only one that has. A list in another order must not give one header the secret of another.
    """
    if item == STORED:
        return stored[number] if len(stored) == len(among) else _NOTHING
    if number < len(stored) and _agrees(item, stored[number]):
        return stored[number]
    agreeing = [one for one in stored if _agrees(item, one)]
    return agreeing[0] if len(agreeing) == 1 else _NOTHING


def _agrees(item: Any, stored: Any) -> bool:
    if isinstance(item, dict) and isinstance(stored, dict):
        return all(_agrees(inner, stored[name]) for name, inner in item.items() if name in stored)
    if isinstance(item, list) and isinstance(stored, list):
        return len(item) == len(stored) and all(map(_agrees, item, stored))
    return bool(item in (stored, STORED))


def _user(user: PasswordUser, before: doc.Document | None) -> doc.User:
    """Keeps the stored hash while the password fits it: a new hash of the same password would be a change."""
    known = before if isinstance(before, doc.User) else None
    hasher = argon2.PasswordHasher()
    password_hash = known.password_hash if known else ""
    try:
        hasher.verify(password_hash, user.password)
    except (argon2.exceptions.VerifyMismatchError, argon2.exceptions.InvalidHashError):
        password_hash = hasher.hash(user.password)
    state: doc.State = user.state or (known.state if known else "active")
    return doc.User(name=user.name, password_hash=password_hash, state=state)


def _unnamed(content: Content, found: _Found) -> tuple[tuple[str, str], ...]:
    """What belongs to an account, brandname or pool of the file without being in it; children first."""
    named = content.documents
    return tuple(
        key
        for kind in (doc.Template, doc.Brandname, doc.Credential, doc.Application, doc.Hotline)
        for key, document in found.items()
        if isinstance(document, kind) and key not in named and _parent(document) in named
    )


def _parent(document: doc.Document) -> tuple[str, str]:
    if isinstance(document, doc.Hotline):
        return "hotline_pool", document.pool
    return "account", str(getattr(document, "account", ""))
