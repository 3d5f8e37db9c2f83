"""How long answers take under a load that does not wait for them.

    ./dev bench latency [--seconds 5] [--rates 250 500 1000 ...]

Codes by GENCODE at fixed rates, delivery to the handset included, on SQLite and on two processes with PostgreSQL.
Latency counts from when a request was due, so a server that falls behind shows it.
"""

import argparse
from pathlib import Path

import uvloop

from bench.codes import CONNECTIONS
from bench.nodes import NODES, Deployment, SpreadLoad, running_nodes
from bench.postgres import recommended_settings
from bench.requests import DemoRequests
from bench.server import fresh_folder, running_server
from onema.loadtest.chart import Bars, bar_chart
from onema.loadtest.load import Histogram, LoadGenerator
from onema.testing.postgres_server import running_server as running_database

RATES = (250, 500, 1_000, 1_500, 2_000, 2_500)
_PERCENTILES = (50.0, 90.0, 99.0, 99.9)
_RESULT = Path(__file__).parent / "results" / "latency"

Latencies = dict[int, Histogram]


async def measure(rates: list[int], seconds: float) -> dict[str, Latencies]:
    """By engine and rate."""
    measured: dict[str, Latencies] = {}
    with fresh_folder() as data:
        async with (
            running_server(data / "demo") as server,
            LoadGenerator("127.0.0.1", server.port, CONNECTIONS) as load,
        ):
            measured["SQLite"] = await _at_rates(server.data, load, rates, seconds)
        with running_database(recommended_settings()) as database:
            async with running_nodes(Deployment(data, database, "latency")) as (nodes, spread):
                name = f"PostgreSQL, {NODES} processes"
                measured[name] = await _at_rates(nodes.data, spread, rates, seconds)
    return measured


async def _at_rates(
    data: Path, load: LoadGenerator | SpreadLoad, rates: list[int], seconds: float
) -> Latencies:
    measured: Latencies = {}
    codes = DemoRequests(data).esms
    first = 0
    # The first run warms the server up.
    for rate in [rates[0], *rates]:
        amount = round(rate * seconds)
        requests = [codes.send(number) for number in range(first, first + amount)]
        first += amount
        result = await load.at_rate(requests, rate, seconds=seconds + 1, classify=codes.classify)
        assert result.answers == {codes.accepted: amount}, result.answers
        measured[rate] = result.latency
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="./dev bench latency", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rates", type=int, nargs="+", default=list(RATES))
    options = parser.parse_args()
    measured = uvloop.run(measure(options.rates, options.seconds))
    table = "\n".join(_table(measured))
    print(table)
    groups = [
        Bars(
            f"{engine}, p{percentile:g}",
            [(f"{rate:,}/s", found.percentile(percentile) / 1000) for rate, found in latencies.items()],
        )
        for engine, latencies in measured.items()
        for percentile in (50.0, 99.0)
    ]
    _RESULT.with_suffix(".md").write_text(table + "\n")
    _RESULT.with_suffix(".svg").write_text(
        bar_chart("GENCODE with delivery, from when it was due", "ms", groups)
    )


def _table(measured: dict[str, Latencies]) -> list[str]:
    heading = "".join(f" p{percentile:g} ms |" for percentile in _PERCENTILES)
    lines = [f"| | codes/s |{heading} max ms |", "|---|---|" + "---|" * (len(_PERCENTILES) + 1)]
    for engine, latencies in measured.items():
        for rate, latency in latencies.items():
            values = [*(latency.percentile(each) / 1000 for each in _PERCENTILES), latency.max / 1000]
            lines.append(f"| {engine} | {rate:,} | " + " | ".join(f"{value:.1f}" for value in values) + " |")
    return lines


if __name__ == "__main__":
    main()
