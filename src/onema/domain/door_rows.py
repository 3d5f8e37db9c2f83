"""The rows of whoever comes to the console: who is invited, what each shows to come in, and who tries too often."""

from onema.domain.records import Row


class Invitation(Row, frozen=True, gc=False):
    """A link that makes one user; `digest` is the hash of what is in it, which is kept nowhere.

    Whoever takes it chooses a name where it has none. It makes a `role` of `account`, "" for all.
    """

    table = "invitations"
    key_columns = 1

    digest: str
    name: str
    role: str
    account: str
    invited_by: str
    made_at: int
    expires_at: int


class UserAccess(Row, frozen=True, gc=False):
    """What a user can show to come in besides the password, and where they are logged in: access.Access as JSON.

    It goes with the user: one who is made anew under the same name has none of it.
    """

    table = "user_access"
    key_columns = 1

    name: str
    content: bytes


class LoginTries(Row, frozen=True, gc=False):
    """How often somebody tried to log in and failed: by `scope` an address, a name, or a browser that was in before."""

    table = "login_tries"
    key_columns = 2

    scope: str
    subject: str
    failures: int
    last_at: int
    expires_at: int
