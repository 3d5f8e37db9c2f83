"""Who may ask and order what: the one place that decides it, for the console, the API and the command line alike.

What stands in no table here is for the command line alone. Whoever is of an account asks and orders for that account,
whatever the request says.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, TypeVar

import msgspec

from onema.administration import customer_requests as theirs
from onema.administration import key_requests as server_keys
from onema.administration import people_requests as people
from onema.administration import requests as ask
from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Proposal
from onema.domain.configuration.document_mappings import DocumentKey
from onema.domain.configuration.documents import Document, UserRole
from onema.domain.configuration.problems import Problem, place_of

A = TypeVar("A")
How = Literal["user", "key", "command line", "server"]


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. `account` is empty for whoever administers the installation; `address` where it is not known."""

    name: str
    how: How
    role: UserRole
    account: str = ""
    address: str = ""

    @property
    def at_the_machine(self) -> bool:
        """Whoever reads the data folder has its key, and could do everything anyway."""
        return self.how in ("command line", "server")


ITSELF = Actor(name="onema", how="server", role="owner")
"""The server, where nobody asked it."""


class NotPermitted(Exception):
    """Whoever asks may not have that, or not know whether it is there."""


_OPERATORS: frozenset[UserRole] = frozenset(("owner", "operator"))
_EVERY_OPERATOR: frozenset[UserRole] = frozenset(("owner", "operator", "viewer"))
_MAKERS: frozenset[UserRole] = frozenset(("admin", "developer"))
_EVERY_CUSTOMER: frozenset[UserRole] = frozenset(("admin", "developer", "viewer"))
_Requests = Mapping[type[ask.Request[Any]], frozenset[UserRole]]

FOR_CUSTOMERS: _Requests = {
    ask.ReadMessages: _EVERY_CUSTOMER,
    ask.SearchMessages: _EVERY_CUSTOMER,
    ask.ReadCalls: _EVERY_CUSTOMER,
    ask.ReadStory: _EVERY_CUSTOMER,
    ask.ReadLedger: _EVERY_CUSTOMER,
    ask.ReadBalance: _EVERY_CUSTOMER,
    ask.ReadNow: _EVERY_CUSTOMER,
    ask.ReadStatistics: _EVERY_CUSTOMER,
    theirs.ReadPrices: _EVERY_CUSTOMER,
    theirs.ReadHotlines: _EVERY_CUSTOMER,
    theirs.TryText: _EVERY_CUSTOMER,
    theirs.TryCallback: _MAKERS,
    theirs.ReadAddresses: _EVERY_CUSTOMER,
    theirs.ReadLowBalances: _EVERY_CUSTOMER,
    theirs.PutAddressOnline: _MAKERS,
    ask.ReadRefusals: _EVERY_CUSTOMER,
    ask.ReadFindings: _EVERY_CUSTOMER,
    ask.ReadGuards: _EVERY_CUSTOMER,
    ask.ReadCallbacks: _EVERY_CUSTOMER,
    ask.ReadDocuments: _EVERY_CUSTOMER,
    ask.ReadAudit: frozenset(("admin",)),
    ask.ExportPerson: frozenset(("admin",)),
    ask.ErasePerson: frozenset(("admin",)),
    ask.PutDocuments: _MAKERS,
    ask.ReplayCallbacks: _MAKERS,
    people.ReadInvitations: frozenset(("admin",)),
    people.InviteUser: frozenset(("admin",)),
    people.WithdrawInvitation: frozenset(("admin",)),
    people.ResetUser: frozenset(("admin",)),
}
"""What whoever is of an account may ask and order, by role. Each but PutDocuments has an `account`."""

FOR_OPERATORS: _Requests = {
    **dict.fromkeys(FOR_CUSTOMERS, _EVERY_OPERATOR),
    ask.ReadAudit: _EVERY_OPERATOR,
    ask.ExportPerson: _OPERATORS,
    ask.ErasePerson: _OPERATORS,
    ask.ReadCapacity: _EVERY_OPERATOR,
    ask.ReadCarriers: _EVERY_OPERATOR,
    ask.ReadReceipts: _EVERY_OPERATOR,
    ask.ReadQuality: _EVERY_OPERATOR,
    ask.ReadRoutingLog: _EVERY_OPERATOR,
    ask.ReadDeadJobs: _EVERY_OPERATOR,
    ask.ReadSettings: _EVERY_OPERATOR,
    ask.ReadCompliance: _EVERY_OPERATOR,
    ask.Status: _EVERY_OPERATOR,
    theirs.TryCallback: _OPERATORS,
    theirs.PutAddressOnline: _OPERATORS,
    ask.PutDocuments: _OPERATORS,
    ask.ReplayCallbacks: _OPERATORS,
    server_keys.ReadServerKeys: _EVERY_OPERATOR,
    server_keys.UseServerKey: frozenset(("owner",)),
    server_keys.RetireServerKey: frozenset(("owner",)),
    people.ReadInvitations: _OPERATORS,
    people.InviteUser: _OPERATORS,
    people.WithdrawInvitation: _OPERATORS,
    people.ResetUser: _OPERATORS,
    ask.TopUp: _OPERATORS,
    ask.TestCarrier: _OPERATORS,
    ask.TestCall: _OPERATORS,
    ask.ResetCounting: _OPERATORS,
    ask.RequeueJob: _OPERATORS,
    ask.DropJob: _OPERATORS,
    ask.PutRecording: _OPERATORS,
}


def may(request: str, actor: Actor) -> bool:
    """Whether an actor may make requests with this tag at all."""
    allowed = FOR_CUSTOMERS if actor.account else FOR_OPERATORS
    return actor.at_the_machine or any(
        one.__struct_config__.tag == request and actor.role in roles for one, roles in allowed.items()
    )


def permitted(request: ask.Request[A], actor: Actor) -> ask.Request[A]:
    """The request as this actor may make it: of an account it is always the own one. Raises NotPermitted.

    What documents somebody may put is `forbidden_changes`, which needs to know what is there.
    """
    if actor.at_the_machine:
        return request
    if not may(str(request.__struct_config__.tag), actor) or getattr(request, "reveal", False):
        raise NotPermitted
    if not actor.account:
        return request
    # Whose documents are put is known only beside what is there: `forbidden_changes`.
    own: dict[str, Any] = (
        {"unreadable": ()} if isinstance(request, ask.PutDocuments) else {"account": actor.account}
    )
    return msgspec.structs.replace(request, **own)


class _Fields(msgspec.Struct, frozen=True):
    """What a customer may say of a kind of document: when making one, when changing one; and who may do so, and take
    one away. Documents that are `approved` may be changed like new ones until an operator has said yes.
    """

    makes: frozenset[str]
    changes: frozenset[str]
    roles: frozenset[UserRole]
    approved: bool = False


def _fields(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ADMIN: frozenset[UserRole] = frozenset(("admin",))
_APPLICATION = _fields(
    "state environment voice_code allowed_ips callback_url call_state_url voice sentence"
    " recall_after recall_times recall_delay own_codes code_length title template limits"
)
_REQUEST = _fields("state approval refused_because")
_PERSON = _fields("password_hash role state")
CUSTOMERS_FIELDS: Mapping[str, _Fields] = {
    "account": _Fields(frozenset(), _fields("callback_url allowed_ips low_balance safe_numbers"), _ADMIN),
    "application": _Fields(_APPLICATION | {"appid"}, _APPLICATION, _MAKERS),
    "credential": _Fields(
        _fields("dialect secret application state scopes"), _fields("secret state scopes"), _MAKERS
    ),
    "brandname": _Fields(_REQUEST | _fields("sign_at sign_to"), _fields("state"), _MAKERS, approved=True),
    "template": _Fields(
        _REQUEST | _fields("name fold spoken locale"), _fields("state name"), _MAKERS, approved=True
    ),
    "user": _Fields(_PERSON, _PERSON, _ADMIN),
}
"""The documents that a customer may put, and which of their fields besides their names; of no other kind any."""


def forbidden_changes(
    before: Mapping[DocumentKey, Document], proposal: Proposal, actor: Actor
) -> Iterator[Problem]:
    """What of a change of documents this actor may not do, each with its place."""
    if actor.at_the_machine or actor.role == "owner":
        return
    for change in proposal.changes:
        key = (change.kind, change.name)
        known = before.get(key)
        after = proposal.after.changed.get(key, known)
        told = after or known
        if told is None:
            continue
        problems = (
            _of_a_customer(known, after, actor) if actor.account else _of_an_operator(known, after, actor)
        )
        yield from (problem.below(place_of(told)) for problem in problems)


def _of_an_operator(known: Document | None, after: Document | None, actor: Actor) -> Iterator[Problem]:
    for one in (known, after):
        if isinstance(one, doc.OperatorKey) or (isinstance(one, doc.User) and not one.customer_of):
            yield Problem("", "only an owner says who the operators are")
            return


def _of_a_customer(known: Document | None, after: Document | None, actor: Actor) -> Iterator[Problem]:
    if known is not None and owner_of(known) != actor.account:
        # Whose it is, or what it says, is nobody's business.
        yield Problem("", "it is taken" if after is not None else "there is no such document")
        return
    told = after or known
    if told is None or owner_of(told) != actor.account:
        yield Problem("", "it would belong to another account")
        return
    fields = CUSTOMERS_FIELDS.get(told.kind)
    if fields is None or actor.role not in fields.roles or (after is None and told.kind == "account"):
        yield Problem("", f"{actor.role} may not change this")
        return
    if actor.role != "admin" and any("admin" in getattr(one, "scopes", ()) for one in (known, after)):
        yield Problem("scopes", "only an admin has to do with keys that administer")
    if after is None:
        return
    allowed = fields.makes if known is None else fields.changes
    if fields.approved and not (known is not None and _is_approved(known)):
        yield from _asked_for(after)
        allowed = fields.makes
    for field in msgspec.structs.fields(after):
        name = field.name
        if name in allowed or name in after.identity_fields or name in ("account", "customer_of"):
            continue
        if getattr(after, name) != (getattr(known, name) if known is not None else _default(field)):
            yield Problem(name, "only an operator may set this")


def _is_approved(document: Document) -> bool:
    return getattr(document, "approval", "approved") == "approved"


def _asked_for(document: Document) -> Iterator[Problem]:
    """Whoever asks for something to be approved does not approve it."""
    if getattr(document, "approval", "") != "requested":
        yield Problem("approval", "an operator approves and refuses: ask with 'requested'")
    if getattr(document, "refused_because", ""):
        yield Problem("refused_because", "an operator says why something is refused")


def _default(field: msgspec.structs.FieldInfo) -> Any:
    """What a field is where nobody says it."""
    made = field.default_factory
    return field.default if made is msgspec.NODEFAULT else made()


def owner_of(document: Document) -> str:
    """The account that a document is or belongs to, "" for the installation's own."""
    match document:
        case doc.Account():
            return document.name
        case doc.User():
            return document.customer_of
        case _:
            return str(getattr(document, "account", ""))


def told_to(actor: Actor, problems: Iterable[Problem]) -> Iterator[Problem]:
    """What is wrong, without what is others': their names stand among choices, and where something is taken."""
    own = f"accounts[{actor.account}]"
    for problem in problems:
        if not actor.account:
            yield problem
        elif not problem.place.startswith((own, "users[")) or "accounts[" in problem.sentence.replace(
            own, ""
        ):
            yield Problem(f"{own}.{problem.place.rpartition('.')[2]}", "it is taken")
        else:
            yield msgspec.structs.replace(problem, choices=(), closest="")
