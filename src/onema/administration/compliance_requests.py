"""What may be asked of rule profiles."""

import msgspec

from onema.administration.asking import Request
from onema.domain.compliance.check import Line


class ComplianceReport(msgspec.Struct, frozen=True):
    """A profile's checks on the configuration of one revision, in the profile's order; `accounts` are those that it is
    about.
    """

    profile: str
    title: str
    revision: int
    accounts: tuple[str, ...]
    lines: tuple[Line, ...]


class ReadCompliance(Request[ComplianceReport], frozen=True, kw_only=True, tag="read_compliance"):
    """Whether configuration and settings are as a rule profile asks. Raises Refused(CONFLICT) for one that nobody
    knows.
    """

    answer_type = ComplianceReport

    profile: str
