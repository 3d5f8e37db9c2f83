from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from onema.cli.command import Cli, Commands

if TYPE_CHECKING:
    from onema.wiring.cells import Cells
    from onema.wiring.core import Core
    from onema.wiring.moving_accounts import Moved

app = Commands(
    help="Several cells: each is a PostgreSQL database with nodes and accounts of its own (docs/operations/cells.md)."
)

T = TypeVar("T")


@app.command("list")
def list_command(cli: Cli) -> None:
    """Say which account lives in which cell."""
    from onema.cli.output import print_json, print_table
    from onema.wiring.cells import lives_in

    async def look(cells: "Cells", cores: "dict[str, Core]") -> list[dict[str, Any]]:
        return [
            {"account": view.name, "number": view.id, "cell": name, "moving_to": view.document.moving_to}
            for name, core in cores.items()
            for view in map(
                core.committer.directory.account_named.__getitem__, core.committer.directory.account_named
            )
            if lives_in(core.committer.directory, view.name) or view.document.moving_to not in ("", name)
        ]

    found = _with_cells(cli, look)
    if cli.json:
        print_json(found)
        return
    print_table(
        ("account", "number", "cell", "moving to"),
        [(one["account"], str(one["number"]), one["cell"], one["moving_to"]) for one in found],
    )


@app.command("move")
def move(
    cli: Cli,
    account: Annotated[str, typer.Argument(help="The account's name.")],
    to: Annotated[str, typer.Option("--to", help="The cell where it shall live.")],
) -> None:
    """Move an account, with all that belongs to it, to another cell while it is used.

    Its writes stop for about a second. What breaks off is taken up, or taken back, by the same command again.
    """
    import os

    from onema.administration.socket import at_the_machine
    from onema.cli.output import CliError, complain, print_json, say
    from onema.wiring.moving_accounts import AccountMove, Cell

    async def run(cells: "Cells", cores: "dict[str, Core]") -> "Moved | None":
        if to not in cores:
            raise CliError(f"There is no cell {to}, only: {', '.join(cores)}.")
        source = _source(account, to, cores)
        if source is None:
            return None

        async def switched() -> None:
            await _tell_haproxy(cells, cores)

        old, new = (Cell(name, cells.databases[name], cores[name]) for name in (source, to))
        actor = at_the_machine(os.getuid())
        return await AccountMove(account, old, new, actor, complain, switched).run()

    moved = _with_cells(cli, run)
    if cli.json:
        print_json(
            {
                "account": account,
                "cell": to,
                "rows": moved.rows if moved else 0,
                "frozen_seconds": round(moved.frozen_seconds, 3) if moved else 0,
            }
        )
        return
    say(f"{account} lives in {to}." if moved else f"{account} lives in {to} already.")


@app.command("map")
def map_command(cli: Cli) -> None:
    """Write HAProxy's map of all keys' cells, and give it to the HAProxy that runs.

    `onema cell move` does it by itself. After other changes of keys, such as a new credential, do it soon: until then
    their requests go to the first cell.
    """
    from onema.cli.output import CliError, print_json, say

    async def run(cells: "Cells", cores: "dict[str, Core]") -> int:
        if cells.map is None:
            raise CliError("The file of the cells does not say where HAProxy's map is: `map` of `[haproxy]`.")
        return await _tell_haproxy(cells, cores)

    keys = _with_cells(cli, run)
    if cli.json:
        print_json({"keys": keys})
        return
    say(f"HAProxy's map has {keys:,} keys.")


@app.command("number")
def number(
    cli: Cli,
    cell: Annotated[str, typer.Argument(help="The cell.")],
    after: Annotated[
        int, typer.Option("--after", help="The first new account gets the number after this.", min=0)
    ],
) -> None:
    """Give the accounts of a cell numbers of a range of its own, so that all may move: before its first account."""
    from onema.cli.output import CliError, print_json, say
    from onema.domain.configuration.move_account import NumberAccounts

    async def run(cells: "Cells", cores: "dict[str, Core]") -> int:
        if cell not in cores:
            raise CliError(f"There is no cell {cell}, only: {', '.join(cores)}.")
        last: int = await cores[cell].gateway.execute(NumberAccounts(after=after))
        return last

    last = _with_cells(cli, run)
    if cli.json:
        print_json({"cell": cell, "last_number": last})
        return
    say(f"The next account of {cell} gets number {last + 1}.")


async def _tell_haproxy(cells: "Cells", cores: "dict[str, Core]") -> int:
    """How many keys its map has now."""
    from onema.wiring.cell_map import cell_map, set_map, write_map

    entries = cell_map({name: core.committer.directory for name, core in cores.items()})
    if cells.map is not None:
        write_map(cells.map, entries)
        if cells.socket is not None and cells.socket.exists():
            await set_map(cells.socket, cells.haproxy.map, entries)
    return len(entries)


def _source(account: str, to: str, cores: "dict[str, Core]") -> str | None:
    """The cell that it is to leave, or has left without an end; None where nothing is to be done."""
    from onema.cli.output import CliError
    from onema.wiring.cells import CellsError, cell_of

    directories = {name: core.committer.directory for name, core in cores.items()}
    try:
        where = cell_of(account, directories)
    except CellsError as error:
        raise CliError(str(error)) from error
    if where != to:
        return where
    for name, directory in directories.items():
        view = directory.account_named.get(account)
        if view is not None and name != to and to in (view.document.moving_to, view.document.moved_to):
            return name
    return None


def _with_cells(cli: Cli, work: "Callable[[Cells, dict[str, Core]], Coroutine[Any, Any, T]]") -> T:
    """Runs `work` with the stores of all cells open. Raises CliError."""
    import asyncio

    from onema.administration.data_folder import DataFolder, DataFolderError
    from onema.cli.output import CliError
    from onema.cli.session import invalid_configuration
    from onema.domain.configuration.problems import InvalidConfiguration
    from onema.domain.refusals import Refused
    from onema.storage.contract import StorageError
    from onema.wiring.cells import CellsError, open_cell, read_cells

    settings = cli.settings()

    async def run() -> T:
        cells = read_cells(settings)
        async with AsyncExitStack() as stack:
            folder = stack.enter_context(DataFolder(settings.data, shared=True, make=False))
            cores = {
                name: await open_cell(settings, name, dsn, folder, stack)
                for name, dsn in cells.databases.items()
            }
            return await work(cells, cores)

    try:
        return asyncio.run(run())
    except InvalidConfiguration as invalid:
        raise invalid_configuration(invalid.problems) from invalid
    except Refused as refused:
        raise CliError(refused.detail or refused.refusal.value, refused.refusal.value) from refused
    except (CellsError, DataFolderError, StorageError, OSError) as error:
        raise CliError(str(error)) from error
