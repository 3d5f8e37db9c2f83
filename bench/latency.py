"""How long answers take under a load that does not wait for them.

    ./dev bench latency [--seconds 5] [--rates 250 500 1000 ...]

Codes by GENCODE at fixed rates, delivery to the handset included, on SQLite. Latency counts from when a request was
due, so a server that falls behind shows it.
"""

import argparse
from pathlib import Path

import uvloop

from bench.requests import DemoRequests
from bench.server import fresh_folder, running_server
from onema.testing.chart import Bars, bar_chart
from onema.testing.load import Histogram, LoadGenerator

RATES = (250, 500, 1_000, 1_500, 2_000, 2_500)
CONNECTIONS = 64
_PERCENTILES = (50.0, 90.0, 99.0, 99.9)
_RESULT = Path(__file__).parent / "results" / "latency"


async def measure(rates: list[int], seconds: float) -> dict[int, Histogram]:
    measured: dict[int, Histogram] = {}
    with fresh_folder() as data:
        async with running_server(data / "demo") as server:
            codes = DemoRequests(server.data).esms
            async with LoadGenerator("127.0.0.1", server.port, CONNECTIONS) as load:
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
    heading = "".join(f" p{percentile:g} ms |" for percentile in _PERCENTILES)
    lines = [f"| codes/s |{heading} max ms |", "|---|" + "---|" * (len(_PERCENTILES) + 1)]
    for rate, latency in measured.items():
        values = [latency.percentile(percentile) / 1000 for percentile in _PERCENTILES]
        lines.append(
            f"| {rate:,} | " + " | ".join(f"{value:.1f}" for value in [*values, latency.max / 1000]) + " |"
        )
    print("\n".join(lines))
    groups = [
        Bars(
            f"p{percentile:g}",
            [(f"{rate:,}/s", found.percentile(percentile) / 1000) for rate, found in measured.items()],
        )
        for percentile in (50.0, 99.0)
    ]
    _RESULT.with_suffix(".md").write_text("\n".join(lines) + "\n")
    _RESULT.with_suffix(".svg").write_text(
        bar_chart("GENCODE with delivery, from when it was due", "ms", groups)
    )


if __name__ == "__main__":
    main()
