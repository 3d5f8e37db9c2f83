"""What the guard costs a code: on one server, on which it is off and on in turns."""

import statistics
from collections.abc import Awaitable, Callable, Mapping

from bench.codes import CodeRounds, code_rounds
from bench.measured import Measured
from bench.report import Goal, Report, Table
from bench.server import ServerFailed, ServerProcess, fresh_folder, running_server
from onema.administration.requests import PutDocuments
from onema.administration.socket import connect
from onema.domain.configuration import documents as doc

PAUSED = {"ONEMA_DELIVERY_PAUSED": "true"}
MODES: tuple[doc.GuardMode, ...] = ("off", "block")
AT_MOST = 1.10
_WARM_UP_ROUNDS = 2
_NEVER_FULL = 1_000_000_000

Round = Callable[[CodeRounds, Measured], Awaitable[None]]


async def measure(rounds: int) -> Report:
    """`rounds` with the guard off, and as many with it on, in turns; every code is to a new phone."""
    delivered = await _in_turns(rounds, {}, CodeRounds.gencodes_delivered)
    paused = await _in_turns(rounds, PAUSED, CodeRounds.gencodes)
    return Report(
        "guard",
        "A code with the guard off and on, in turns on one server",
        (
            Table("Until it is on its phone", tuple(one.row() for one in delivered)),
            Table("Delivery paused", tuple(one.row() for one in paused)),
        ),
        (
            Goal("CPU of a GENCODE, guard on : off, the median of the rounds", _median(*delivered), AT_MOST),
            Goal("the same with delivery paused", _median(*paused), AT_MOST),
        ),
        tuple(
            f"The rounds' ratios{where}: {', '.join(f'{ratio:.2f}' for ratio in sorted(_ratios(*of)))}."
            for where, of in (("", delivered), (" with delivery paused", paused))
        ),
    )


async def _in_turns(
    rounds: int, environment: Mapping[str, str], one_round: Round
) -> tuple[Measured, Measured]:
    """(with the guard off, with it on)."""
    measured = {mode: Measured(f"GENCODE, guard {mode}") for mode in MODES}
    with fresh_folder() as data:
        async with running_server(data / "guard", environment) as server, code_rounds(server) as codes:
            for number in range(_WARM_UP_ROUNDS + rounds):
                for mode in MODES:
                    await _set(server, mode)
                    kept = Measured("warm up") if number < _WARM_UP_ROUNDS else measured[mode]
                    await one_round(codes, kept)
    off, on = (measured[mode] for mode in MODES)
    return off, on


def _ratios(off: Measured, on: Measured) -> list[float]:
    return [with_it / without for without, with_it in zip(off.cpu_by_round, on.cpu_by_round, strict=True)]


def _median(off: Measured, on: Measured) -> float:
    return statistics.median(_ratios(off, on))


async def _set(server: ServerProcess, mode: doc.GuardMode) -> None:
    """Nobody types these codes in, so budgets that could be full would be."""
    guard = doc.Guard(name="*", mode=mode, country_hour=_NEVER_FULL, country_day=_NEVER_FULL)
    administrator = await connect(server.data)
    if administrator is None:
        raise ServerFailed("nobody answers on the server's data folder")
    await administrator.answer(PutDocuments(documents=(guard,)))
    await administrator.close()
