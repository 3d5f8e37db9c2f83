"""What the guard must stop of an attack, and whom it must leave alone."""

from pathlib import Path

import pytest

from onema.testing.attack.simulation import simulate

from .test_commands import Program
from .test_commands import onema as onema  # noqa: PLC0414  # the fixture


@pytest.mark.parametrize("seed", [1, 7])
def test_an_enforcing_guard_stops_the_attack_and_leaves_people_alone(seed: int) -> None:
    """95 % of pumping's cost, at most one in 200 of people's messages touched, and no owner locked out."""
    result = simulate(seed)
    assert result.pumped_asked == 6_000
    assert result.pumped_spend_stopped >= 0.95
    assert result.good_sends > 1_500
    assert result.good_touched_share <= 0.005
    assert (result.owners_attacked, result.strangers_refused, result.owners_locked_out) == (20, 20, 0)
    assert result.bombed_most <= 30
    assert result.guesses_most <= 100
    assert result.pairs_alike >= 0.9


def test_without_the_guard_the_attack_pays() -> None:
    """Or the figures above would say nothing: the account's windows alone stop little of it, and lock owners out."""
    result = simulate(1, "off")
    assert result.pumped_spend_stopped < 0.05
    assert result.owners_locked_out > 0
    assert result.good_touched == 0


def test_a_seed_repeats_the_run() -> None:
    """To the last figure."""
    assert simulate(5, quiet_days=1) == simulate(5, quiet_days=1)
    assert simulate(5, quiet_days=1) != simulate(6, quiet_days=1)


def test_the_command_prints_its_seed_and_its_figures(onema: Program, tmp_path: Path) -> None:
    """And leaves a plot."""
    plot = tmp_path / "attack.svg"
    code, out, err = onema.run("simulate", "attack", "--plot", str(plot))
    assert code == 0
    seed = (out + err).split("seed ", 1)[1].split()[0]
    found = onema.json("simulate", "attack", "--seed", seed)
    assert found["seed"] == int(seed)
    assert str(found["pumped_sent"]) in out
    assert plot.read_text().startswith("<svg")
    assert onema.run("simulate", "attack", "--mode", "enforce")[0] == 1
