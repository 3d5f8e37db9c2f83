"""What may be asked about whoever comes to the console."""

from collections.abc import Sequence

import msgspec

from onema.administration.requests import Request
from onema.domain.configuration.documents import User, UserRole


class Invited(msgspec.Struct, frozen=True):
    """What stands in the link, which nobody can be told again; `id` is its name in lists."""

    token: str
    id: str
    expires_at: int

    def __repr__(self) -> str:
        """Without what stands in the link."""
        return f"Invited({self.id[:8]!r})"


class InviteUser(Request[Invited], frozen=True, kw_only=True, tag="invite_user"):
    """A link that makes one user within so many days, of an account or ("") of the installation. Without a `name`
    whoever takes it chooses one.
    """

    answer_type = Invited

    role: UserRole
    account: str = ""
    name: str = ""
    days: int = 7


class OpenInvitation(msgspec.Struct, frozen=True, kw_only=True):
    """A link that nobody has used yet. That of the first run has no `id`, and none made it."""

    id: str
    role: str
    name: str = ""
    account: str = ""
    invited_by: str = ""
    made_at: int = 0
    expires_at: int = 0


class ReadInvitations(Request[Sequence[OpenInvitation]], frozen=True, kw_only=True, tag="read_invitations"):
    """The open links for people of an account, or of all; newest first."""

    answer_type = list[OpenInvitation]

    account: str = ""


class WithdrawInvitation(Request[bool], frozen=True, kw_only=True, tag="withdraw_invitation"):
    """Make a link worthless. Answer: whether it was open."""

    answer_type = bool

    id: str
    account: str = ""


class ReadInvitation(Request[OpenInvitation | None], frozen=True, kw_only=True, tag="read_invitation"):
    """The link in which this stands; None where it is worth nothing."""

    answer_type = OpenInvitation | None

    token: str

    def __repr__(self) -> str:
        """Without what stands in the link."""
        return "ReadInvitation()"


class TakeInvitation(Request[User], frozen=True, kw_only=True, tag="take_invitation"):
    """Make the user whom a link is for, once. Refused (CREDENTIAL_UNKNOWN) when it is worth nothing, (DUPLICATE) when
    another has the name.
    """

    answer_type = User

    token: str
    name: str
    password_hash: str

    def __repr__(self) -> str:
        """Without what stands in the link, and without the hash."""
        return f"TakeInvitation({self.name!r})"


class AdmitUser(Request[User], frozen=True, kw_only=True, tag="admit_user"):
    """Make the user of this name for whoever has proven to have it: as an open invitation for it says, an operators'
    before a customer's and then the newest, else of the installation with this `role`. Refused (CREDENTIAL_UNKNOWN)
    without either, (DUPLICATE) when there is one.
    """

    answer_type = User

    name: str
    password_hash: str
    role: UserRole | None = None

    def __repr__(self) -> str:
        """Without the hash."""
        return f"AdmitUser({self.name!r})"


class ResetUser(Request[None], frozen=True, kw_only=True, tag="reset_user"):
    """Take away a user's authenticator app, passkeys and sessions; the password stays."""

    answer_type = type(None)

    name: str
    account: str = ""


class SignUp(Request[User], frozen=True, kw_only=True, tag="sign_up"):
    """Make an account with its admin, for somebody who comes by themselves from this network. Refused (DUPLICATE) when
    account or name is taken, (RATE_LIMITED) when too many have come.
    """

    answer_type = User

    account: str
    name: str
    password_hash: str
    network: str

    def __repr__(self) -> str:
        """Without the hash."""
        return f"SignUp({self.account!r}, {self.name!r})"


PeopleRequest = InviteUser | ReadInvitations | WithdrawInvitation | ResetUser
"""Those that the command line asks of a running server."""
