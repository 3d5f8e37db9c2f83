"""`onema simulate attack`: what the guard stops of an attack, and whom it troubles."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onema.cli.command import Cli

if TYPE_CHECKING:
    from onema.testing.attack.simulation import Result

_MINUTES = 10


def attack(
    cli: Cli,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same one does the same again.", show_default="drawn")
    ] = None,
    mode: Annotated[str, typer.Option(help="The guard's: off, record, challenge or block.")] = "block",
    plot: Annotated[Path | None, typer.Option(help="Write the pumping, minute by minute, as SVG.")] = None,
) -> None:
    """Attack a core of its own: pumping, bombing, code guessing, enumeration and lock-out, between people's messages.

    It takes a few seconds, and touches no server and no data.
    """
    import secrets
    from typing import get_args

    from onema.cli.output import CliError, print_json, print_table, say
    from onema.domain.configuration.documents import GuardMode
    from onema.testing.attack.simulation import simulate

    if mode not in get_args(GuardMode):
        raise CliError(f"{mode!r} is no mode of a guard: off, record, challenge or block.")
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    if not cli.json:
        say(f"seed {seed}")
    result = simulate(seed, mode)  # type: ignore[arg-type]  # one of its values, as was just seen
    if plot is not None:
        plot.write_text(_chart(result))
    if cli.json:
        print_json(_figures(result) | {"seed": seed, "mode": mode, "good_rules": result.good_rules})
    else:
        print_table(("what", "figure"), _told(result))


def _figures(result: "Result") -> dict[str, int | float]:
    return {
        "pumped_asked": result.pumped_asked,
        "pumped_sent": result.pumped_sent,
        "pumped_spend_stopped_percent": round(100 * result.pumped_spend_stopped, 2),
        "good_sends": result.good_sends,
        "good_touched": result.good_touched,
        "good_touched_percent": round(100 * result.good_touched_share, 2),
        "bombing_asked": result.bombing_asked,
        "bombing_most_for_one_phone": result.bombed_most,
        "guesses_most_for_one_phone": result.guesses_most,
        "guesses_right": result.guesses_right,
        "answers_alike_percent": round(100 * result.pairs_alike, 2),
        "owners_attacked": result.owners_attacked,
        "strangers_refused": result.strangers_refused,
        "owners_locked_out": result.owners_locked_out,
    }


def _told(result: "Result") -> list[tuple[str, str]]:
    figures = _figures(result)
    named = {
        "messages that the pumpers asked for": "pumped_asked",
        "of these, sent": "pumped_sent",
        "of their cost, stopped (%)": "pumped_spend_stopped_percent",
        "messages that people asked for": "good_sends",
        "of these, refused by the guard": "good_touched",
        "of people's messages (%)": "good_touched_percent",
        "messages that the bombers asked for": "bombing_asked",
        "the most that one phone got in the day": "bombing_most_for_one_phone",
        "the most guesses at one phone's codes": "guesses_most_for_one_phone",
        "codes that were guessed": "guesses_right",
        "pairs of a customer and a stranger with one answer (%)": "answers_alike_percent",
        "owners whose numbers strangers asked for until they were refused": "strangers_refused",
        "owners who were locked out": "owners_locked_out",
    }
    return [(what, str(figures[name])) for what, name in named.items()]


def _chart(result: "Result") -> str:
    from onema.loadtest.chart import Bars, bar_chart

    def per_ten_minutes(which: int) -> list[tuple[str, float]]:
        minutes = result.by_minute
        return [
            (f"minute {start}", sum(one[which] for one in minutes[start : start + _MINUTES]))
            for start in range(0, len(minutes), _MINUTES)
        ]

    groups = [Bars("Asked for", per_ten_minutes(0)), Bars("Sent", per_ten_minutes(1))]
    title = f"Pumping, seed {result.seed}, guard {result.mode}"
    return bar_chart(title, "messages in ten minutes", groups, digits=0)
