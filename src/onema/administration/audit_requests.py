"""What may be asked of the audit log."""

import msgspec

from onema.administration.asking import Request
from onema.domain.audit import AuditEntry


class AuditPage(msgspec.Struct, frozen=True):
    """Entries of the audit log, the newest first; `next` is where the next page begins, None when nothing is left."""

    entries: tuple[AuditEntry, ...]
    next: tuple[int, int] | None


class ReadAudit(Request[AuditPage], frozen=True, kw_only=True, tag="read_audit"):
    """Who changed what by hand: of one account, or of all and the installation without `account`. `before` is a page's
    `next`.
    """

    answer_type = AuditPage

    account: str = ""
    before: tuple[int, int] = (2**63 - 1, 2**63 - 1)
    limit: int = 50
