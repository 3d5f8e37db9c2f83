"""Tables for RESULTS.md, and what a measurement returns."""

from collections.abc import Sequence

import msgspec

from bench.measured import Row

_RESIDENT_GOAL_MB = 120


class Goal(msgspec.Struct, frozen=True):
    """A figure that must not be above its limit."""

    name: str
    value: float
    limit: float
    unit: str = "x"

    @property
    def is_met(self) -> bool:
        return self.value <= self.limit


class Table(msgspec.Struct, frozen=True):
    """Rows of one server; their CPU is compared with the first row's."""

    title: str
    rows: Sequence[Row]


class Report(msgspec.Struct, frozen=True):
    name: str
    title: str
    tables: Sequence[Table]
    goals: Sequence[Goal]
    notes: Sequence[str] = ()
    """What else was seen, in whole sentences."""


def resident(name: str, megabytes: float) -> Goal:
    return Goal(f"resident memory, {name}", megabytes, _RESIDENT_GOAL_MB, " MB")


def markdown(report: Report) -> str:
    notes = [f"\n{note}" for note in report.notes]
    return "\n".join([f"## {report.title}", *map(_table, report.tables), *notes, _goals(report.goals)])


def _table(table: Table) -> str:
    base = table.rows[0]
    with_database = any(row.database_cpu_per_1000 for row in table.rows)
    heads = ["", "requests/s", "p50 ms", "p99 ms", "CPU s per 1,000", f"x {base.name}"]
    lines = [[*heads, "database"] if with_database else heads, ["---"] * (6 + with_database)]
    for row in table.rows:
        line = [
            row.name,
            f"{row.per_second:,.0f}",
            f"{row.p50_ms:.1f}",
            f"{row.p99_ms:.1f}",
            f"{row.cpu_per_1000:.3f}",
            f"{row.cpu_per_1000 / base.cpu_per_1000:.2f}",
        ]
        lines.append([*line, f"{row.database_cpu_per_1000:.3f}"] if with_database else line)
    return "\n".join(["", f"**{table.title}**", "", *(f"| {' | '.join(line)} |" for line in lines)])


def _goals(goals: Sequence[Goal]) -> str:
    lines = ["", "| | measured | goal |", "|---|---|---|"]
    for goal in goals:
        digits = {"x": 2, " s": 3, " ms": 3, " %": 1}.get(goal.unit, 0)
        verdict = "" if goal.is_met else " **missed**"
        lines.append(
            f"| {goal.name} | {goal.value:.{digits}f}{goal.unit}{verdict} | at most {goal.limit:g}{goal.unit} |"
        )
    return "\n".join([*lines, ""])
