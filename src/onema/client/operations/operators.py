"""`./dev docs` makes this of openapi.yaml."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from onema.client.call import Call, new_key, part


class NamedDocument(msgspec.Struct, frozen=True, kw_only=True):
    id: str


class DocumentList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[NamedDocument]


class User(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    role: str
    customer_of: str
    state: str


class UserList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[User]


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    role: str
    name: str
    account: str
    invited_by: str
    made_at: str
    expires_at: str


class InvitationList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[Invitation]


class NewLink(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    path: str
    expires_at: str


class Booked(msgspec.Struct, frozen=True, kw_only=True):
    booked: bool


class OperatorKey(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    role: str
    scopes: list[str]
    state: str


class OperatorKeyList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[OperatorKey]


class MadeOperatorKey(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    role: str
    scopes: list[str]
    state: str
    secret: str


def list_documents(
    kind: Literal["account", "tariff", "carrier", "route", "hotline_pool", "hotline", "guard"],
) -> Call[DocumentList]:
    """All documents of a kind."""
    return Call("GET", f"/v1/documents/{part(kind)}", DocumentList)


def create_document(
    kind: Literal["account", "tariff", "carrier", "route", "hotline_pool", "hotline", "guard"],
    *,
    idempotency_key: str | None = None,
) -> Call[NamedDocument]:
    """Make a document.

    Making the same again answers the same; another one of this name is a 409.
    """
    return Call(
        "POST", f"/v1/documents/{part(kind)}", NamedDocument, body={}, key=idempotency_key or new_key()
    )


def get_document(
    kind: Literal["account", "tariff", "carrier", "route", "hotline_pool", "hotline", "guard"], id: str
) -> Call[NamedDocument]:
    """One document."""
    return Call("GET", f"/v1/documents/{part(kind)}/{part(id)}", NamedDocument)


def change_document(
    kind: Literal["account", "tariff", "carrier", "route", "hotline_pool", "hotline", "guard"], id: str
) -> Call[NamedDocument]:
    """Change a document.

    What is left out stays as it is, and so does a secret that is written as it is shown.
    """
    return Call("PATCH", f"/v1/documents/{part(kind)}/{part(id)}", NamedDocument, body={})


def remove_document(
    kind: Literal["account", "tariff", "carrier", "route", "hotline_pool", "hotline", "guard"], id: str
) -> Call[None]:
    """Remove a document."""
    return Call("DELETE", f"/v1/documents/{part(kind)}/{part(id)}", type(None))


def list_users() -> Call[UserList]:
    """All people, or those of the account."""
    return Call("GET", "/v1/users", UserList)


def get_user(name: str) -> Call[User]:
    """One user."""
    return Call("GET", f"/v1/users/{part(name)}", User)


def change_user(
    name: str,
    *,
    role: Literal["owner", "operator", "viewer", "admin", "developer"] | UnsetType = UNSET,
    customer_of: str | UnsetType = UNSET,
    state: Literal["active", "inactive"] | UnsetType = UNSET,
) -> Call[User]:
    """Change a role, or whether somebody may log in."""
    return Call(
        "PATCH",
        f"/v1/users/{part(name)}",
        User,
        body={"role": role, "customer_of": customer_of, "state": state},
    )


def remove_user(name: str) -> Call[None]:
    """Remove a user."""
    return Call("DELETE", f"/v1/users/{part(name)}", type(None))


def reset_user(name: str) -> Call[None]:
    """Take away factors and sessions.

    Of who lost them; a login provider's subject is forgotten, too.
    """
    return Call("POST", f"/v1/users/{part(name)}/reset", type(None), body={})


def list_invitations() -> Call[InvitationList]:
    """Open links for people."""
    return Call("GET", "/v1/invitations", InvitationList)


def create_invitation(
    *,
    role: Literal["owner", "operator", "viewer", "admin", "developer"],
    account: str | UnsetType = UNSET,
    name: str | UnsetType = UNSET,
    days: int | UnsetType = UNSET,
) -> Call[NewLink]:
    """Make a link that makes a user."""
    return Call(
        "POST",
        "/v1/invitations",
        NewLink,
        body={"role": role, "account": account, "name": name, "days": days},
    )


def withdraw_invitation(id: str) -> Call[None]:
    """Make a link worthless."""
    return Call("DELETE", f"/v1/invitations/{part(id)}", type(None))


def top_up(*, account: str, amount: str, reference: str) -> Call[Booked]:
    """Book money.

    Each reference is booked once; with another amount it is a 422. A negative amount takes money out.
    """
    return Call(
        "POST", "/v1/top-ups", Booked, body={"account": account, "amount": amount, "reference": reference}
    )


def list_operator_keys() -> Call[OperatorKeyList]:
    """All keys of operators."""
    return Call("GET", "/v1/operator-keys", OperatorKeyList)


def create_operator_key(
    *,
    name: str,
    idempotency_key: str | None = None,
    role: Literal["owner", "operator", "viewer"] | UnsetType = UNSET,
    scopes: Sequence[Literal["accounts", "documents", "keys", "money", "people"]] | UnsetType = UNSET,
    state: Literal["active", "inactive"] | UnsetType = UNSET,
) -> Call[MadeOperatorKey]:
    """Make a key of operators.

    Only a key of an owner makes and changes others.
    """
    return Call(
        "POST",
        "/v1/operator-keys",
        MadeOperatorKey,
        body={"name": name, "role": role, "scopes": scopes, "state": state},
        key=idempotency_key or new_key(),
    )


def get_operator_key(name: str) -> Call[OperatorKey]:
    """One key of operators."""
    return Call("GET", f"/v1/operator-keys/{part(name)}", OperatorKey)


def change_operator_key(
    name: str,
    *,
    role: Literal["owner", "operator", "viewer"] | UnsetType = UNSET,
    scopes: Sequence[Literal["accounts", "documents", "keys", "money", "people"]] | UnsetType = UNSET,
    state: Literal["active", "inactive"] | UnsetType = UNSET,
) -> Call[OperatorKey]:
    """Change what a key may do."""
    return Call(
        "PATCH",
        f"/v1/operator-keys/{part(name)}",
        OperatorKey,
        body={"role": role, "scopes": scopes, "state": state},
    )


def remove_operator_key(name: str) -> Call[None]:
    """Remove a key of operators."""
    return Call("DELETE", f"/v1/operator-keys/{part(name)}", type(None))
