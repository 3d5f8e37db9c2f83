"""`onema bench`: load for a running server, at a rate that does not depend on its answers."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onema.cli.command import Cli, Commands
from onema.wiring.dialects import SAMPLES

if TYPE_CHECKING:
    from onema.loadtest.load import LoadResult
    from onema.loadtest.requests import CodeRequests

app = Commands()

MOST_REQUESTS = 1_000_000
"""Of one run; each goes to a phone of its own."""

_PERCENTILES = (("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("p99.9", 99.9))


def _dialect(text: str) -> str:
    if text not in SAMPLES:
        raise typer.BadParameter(f"{text!r} is none of {', '.join(SAMPLES)}.")
    return text


@app.command()
def bench(
    cli: Cli,
    dialect: Annotated[
        str,
        typer.Argument(
            help="The API to send codes through.",
            parser=_dialect,
            metavar="|".join(SAMPLES),
            autocompletion=lambda: list(SAMPLES),
        ),
    ],
    url: Annotated[str, typer.Option(help="The server.")] = "http://127.0.0.1:8400",
    rate: Annotated[float, typer.Option(min=1, max=20_000, help="Requests to start a second.")] = 100.0,
    seconds: Annotated[float, typer.Option(min=0.1, max=600, help="How long to start requests.")] = 10.0,
    connections: Annotated[int, typer.Option(min=1, max=1_000, help="Kept open at once.")] = 64,
    credentials: Annotated[
        Path | None,
        typer.Option(
            help="JSON file with the API's keys. [default: demo.json of the data folder, or of the demo's]"
        ),
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="SVG file to draw the latencies into.")] = None,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Let the server be on another machine.")
    ] = False,
) -> None:
    """Send codes at a fixed rate and tell how long answers took, counted from when each was due.

    Each goes to another phone: a server with real carriers would send to strangers and pay for it. Exit code 1
    unless all are accepted.
    """
    import uvloop

    from onema.cli.bench_run import drive
    from onema.cli.output import CliError, print_json
    from onema.loadtest.load import LoadError

    amount = max(round(rate * seconds), 1)
    if amount > MOST_REQUESTS:
        raise CliError(f"That would be {amount:,} requests; {MOST_REQUESTS:,} are allowed in one run.")
    host, port, named = _server(url)
    requests = _requests(dialect, credentials or _demo_credentials(cli), named)
    try:
        result = uvloop.run(drive(host, port, connections, requests, rate, amount, allow_remote=allow_remote))
    except LoadError as error:
        raise CliError(f"{url}: {error}.") from error
    report = _report(dialect, rate, amount, result)
    if plot is not None:
        _draw(plot, f"{dialect} at {rate:g} a second", result)
    if cli.json:
        print_json(report)
    else:
        _print(report, connections, requests.accepted)
    if result.answers[requests.accepted] < amount:
        raise typer.Exit(1)


def _demo_credentials(cli: Cli) -> Path:
    """Of the demo that runs on the data folder, else of the one that `onema demo` makes here."""
    from onema.administration.data_folder import DEMO_CREDENTIALS
    from onema.cli.demo import DEMO_DATA

    own = cli.settings().data / DEMO_CREDENTIALS
    usual = DEMO_DATA / DEMO_CREDENTIALS
    return usual if usual.exists() and not own.exists() else own


def _server(url: str) -> tuple[str, int, str]:
    """Host, port and the Host header."""
    from urllib.parse import urlsplit

    from onema.cli.output import CliError

    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError as error:
        raise CliError(f"{url} is not an address: {error}.") from error
    host = parts.hostname
    if parts.scheme != "http" or not host or parts.username or parts.path.strip("/") or parts.query:
        raise CliError(f"{url} is not an address of the form http://HOST:PORT.")
    return host, port, parts.netloc


def _requests(dialect: str, file: Path, host: str) -> "CodeRequests":
    import json

    from onema.cli.output import CliError
    from onema.loadtest.requests import CodeRequests

    try:
        return CodeRequests(SAMPLES[dialect](json.loads(file.read_bytes())[dialect]), host)
    except OSError as error:
        raise CliError(f"{file} cannot be read: {error.strerror}. Name one with --credentials.") from error
    except KeyError as error:
        raise CliError(f"{file} has no {error.args[0]} for {dialect}.") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise CliError(f"{file} is not a file like a demo server's demo.json.") from error


def _report(dialect: str, rate: float, amount: int, result: "LoadResult") -> dict[str, Any]:
    latencies = {name: result.latency.percentile(percent) / 1000 for name, percent in _PERCENTILES}
    return {
        "dialect": dialect,
        "rate": rate,
        "requests": amount,
        "seconds": round(result.seconds, 3),
        "per_second": round(result.per_second, 1),
        "answers": dict(result.answers.most_common()),
        "lost": result.lost,
        "unanswered": result.unanswered,
        "latency_ms": {**latencies, "max": result.latency.max / 1000},
    }


def _print(report: dict[str, Any], connections: int, accepted: str) -> None:
    from onema.cli.output import print_table, say_lines

    say_lines(
        f"{report['dialect']}: {report['requests']:,} requests due at {report['rate']:g} a second over {connections} "
        f"connections, {report['per_second']:,} answered a second\n"
    )
    rows = [
        (answer, f"{count:,}", "accepted" if answer == accepted else "refused")
        for answer, count in report["answers"].items()
    ]
    rows += [
        ("-", f"{report[name]:,}", meaning)
        for name, meaning in (("lost", "connection lost"), ("unanswered", "no answer in time"))
        if report[name]
    ]
    print_table(("answer", "requests", ""), rows)
    say_lines("\nmilliseconds from when a request was due to its answer:")
    latencies = report["latency_ms"]
    print_table(tuple(latencies), [tuple(f"{value:.1f}" for value in latencies.values())])


def _draw(file: Path, title: str, result: "LoadResult") -> None:
    from onema.cli.output import CliError
    from onema.loadtest.chart import percentile_chart

    latency = result.latency
    drawing = percentile_chart(title, "ms", latency.count, lambda percent: latency.percentile(percent) / 1000)
    try:
        file.write_text(drawing)
    except OSError as error:
        raise CliError(f"{file} cannot be written: {error.strerror}.") from error
