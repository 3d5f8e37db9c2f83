from pathlib import Path
from typing import Annotated

import typer

from onema.cli.command import Cli, Commands
from onema.cli.registered import Registered

app = Commands(help="What accounts register to send from.")

Account = Annotated[str, typer.Argument(help="Whose it is.")]
Name = Annotated[str, typer.Argument(help="Its name.")]
Appid = Annotated[str | None, typer.Option(help="Its public number, where a dialect asks for one.")]
Sandbox = Annotated[
    bool | None, typer.Option("--sandbox/--production", help="Its environment.", show_default=False)
]
VoiceCode = Annotated[
    bool | None, typer.Option("--voice-code/--no-voice-code", help="May call.", show_default=False)
]
AllowedIps = Annotated[str | None, typer.Option(help="Networks that may call, comma-separated; empty: all.")]
CallbackUrl = Annotated[str | None, typer.Option(help="Where delivery is reported.")]
CallStateUrl = Annotated[
    str | None, typer.Option(help="Where the states of calls are told, if not where delivery is reported.")
]
Voice = Annotated[str | None, typer.Option(help="Who speaks.")]
Sentence = Annotated[str | None, typer.Option(help="What is spoken, with its placeholder.")]
Pool = Annotated[str | None, typer.Option(help="The hotline pool that it calls from.")]
RecallAfter = Annotated[
    str | None,
    typer.Option(
        help="After which endings a phone is called again: busy, no_answer, failed, voicemail, comma-separated; "
        "empty: after none."
    ),
]
RecallTimes = Annotated[int | None, typer.Option(help="How often at most.")]
RecallDelay = Annotated[int | None, typer.Option(help="Seconds between a call's end and the next call.")]
Title = Annotated[str | None, typer.Option(help="What people call it.")]
CodeLength = Annotated[
    int | None, typer.Option(help="Characters of its codes, where its API makes them: 4 to 10.")
]
TemplateName = Annotated[
    str | None, typer.Option("--template", help="The named template that its codes are sent as.")
]
OwnCodes = Annotated[
    bool | None,
    typer.Option("--own-codes/--no-own-codes", help="Whether its sender may give codes of its own."),
]


@app.command("add")
def add(
    cli: Cli,
    account: Account,
    name: Name,
    appid: Appid = None,
    sandbox: Sandbox = None,
    voice_code: VoiceCode = None,
    allowed_ips: AllowedIps = None,
    callback_url: CallbackUrl = None,
    call_state_url: CallStateUrl = None,
    voice: Voice = None,
    sentence: Sentence = None,
    pool: Pool = None,
    recall_after: RecallAfter = None,
    recall_times: RecallTimes = None,
    recall_delay: RecallDelay = None,
    title: Title = None,
    code_length: CodeLength = None,
    template: TemplateName = None,
    own_codes: OwnCodes = None,
    registered: Registered = [],  # noqa: B006  # typer needs a list, and nobody changes it
) -> None:
    """Register an application."""
    from onema.cli.changes import comma_list, create, given, made
    from onema.cli.registered import told_facts, with_facts
    from onema.domain.configuration import documents as doc

    fields = _fields(appid, sandbox, voice_code, allowed_ips, callback_url, voice, sentence, pool)
    fields |= given(
        recall_after=comma_list(recall_after),
        recall_times=recall_times,
        recall_delay=recall_delay,
        call_state_url=call_state_url,
        title=title,
        code_length=code_length,
        template=template,
        own_codes=own_codes,
    )
    facts = with_facts({}, told_facts(registered))
    create(cli, made(doc.Application, account=account, name=name, registered=facts, **fields))


@app.command("set")
def change(
    cli: Cli,
    account: Account,
    name: Name,
    appid: Appid = None,
    sandbox: Sandbox = None,
    voice_code: VoiceCode = None,
    allowed_ips: AllowedIps = None,
    callback_url: CallbackUrl = None,
    call_state_url: CallStateUrl = None,
    voice: Voice = None,
    sentence: Sentence = None,
    pool: Pool = None,
    recall_after: RecallAfter = None,
    recall_times: RecallTimes = None,
    recall_delay: RecallDelay = None,
    title: Title = None,
    code_length: CodeLength = None,
    template: TemplateName = None,
    own_codes: OwnCodes = None,
    registered: Registered = [],  # noqa: B006  # typer needs a list, and nobody changes it
    active: Annotated[bool | None, typer.Option(help="Whether it may send.", show_default=False)] = None,
) -> None:
    """Change what the options name."""
    from onema.cli.changes import comma_list, given, state_of
    from onema.cli.registered import edit_registered
    from onema.domain.configuration import documents as doc

    fields = _fields(appid, sandbox, voice_code, allowed_ips, callback_url, voice, sentence, pool)
    fields |= given(
        recall_after=comma_list(recall_after),
        recall_times=recall_times,
        recall_delay=recall_delay,
        call_state_url=call_state_url,
        title=title,
        code_length=code_length,
        template=template,
        own_codes=own_codes,
    )
    fields |= given(state=state_of(active))
    edit_registered(cli, doc.Application, f"{account}/{name}", fields, registered)


@app.command("record")
def record(
    cli: Cli,
    account: Account,
    name: Name,
    recording: Annotated[Path, typer.Argument(help="WAV file of what is said before the code.")],
    after: Annotated[Path | None, typer.Option(help="WAV file of what is said after the code.")] = None,
    voice: Annotated[str | None, typer.Option(help="Beside whose digits; the application's voice.")] = None,
    sentence: Annotated[str | None, typer.Option(help="The sentence's text; the application's.")] = None,
) -> None:
    """Use a recording of one's own for the application's sentence, instead of a rendered one."""
    from onema.administration.requests import PutRecording
    from onema.cli.output import CliError, print_json, say
    from onema.domain.configuration import documents as doc
    from onema.speech.making.recording import RecordingError, clip_from_wav

    with cli.session() as session:
        identity = f"{account}/{name}"
        found = [one for one in session.of_kind(doc.Application) if one.identity == identity]
        text = sentence or (found[0].sentence if found else None)
        if not text:
            raise CliError(f"There is no application {identity!r} with a sentence; name one with --sentence.")
        try:
            clips = [
                clip_from_wav(file.read_bytes(), text).pcmu if file else b"" for file in (recording, after)
            ]
        except (OSError, RecordingError) as error:
            raise CliError(f"The recording cannot be used: {error}.") from error
        beside = voice or (found[0].voice if found else "") or "vi-north"
        session.answer(PutRecording(voice=beside, sentence=text, before=clips[0], after=clips[1]))
    if cli.json:
        print_json({"voice": beside, "sentence": text})
    else:
        say(f"{text!r} is now spoken from the recording, beside {beside}")


@app.command("remove")
def remove(cli: Cli, account: Account, name: Name) -> None:
    """Remove an application that no credential names."""
    from onema.cli import changes
    from onema.domain.configuration import documents as doc

    changes.remove(cli, doc.Application, f"{account}/{name}")


@app.command("list")
def show_all(
    cli: Cli, account: Annotated[str | None, typer.Argument(help="Only this account's.")] = None
) -> None:
    """List applications."""
    from onema.cli.changes import print_documents
    from onema.domain.configuration import documents as doc

    with cli.session() as session:
        found = session.of_kind(doc.Application, account)
    print_documents(cli, found, ("account", "name", "appid", "environment", "state", "voice_code", "pool"))


def _fields(
    appid: str | None,
    sandbox: bool | None,
    voice_code: bool | None,
    allowed_ips: str | None,
    callback_url: str | None,
    voice: str | None,
    sentence: str | None,
    pool: str | None,
) -> dict[str, object]:
    """The application's fields that options name."""
    from onema.cli.changes import comma_list

    named = {
        "appid": appid,
        "environment": None if sandbox is None else "sandbox" if sandbox else "production",
        "voice_code": voice_code,
        "allowed_ips": comma_list(allowed_ips),
        "callback_url": callback_url,
        "voice": voice,
        "sentence": sentence,
        "pool": pool,
    }
    return {field: value for field, value in named.items() if value is not None}
