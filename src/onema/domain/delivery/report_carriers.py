"""What a process says of its carriers, kept where every operator can read it."""

from collections.abc import Iterable

import msgspec

from onema.domain.decision import Context, Decision, World
from onema.domain.records import Key, ProcessReport

KEEP_REPORTS_MS = 60_000
"""How long the last words of a process that died are kept."""


class ReportCarriers(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Put the process's report in the place of its last one; empty takes it away. Result: None."""

    process: str
    now: int
    carriers: str

    def keys(self, context: Context) -> Iterable[Key]:
        return ((ProcessReport, self.process),)

    def decide(self, world: World, context: Context) -> Decision:
        if not self.carriers:
            return Decision(None, deletes=((ProcessReport, self.process),))
        report = ProcessReport(self.process, self.now, self.now + KEEP_REPORTS_MS, self.carriers)
        return Decision(None, puts=(report,))
