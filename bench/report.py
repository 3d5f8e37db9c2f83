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


def resident(name: str, megabytes: float) -> Goal:
    return Goal(f"resident memory, {name}", megabytes, _RESIDENT_GOAL_MB, " MB")


def markdown(report: Report) -> str:
    return "\n".join([f"## {report.title}", *map(_table, report.tables), _goals(report.goals)])


def _table(table: Table) -> str:
    base = table.rows[0].cpu_per_1000
    lines = [
        "",
        f"**{table.title}**",
        "",
        f"| | requests/s | p50 ms | p99 ms | CPU s per 1,000 | x {table.rows[0].name} |",
        "|---|---|---|---|---|---|",
    ]
    for row in table.rows:
        lines.append(
            f"| {row.name} | {row.per_second:,.0f} | {row.p50_ms:.1f} | {row.p99_ms:.1f} "
            f"| {row.cpu_per_1000:.3f} | {row.cpu_per_1000 / base:.2f} |"
        )
    return "\n".join(lines)


def _goals(goals: Sequence[Goal]) -> str:
    lines = ["", "| | measured | goal |", "|---|---|---|"]
    for goal in goals:
        digits = 2 if goal.unit == "x" else 0
        verdict = "" if goal.is_met else " **missed**"
        lines.append(
            f"| {goal.name} | {goal.value:.{digits}f}{goal.unit}{verdict} | at most {goal.limit:g}{goal.unit} |"
        )
    return "\n".join([*lines, ""])
