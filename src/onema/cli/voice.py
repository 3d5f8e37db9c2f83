"""`onema voice`: the voices that read codes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from onema.speech import Voice, Voices

app = typer.Typer(name="voice", help="Voices: list, play, verify, record one's own.", no_args_is_help=True)

Packs = Annotated[
    Path | None, typer.Option(help="A folder with voice packs of your own, beside the built-in ones.")
]


@app.command("list")
def list_voices(packs: Packs = None, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """The voices with their language, engine and licence."""
    rows = [
        {
            "voice": voice.id,
            "language": voice.language,
            "title": voice.title,
            "engine": f"{voice.origin.engine} {voice.origin.engine_version} ({voice.origin.engine_voice})",
            "licence": voice.origin.licence,
            "clips": len(voice.lines),
            "seconds": round(voice.seconds, 1),
            "sentence": voice.sentence.text,
        }
        for voice in _voices(packs).values()
    ]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("voice", "language", "engine", "licence", "clips", "seconds", "sentence")
    for row in rows:
        columns = ("voice", "title", "engine", "licence", "clips", "seconds", "sentence")
        table.add_row(*(str(row[column]) for column in columns))
    Console().print(table)


@app.command()
def play(
    voice: str,
    code: str,
    rate: Annotated[float, typer.Option(min=0.5, max=2.0, help="Times as fast, pitch kept.")] = 1.0,
    times: Annotated[int, typer.Option(min=1, max=10)] = 1,
    say: Annotated[str | None, typer.Option(help="Another sentence before the code (espeak-ng).")] = None,
    out: Annotated[Path, typer.Option(help="The WAV file to write.")] = Path("code.wav"),
    packs: Packs = None,
) -> None:
    """Writes what a call with this code would play."""
    import asyncio

    from onema.speech import UnspeakableCodeError, speak
    from onema.speech.render import EspeakRenderer, RenderError

    chosen = _voice(_voices(packs), voice)
    try:
        before = asyncio.run(EspeakRenderer().render(say, chosen)) if say else None
        message = speak(chosen, code, before=before, times=times, rate=rate)
    except (UnspeakableCodeError, RenderError) as error:
        _fail(str(error))
    out.write_bytes(message.wav())
    typer.echo(f"{out}: {message.seconds:.1f} s")


@app.command()
def verify(packs: Packs = None) -> None:
    """Checks every clip: its sha256, its length and loudness, and that it is told from all others."""
    from onema.speech.verify import faults

    voices = _voices(packs)
    found = [f"{voice.id}: {fault}" for voice in voices.values() for fault in faults(voice)]
    for fault in found:
        typer.echo(fault)
    if found:
        raise typer.Exit(1)
    typer.echo(f"{len(voices)} voices, {sum(len(voice.lines) for voice in voices.values())} clips: all good")


@app.command("record-list")
def record_list(voice: str, packs: Packs = None) -> None:
    """The lines to read for a pack of your own, each with the name of its file."""
    for line, clip in _voice(_voices(packs), voice).lines.items():
        typer.echo(f"{line}.wav\t{clip.text}")


@app.command("import")
def import_recordings(
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="0.wav ... Z.wav, sentence.wav")
    ],
    like: Annotated[str, typer.Option(help="The voice whose lines were read (see record-list).")],
    packs: Annotated[Path, typer.Option(help="Where the new pack goes.")],
    voice: Annotated[str | None, typer.Option(help="Its id; that of a built-in voice replaces it.")] = None,
    speaker: Annotated[str, typer.Option(help="Who read.")] = "own recording",
    licence: Annotated[str, typer.Option(help="What others may do with it.")] = "proprietary",
) -> None:
    """Makes a voice pack from recordings: 8 to 48 kHz WAV files, one for each line."""
    from onema.speech.own_pack import from_recordings
    from onema.speech.pack import PackError, save
    from onema.speech.verify import faults

    model = _voice(_voices(None), like)
    try:
        made = from_recordings(folder, model, voice or f"{like}-own", speaker, licence)
        packs.mkdir(parents=True, exist_ok=True)
        save(made, packs / made.id)
    except PackError as error:
        _fail(str(error))
    for fault in faults(made):
        typer.echo(f"look at this: {fault}")
    typer.echo(f"{packs / made.id}: {len(made.lines)} clips, {made.seconds:.1f} s")


@app.command()
def build(
    voices: Annotated[list[str] | None, typer.Argument(help="Built-in voices; none means all.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where packs go; none means the source tree.")] = None,
    kokoro_voices: Annotated[Path | None, typer.Option(help="Folder `voices` of npm kokoro-js.")] = None,
) -> None:
    """For maintainers: renders the built-in packs anew. docs/voices.md says which tools it needs."""
    from onema.speech.build_lines import BUILT_IN_LINES
    from onema.speech.build_pack import build as build_pack
    from onema.speech.voices import BUILT_IN

    for voice_id in voices or sorted(BUILT_IN_LINES):
        if voice_id not in BUILT_IN_LINES:
            _fail(f"no built-in voice {voice_id}; there are {', '.join(BUILT_IN_LINES)}")
        try:
            made = build_pack(voice_id, (out or BUILT_IN) / voice_id, kokoro_voices)
        except (ImportError, ValueError) as error:
            _fail(f"{voice_id}: {error}")
        typer.echo(f"{made.id}: {len(made.lines)} clips, {made.seconds:.1f} s")


def _voices(packs: Path | None) -> Voices:
    from onema.speech import PackError, Voices

    try:
        return Voices.load(*([packs] if packs else []))
    except PackError as error:
        _fail(str(error))


def _voice(voices: Voices, voice_id: str) -> Voice:
    if voice_id not in voices:
        _fail(f"no voice {voice_id}; there are {', '.join(voices)}")
    return voices[voice_id]


def _fail(reason: str) -> NoReturn:
    typer.echo(reason, err=True)
    raise typer.Exit(1)
