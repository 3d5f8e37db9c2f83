"""What codes and calls cost against /health/live, which does nothing, on the same server in the same run."""

from bench.codes import code_rounds
from bench.measured import Figures
from bench.report import Goal, Report, Table, resident
from bench.server import fresh_folder, running_server

PAUSED = {"ONEMA_DELIVERY_PAUSED": "true"}
_WARM_UP_ROUNDS = 1


async def measure(rounds: int) -> Report:
    """`rounds` of each kind on two servers, one after the other."""
    paused, delivering = Figures(), Figures()
    with fresh_folder() as data:
        async with running_server(data / "paused", PAUSED) as server, code_rounds(server) as codes:
            for number in range(_WARM_UP_ROUNDS + rounds):
                figures = Figures() if number < _WARM_UP_ROUNDS else paused
                await codes.paused(figures)
                await codes.calls_paused(figures)
            resident_paused = server.resident_mb()
        async with running_server(data / "delivering") as server, code_rounds(server) as codes:
            for number in range(_WARM_UP_ROUNDS + rounds):
                figures = Figures() if number < _WARM_UP_ROUNDS else delivering
                await codes.delivering(figures)
                await codes.calls_delivering(figures)
            resident_delivering = server.resident_mb()
    return Report(
        "http",
        "The whole path against a request that does nothing",
        (
            Table("Delivery paused; every check is wrong", (*paused.codes(), *paused.calls())),
            Table(
                "Delivery to the handset counted in; every check is right",
                (*delivering.codes(), *delivering.calls()),
            ),
        ),
        (
            Goal("mean CPU of GENCODE and CHECKCODE, delivery paused", paused.times_live(), 3.0),
            Goal("the same, delivery counted in", delivering.times_live(), 4.0),
            resident("delivery paused", resident_paused),
            resident("delivering", resident_delivering),
        ),
    )
