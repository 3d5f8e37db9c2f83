"""`./dev bench`: the measurements behind RESULTS.md.

Figures are of this machine in this moment; what counts are the ratios within one run. Each measurement starts
servers of its own on fresh data, prints a table, and leaves it with a plot in bench/results/.
"""

import argparse
import importlib
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import uvloop

from bench import growth, guard, http, http_sender, load, native, postgres, sms
from bench.report import Report, markdown
from bench.server import ServerFailed
from onema.loadtest.chart import Bars, bar_chart
from onema.loadtest.load import LoadError

RESULTS = Path(__file__).parent / "results"

Measurement = Callable[..., Awaitable[Report]]

MEASUREMENTS: dict[str, tuple[Measurement, int, str]] = {
    "http": (
        http.measure,
        10,
        "codes and calls of the vendors' three APIs against /health/live, with and without delivery",
    ),
    "native": (
        native.measure,
        10,
        "codes through our own API beside eSMS, and what ten screens of the console cost",
    ),
    "guard": (guard.measure, 20, "a code with the guard off and on, in turns on one server"),
    "postgres": (postgres.measure, 10, "two processes on PostgreSQL against one on SQLite"),
    "growth": (growth.measure, 15, "an empty store against one with a million messages, SQLite"),
    "growth-postgres": (growth.measure_postgres, 15, "the same, two processes on PostgreSQL"),
    "sms": (sms.measure, 10, "HTTP in, SMPP out, receipts back: onema beside Kannel, before node-smpp"),
    "http-sender": (
        http_sender.measure,
        7,
        "messages to a gateway on loopback, by several types of carriers",
    ),
    "load": (load.measure, 5, "400 codes a second on SQLite, minute by minute: log, memory, latency"),
}
"""What measures, in how many rounds (of `load`: minutes) unless told, and what it tells."""

ALONE = {
    "committer": "the committer alone, SQLite and PostgreSQL; options of its own (committer --help)",
    "latency": "how long answers take at fixed rates; options of its own (latency --help)",
    "configuration": "changing thousands of accounts: the loop's longest hold, the command line; options of its own",
    "smpp": "SMPP alone: protocol, session and carrier before an SMSC that does the least",
    "search": "the console's pages with ten million messages in the store, SQLite and PostgreSQL",
    "speech": "joining the clips of a spoken code, loading the voices",
    "voice": "calls before sipp: CPU, exact audio, punctuality, beside baresip-python; options of its own",
}
"""Parts that are measured without a server, each by the main of its own module."""


def main() -> None:
    if any(argument.partition("=")[0] == "--against" for argument in sys.argv):
        importlib.import_module("bench.against").main()
        return
    if sys.argv[1:2] and sys.argv[1] in ALONE:
        importlib.import_module(f"bench.{sys.argv.pop(1)}").main()
        return
    options = _options()
    names = list(MEASUREMENTS) if options.measurement == "all" else [options.measurement]
    if options.measurement == "list":
        for name, (_, rounds, meaning) in MEASUREMENTS.items():
            print(f"{name:10} {meaning} ({rounds} rounds)")
        for name, meaning in ALONE.items():
            print(f"{name:10} {meaning}")
        return
    missed = False
    for name in names:
        measure, rounds, _ = MEASUREMENTS[name]
        try:
            report = uvloop.run(_run(measure, options.rounds or rounds, options.messages))
        except (LoadError, ServerFailed) as error:
            sys.exit(f"{name}: {error}")
        print(msgspec.json.encode(report).decode() if options.json else markdown(report))
        _keep(report)
        missed |= not all(goal.is_met for goal in report.goals)
    sys.exit(1 if missed else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "measurement", nargs="?", default="http", choices=[*MEASUREMENTS, *ALONE, "all", "list"]
    )
    parser.add_argument("--rounds", type=int, help="interleaved rounds of each kind of request")
    parser.add_argument("--messages", type=int, help="growth: how many the full store has (a million)")
    parser.add_argument("--json", action="store_true", help="one JSON document per measurement")
    parser.add_argument(
        "--against", metavar="REV", help="codes beside another version, in turns; alone or with --rounds"
    )
    return parser.parse_args()


async def _run(measure: Measurement, rounds: int, messages: int | None) -> Report:
    return await (measure(rounds) if messages is None else measure(rounds, messages))


def _keep(report: Report) -> None:
    RESULTS.mkdir(exist_ok=True)
    groups = [
        Bars(table.title, [(row.name, row.cpu_per_1000) for row in table.rows]) for table in report.tables
    ]
    (RESULTS / f"{report.name}.svg").write_text(bar_chart(report.title, "CPU s per 1,000", groups))
    (RESULTS / f"{report.name}.md").write_text(markdown(report))
    (RESULTS / f"{report.name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


if __name__ == "__main__":
    main()
