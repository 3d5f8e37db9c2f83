"""What may be asked and ordered about a person's number."""

from collections.abc import Mapping

import msgspec

from onema.administration.asking import Request
from onema.domain.guard.rows import GuardSubject
from onema.domain.records import LiveVerification, Window
from onema.domain.values.phone import Phone, mask
from onema.storage.contract import Story


class KnownOfPerson(msgspec.Struct, frozen=True):
    """What an account knows of a phone: the stories of its messages, newest first; codes that are waited for; and what
    windows and the guard count.
    """

    account: str
    currency: str
    phone: Phone
    stories: tuple[Story, ...]
    codes: tuple[LiveVerification, ...]
    windows: tuple[Window, ...]
    guarded: tuple[GuardSubject, ...]
    now: int


class ExportPerson(Request[tuple[KnownOfPerson, ...]], frozen=True, kw_only=True, tag="export_person"):
    """All that is known of a number, of one account or of all without `account`. Raises Refused(PHONE_INVALID)."""

    answer_type = tuple[KnownOfPerson, ...]

    phone: str
    account: str = ""

    def __repr__(self) -> str:
        return f"ExportPerson({mask(self.phone)!r}, {self.account!r})"


class ErasePerson(Request[Mapping[str, int]], frozen=True, kw_only=True, tag="erase_person"):
    """Forget a number: how many rows of each table were erased, and as "under way" how many messages are not over yet.
    Of one account, or of all without `account`. Raises Refused(PHONE_INVALID).
    """

    answer_type = dict[str, int]

    phone: str
    account: str = ""

    def __repr__(self) -> str:
        return f"ErasePerson({mask(self.phone)!r}, {self.account!r})"
