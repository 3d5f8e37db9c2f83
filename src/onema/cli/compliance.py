"""How `onema doctor --profile` prints its report."""

import msgspec
import typer

from onema.administration.requests import ReadCompliance
from onema.cli.command import Cli
from onema.cli.output import print_json, say, say_below
from onema.domain.compliance.check import Line, Source, Verdict

_WORDS = {Verdict.HOLDS: "ok", Verdict.FAILS: "fail", Verdict.ELSEWHERE: "--"}


def report(cli: Cli, profile: str) -> None:
    """Print a profile's report; exit code 1 when something does not hold."""
    with cli.session() as session:
        found = session.answer(ReadCompliance(profile=profile))
    if cli.json:
        print_json(msgspec.to_builtins(found))
    else:
        say(found.title)
        say(f"about {', '.join(found.accounts)}" if found.accounts else "about no account: none sends there")
        for line in found.lines:
            _say(line)
        counted = {verdict: sum(line.verdict is verdict for line in found.lines) for verdict in Verdict}
        say(", ".join(f"{count} {verdict}" for verdict, count in counted.items()))
    if any(line.verdict is Verdict.FAILS for line in found.lines):
        raise typer.Exit(1)


def _say(line: Line) -> None:
    say_below(f"{_WORDS[line.verdict]:<4}  {line.check}: {line.asks}", " " * 6)
    say_below(f"      [{cited(line.source)}]", " " * 7)
    if line.verdict is Verdict.ELSEWHERE:
        say_below(f"      not ours to check: {line.why}", " " * 9)
    for fault in line.faults:
        say_below(f"      {fault.place}: {fault.what}", " " * 9)
        say_below(f"      -> {fault.change}", " " * 9)


def cited(source: Source) -> str:
    """Where something is asked, with its doubt."""
    said = f"{source.name}, {source.section}; {source.address}"
    return f"{said}; {source.doubt}" if source.doubt else said
