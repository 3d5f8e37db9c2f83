from typing import TYPE_CHECKING, Annotated, Any

import typer

from onema.cli.command import Cli, Commands

if TYPE_CHECKING:
    from onema.domain.records import DeadJob

app = Commands(help="Jobs that were given up.")

JobId = Annotated[int, typer.Argument(help="Its id, as `onema job list` shows it.")]


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

    with cli.session() as session:
        dead = session.answer(ReadDeadJobs(before=before, limit=limit))
        names = {account.number: account.name for account in session.of_kind(doc.Account)}
    found = [_as_json(job, names.get(job.account, str(job.account))) for job in dead]
    if cli.json:
        print_json(found)
        return
    columns = ("id", "at", "kind", "account", "message", "leases", "reason", "fault")
    # The innermost place alone; `job show` has all of them.
    print_table(columns, [[job[column].split(" < ")[0] for column in columns] for job in found])


@app.command("show")
def show(cli: Cli, job: JobId) -> None:
    """Tell all about one job that was given up, and what became of its message."""
    from onema.administration.requests import ReadDeadJobs, ReadStory
    from onema.administration.story import message_as_json
    from onema.cli.output import CliError, print_json, say
    from onema.cli.story import as_lines
    from onema.domain.configuration import documents as doc

    with cli.session() as session:
        dead = next(iter(session.answer(ReadDeadJobs(before=job + 1, limit=1))), None)
        if dead is None or dead.id != job:
            raise CliError(f"There is no job {job} that was given up.")
        account = next((one.name for one in session.of_kind(doc.Account) if one.number == dead.account), "")
        found = session.answer(ReadStory(message=dead.message, account=account)) if account else None
    told = _as_json(dead, account or str(dead.account))
    if cli.json:
        print_json({**told, "message": message_as_json(found.story.message) if found else None})
        return
    for name in ("id", "at", "kind", "account", "leases", "attempts", "reason", "fault"):
        say(f"{name:<9} {told[name]}".rstrip())
    say(next(iter(as_lines(found))) if found else f"message {dead.message} is not there any more")


@app.command("requeue")
def requeue(cli: Cli, job: JobId) -> None:
    """Try a callback or a settlement that was given up once more; `onema message show` tells what became of it."""
    from onema.administration.requests import RequeueJob

    with cli.session() as session:
        session.answer(RequeueJob(dead=job))


@app.command("drop")
def drop(cli: Cli, job: JobId) -> None:
    """Forget a job that was given up; the story of its message keeps that there was one."""
    from onema.administration.requests import DropJob

    with cli.session() as session:
        session.answer(DropJob(dead=job))


def _as_json(job: "DeadJob", account: str) -> dict[str, Any]:
    from onema.domain.ids import time_of_id
    from onema.domain.values.times import show_time

    return {
        "id": str(job.id),
        "at": show_time(time_of_id(job.id)),
        "kind": str(job.kind),
        "account": account,
        "message": str(job.message),
        "leases": str(job.leases),
        "attempts": str(job.attempts),
        "reason": job.reason,
        "fault": job.fault,
    }
