"""`onema voice`: the voices that read codes out."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from onema.cli.command import Cli, Commands

if TYPE_CHECKING:
    from onema.speech import Voice, Voices

PACKS = "voices"
"""The data folder's own packs."""

app = Commands(help="Voices: list, play, verify, record one's own.")

Packs = Annotated[
    Path | None,
    typer.Option(help="A folder with voice packs, beside the built-in ones and those of the data folder."),
]


VoiceId = Annotated[str, typer.Argument(help="A voice of `onema voice list`.")]


@app.command("list")
def list_voices(cli: Cli, packs: Packs = None) -> None:
    """List the voices with their language, engine and licence."""
    from onema.cli.output import print_json, print_table

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
        for voice in _voices(cli, packs).values()
    ]
    if cli.json:
        print_json(rows)
    else:
        columns = ("voice", "title", "engine", "licence", "clips", "seconds", "sentence")
        print_table(columns, [[str(row[column]) for column in columns] for row in rows])


@app.command("play")
def play(
    cli: Cli,
    voice: VoiceId,
    code: Annotated[str, typer.Argument(help="Digits and letters to read.")],
    rate: Annotated[float, typer.Option(min=0.5, max=2.0, help="Times as fast, pitch kept.")] = 1.0,
    times: Annotated[int, typer.Option(min=1, max=10, help="How often.")] = 1,
    sentence: Annotated[
        str | None, typer.Option("--say", help="Another sentence before the code (espeak-ng).")
    ] = None,
    out: Annotated[Path, typer.Option(help="The WAV file to write.")] = Path("code.wav"),
    packs: Packs = None,
) -> None:
    """Write what a call with this code would play."""
    import asyncio

    from onema.cli.output import CliError, print_json, say
    from onema.speech import UnspeakableCodeError, speak
    from onema.speech.making.render import EspeakRenderer, RenderError

    chosen = _voice(_voices(cli, packs), voice)
    try:
        before = asyncio.run(EspeakRenderer().render(sentence, chosen)) if sentence else None
        message = speak(chosen, code, before=before, times=times, rate=rate)
    except (UnspeakableCodeError, RenderError) as error:
        raise CliError(f"{error}.") from error
    out.write_bytes(message.wav())
    if cli.json:
        print_json({"file": str(out), "seconds": round(message.seconds, 1)})
    else:
        say(f"{out}: {message.seconds:.1f} s")


@app.command("verify")
def verify(cli: Cli, packs: Packs = None) -> None:
    """Check every clip: its sha256, its length and loudness, and that it is told from all others."""
    from onema.cli.output import print_json, say
    from onema.speech.hearing.verify import faults

    voices = _voices(cli, packs)
    found = [f"{voice.id}: {fault}" for voice in voices.values() for fault in faults(voice)]
    clips = sum(len(voice.lines) for voice in voices.values())
    if cli.json:
        print_json({"voices": len(voices), "clips": clips, "faults": found})
    for fault in () if cli.json else found or (f"{len(voices)} voices, {clips} clips: all good",):
        say(fault)
    if found:
        raise typer.Exit(1)


@app.command("record-list")
def record_list(cli: Cli, voice: VoiceId, packs: Packs = None) -> None:
    """List the lines to read for a pack of your own, each with the name of its file."""
    from onema.cli.output import print_json, say

    lines = {f"{line}.wav": clip.text for line, clip in _voice(_voices(cli, packs), voice).lines.items()}
    if cli.json:
        print_json([{"file": file, "text": text} for file, text in lines.items()])
        return
    for file, text in lines.items():
        say(f"{file}\t{text}")


@app.command("record")
def record(
    cli: Cli,
    name: Annotated[str, typer.Option(help="Who reads.")],
    language: Annotated[
        str | None, typer.Option(help="vi, zh or en: the language's lines are read.", show_default=False)
    ] = None,
    like: Annotated[
        str | None, typer.Option(help="A voice of `onema voice list` whose lines are read, instead.")
    ] = None,
    voice: Annotated[
        str | None, typer.Option(help="The new voice's id; that of a built-in voice replaces it.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of the page; 0 takes any.")] = 0,
) -> None:
    """Record a voice pack of your own in a browser, in about ten minutes: 37 lines, each character twice."""
    from onema.cli.output import CliError
    from onema.cli.voice_record import serve
    from onema.console.recording.studio import Studio
    from onema.speech.making.sitting import SittingError

    voices = _built_in()
    try:
        model = _voice(voices, like) if like else voices.for_language(language or "")
    except KeyError as error:
        raise CliError("Name the --language to read: vi, zh or en.") from error
    studio = Studio(cli.settings().data, lambda: voices)
    try:
        sitting = studio.begin(model.id, name, voice or "")
    except SittingError as error:
        raise CliError(f"{error}.") from error
    except OSError as error:
        raise CliError(f"{studio.data} cannot be used: {error.strerror}.") from error
    serve(studio, sitting, port, json=cli.json)


@app.command("import")
def import_recordings(
    cli: Cli,
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="0.wav ... Z.wav, sentence.wav")
    ],
    like: Annotated[str, typer.Option(help="The voice whose lines were read (see record-list).")],
    packs: Annotated[
        Path | None, typer.Option(help="Where the new pack goes; by default the data folder's voices.")
    ] = None,
    voice: Annotated[str | None, typer.Option(help="Its id; that of a built-in voice replaces it.")] = None,
    speaker: Annotated[str, typer.Option(help="Who read.")] = "own recording",
    licence: Annotated[str, typer.Option(help="What others may do with it.")] = "proprietary",
) -> None:
    """Make a voice pack from recordings: 8 to 48 kHz WAV files, one for each line."""
    from onema.cli.output import CliError, print_json, say
    from onema.speech.hearing.verify import faults
    from onema.speech.making.own_pack import from_recordings
    from onema.speech.pack import PackError, save

    model = _voice(_built_in(), like)
    try:
        made = from_recordings(folder, model, voice or f"{like}-own", speaker, licence)
        packs = packs or cli.settings().data / PACKS
        packs.mkdir(parents=True, exist_ok=True)
        save(made, packs / made.id)
    except PackError as error:
        raise CliError(f"{error}.") from error
    found = list(faults(made))
    if cli.json:
        print_json({"folder": str(packs / made.id), "clips": len(made.lines), "look_at": found})
        return
    for fault in found:
        say(f"look at this: {fault}")
    say(f"{packs / made.id}: {len(made.lines)} clips, {made.seconds:.1f} s")


@app.command("build")
def build(
    cli: Cli,
    voices: Annotated[list[str] | None, typer.Argument(help="Built-in voices; none means all.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where packs go; none means the source tree.")] = None,
    kokoro_voices: Annotated[Path | None, typer.Option(help="Folder `voices` of npm kokoro-js.")] = None,
) -> None:
    """For maintainers: render the built-in packs anew. docs/voices.md says which tools it needs."""
    from onema.cli.output import CliError, print_json, say
    from onema.speech.making.build_lines import BUILT_IN_LINES
    from onema.speech.making.build_pack import build as build_pack
    from onema.speech.voices import BUILT_IN

    made = []
    for voice_id in voices or sorted(BUILT_IN_LINES):
        if voice_id not in BUILT_IN_LINES:
            raise CliError(f"There is no built-in voice {voice_id!r}; there are {', '.join(BUILT_IN_LINES)}.")
        try:
            made.append(build_pack(voice_id, (out or BUILT_IN) / voice_id, kokoro_voices))
        except (ImportError, ValueError) as error:
            raise CliError(f"{voice_id}: {error}.") from error
        if not cli.json:
            say(f"{made[-1].id}: {len(made[-1].lines)} clips, {made[-1].seconds:.1f} s")
    if cli.json:
        print_json([{"voice": one.id, "clips": len(one.lines)} for one in made])


def _voices(cli: Cli, packs: Path | None) -> "Voices":
    """The built-in ones, the data folder's and those of `packs`."""
    own = cli.settings().data / PACKS
    return _loaded(*(folder for folder in (own, packs) if folder and (folder is packs or folder.is_dir())))


def _built_in() -> "Voices":
    return _loaded()


def _loaded(*folders: Path) -> "Voices":
    from onema.cli.output import CliError
    from onema.speech import PackError, Voices

    try:
        return Voices.load(*folders)
    except PackError as error:
        raise CliError(f"{error}.") from error


def _voice(voices: "Voices", voice_id: str) -> "Voice":
    from onema.cli.output import CliError

    if voice_id not in voices:
        raise CliError(f"There is no voice {voice_id!r}; there are {', '.join(voices)}.")
    return voices[voice_id]
