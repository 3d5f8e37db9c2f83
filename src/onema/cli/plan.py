"""What must be put and removed for the configuration to be what a file says. Pure."""

import argon2
import msgspec

from onema.cli.configuration_file import Content, PasswordUser
from onema.cli.output import CliError
from onema.cli.plausible import refuse_implausible
from onema.domain import documents as doc
from onema.engine.control_requests import PutDocuments

_Found = dict[tuple[str, str], doc.Document]


def plan_documents(content: Content, found: _Found, *, prune: bool) -> PutDocuments:
    """Raises CliError for what nobody can mean.

    A state that the file does not name stays: whoever was suspended by hand is not revived by the next run.
    """
    documents = [_kept(key, document, content, found) for key, document in content.documents.items()]
    documents += [_user(user, found.get(("user", user.name))) for user in content.passwords.values()]
    for document in documents:
        refuse_implausible(document)
    removed = _unnamed(content, found) if prune else ()
    return PutDocuments(documents=tuple(documents), remove=removed)  # type: ignore[arg-type]  # every Document is one of AnyDocument


def _kept(key: tuple[str, str], document: doc.Document, content: Content, found: _Found) -> doc.Document:
    before = found.get(key)
    if isinstance(document, doc.Credential) and isinstance(before, doc.Credential):
        _refuse_to_move(document, before)
    if before is not None and key in content.unnamed_state and hasattr(before, "state"):
        return msgspec.structs.replace(document, state=before.state)
    return document


def _refuse_to_move(document: doc.Credential, before: doc.Credential) -> None:
    if document.account != before.account:
        raise CliError(
            f"credential {document.identity!r} belongs to account {before.account!r}: a key cannot change hands.",
            "conflict",
        )


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
