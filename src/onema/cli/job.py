from typing import Annotated

import typer

from onema.cli.command import Cli, Commands

app = Commands(help="Jobs that were given up.")


@app.command("list")
def show_all(
    cli: Cli,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 20,
    before: Annotated[int, typer.Option(help="Only those given up before this one.", show_default=False)] = 0,
) -> None:
    """List callbacks and other jobs that were given up, newest first."""
    from onema.administration.requests import ReadDeadJobs
    from onema.cli.output import print_json, print_table
    from onema.domain.configuration import documents as doc
    from onema.domain.ids import time_of_id
    from onema.domain.values.times import show_time

    with cli.session() as session:
        dead = session.answer(ReadDeadJobs(before=before, limit=limit))
        names = {account.number: account.name for account in session.of_kind(doc.Account)}
    found = [
        {
            "id": str(job.id),
            "at": show_time(time_of_id(job.id)),
            "kind": job.kind,
            "account": names.get(job.account, str(job.account)),
            "message": str(job.message),
            "leases": str(job.leases),
            "reason": job.reason,
        }
        for job in dead
    ]
    if cli.json:
        print_json(found)
        return
    columns = ("id", "at", "kind", "account", "message", "leases", "reason")
    print_table(columns, [[job[column] for column in columns] for job in found])


@app.command("retry")
def retry(
    cli: Cli, job: Annotated[int, typer.Argument(help="Its id, as `onema job list` shows it.")]
) -> None:
    """Try a callback that was given up once more; `onema message show` tells what became of it."""
    from onema.administration.requests import RetryJob

    with cli.session() as session:
        session.answer(RetryJob(dead=job))
