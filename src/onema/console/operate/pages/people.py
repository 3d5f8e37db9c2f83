"""Who may come in: people with their roles, and links for those who shall come."""

import msgspec
from starlette.responses import Response

from onema.administration.people_requests import InviteUser, ReadInvitations, ResetUser, WithdrawInvitation
from onema.administration.requests import ReadDocuments
from onema.console.door.access import public_address
from onema.console.operate.forms import Unfit
from onema.console.operate.frame import Section, Visit
from onema.console.operate.pages import operator_keys
from onema.console.operate.viewer import NotForThem
from onema.domain.configuration.document_rules import role_fault
from onema.domain.configuration.documents import User
from onema.domain.people.invitations import LONGEST_DAYS
from onema.domain.values.times import show_time

ROLES = ("owner", "operator", "viewer", "admin", "developer")
_PAGE = "/console/people"


async def people(visit: Visit) -> Response:
    return await _page(visit)


async def _page(visit: Visit, link: str = "", expires_at: str = "") -> Response:
    found = await visit.ask(ReadDocuments(kind="user"))
    users = [one for one in found.documents if isinstance(one, User)]
    invites = visit.may("invite_user")
    open_ones = await visit.ask(ReadInvitations()) if invites else ()
    return visit.render(
        "people.html",
        users=[(one, _roles(visit, one.customer_of) if _may_change(visit, one) else ()) for one in users],
        invites=invites,
        invitations=[
            {"one": one, "made_at": show_time(one.made_at), "expires_at": show_time(one.expires_at)}
            for one in open_ones
        ],
        accounts=[
            ("", visit.words.say("everything")),
            *((one.name, one.name) for one in await visit.accounts()),
        ],
        roles=[
            (one, one) for one in ROLES if not visit.viewer.account or one in ("admin", "developer", "viewer")
        ],
        longest=LONGEST_DAYS,
        link=link,
        expires_at=expires_at,
        command="onema user list",
        **await operator_keys.shown(visit),
    )


async def invite(visit: Visit) -> Response:
    role, account, days = visit.form.text("role"), visit.form.text("account"), visit.form.text("days")
    if role not in ROLES:
        raise NotForThem
    account = visit.viewer.account or account
    if fault := role_fault(role, account):  # type: ignore[arg-type]  # it is one of ROLES
        visit.form.errors["role"] = visit.words.say("This role does not go with that choice of account.")
        raise Unfit(fault)
    if not (days.isascii() and days.isdigit() and 1 <= int(days) <= LONGEST_DAYS):
        visit.form.errors["days"] = visit.words.say("Write a number from 1 to {most}.", most=LONGEST_DAYS)
        raise Unfit
    invited = await visit.ask(
        InviteUser(role=role, account=account, name=visit.form.text("name"), days=int(days))  # type: ignore[arg-type]  # see above
    )
    link = f"{public_address(visit.request)}/welcome/{invited.token}"
    visit.form = type(visit.form)()
    return await _page(visit, link, show_time(invited.expires_at))


async def withdraw(visit: Visit) -> str:
    await visit.ask(WithdrawInvitation(id=visit.form.text("id")))
    return _PAGE


async def change(visit: Visit) -> str:
    user, revision = await visit.document(User, visit.form.text("user"))
    if not _may_change(visit, user) or visit.form.text("role") not in ROLES:
        raise NotForThem
    changed = msgspec.structs.replace(
        user,
        role=visit.form.text("role"),
        state="active" if visit.form.text("state") == "active" else "inactive",
    )
    await visit.put(changed, revision=revision)
    return _PAGE


async def reset(visit: Visit) -> str:
    await visit.ask(ResetUser(name=visit.form.text("user")))
    return _PAGE


def _may_change(visit: Visit, user: User) -> bool:
    """Whether the page offers it; whether it may be done the permissions say."""
    viewer = visit.viewer
    if viewer.role == "operator":
        return bool(user.customer_of)
    return viewer.role in ("owner", "admin")


def _roles(visit: Visit, customer_of: str) -> list[str]:
    return [one for one in ROLES if not role_fault(one, customer_of)]  # type: ignore[arg-type]  # they are roles


SECTION = Section(
    "people",
    "People",
    {"": people},
    actions={
        "": {
            "invite": invite,
            "withdraw": withdraw,
            "change": change,
            "reset": reset,
            "make-operator-key": operator_keys.make(people),
            **operator_keys.ACTIONS,
        }
    },
)
