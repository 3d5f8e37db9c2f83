from onema.cli.command import Cli, Commands

app = Commands()


@app.command()
def restored(cli: Cli) -> None:
    """After putting a backup in place, before any server starts on it: what it still had to send is not sent again.

    It may have been sent after the backup was made. A file of `onema backup` is known as one, and needs no command.
    """
    import asyncio
    from contextlib import AsyncExitStack

    from onema.administration.data_folder import DataFolderError
    from onema.cli.output import CliError, print_json, say
    from onema.domain.refusals import Refused
    from onema.settings import Settings
    from onema.storage.contract import StorageError
    from onema.wiring.core import data_folder, hold_restored_jobs, open_core

    async def hold(settings: Settings) -> dict[str, int]:
        async with AsyncExitStack() as stack:
            folder = stack.enter_context(data_folder(settings))
            core = await open_core(settings, stack, folder)
            return dict(core.held or await hold_restored_jobs(settings, core))

    try:
        held = asyncio.run(hold(cli.settings()))
    except (DataFolderError, StorageError, Refused) as error:
        raise CliError(str(error)) from error
    if cli.json:
        print_json(held)
        return
    for kind, jobs in sorted(held.items()):
        say(f"{kind}: {jobs:,} held")
    say("Nothing that may have been sent since the backup is sent again. Start the servers.")
