"""The program itself, in a process of its own: without a server, and asking one over its socket."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from onema import __version__
from onema.cli.program import COMMANDS

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "operations" / "apply.md"
SECRETS = {"ACME_SECRET": "FEDCBA9876543210FEDCBA98765432", "OPERATOR_PASSWORD": "correct horse"}

SERVER = """
import asyncio, sys
from pathlib import Path
from onema.cli.session import _open
from contextlib import AsyncExitStack
from onema.administration.socket import ControlServer
from onema.settings import Settings

async def serve(folder):
    async with AsyncExitStack() as stack:
        server = ControlServer(await _open(Settings(data=folder), stack, creates=True), folder)
        await server.start()
        stack.push_async_callback(server.stop)
        print("ready", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(serve(Path(sys.argv[1])))
"""


class Program:
    """`onema` on one data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def run(
        self, *arguments: str, stdin: str = "", environment: Mapping[str, str] = MappingProxyType({})
    ) -> subprocess.CompletedProcess[str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ONEMA_")}
        return subprocess.run(
            [sys.executable, "-m", "onema.cli", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env={
                **inherited,
                **SECRETS,
                "ONEMA_DATA": str(self.data),
                "ONEMA_LISTEN_PORT": "0",
                **environment,
            },
            timeout=30,
        )

    def json(self, *arguments: str, stdin: str = "", exit_code: int = 0) -> Any:
        done = self.run(*arguments, "--json", stdin=stdin)
        assert done.returncode == exit_code, done.stderr + done.stdout
        return json.loads(done.stdout)

    def changes(self, *arguments: str, stdin: str = "") -> list[tuple[str, str, str]]:
        answer = self.json(*arguments, stdin=stdin)
        return [(change["what"], change["kind"], change["name"]) for change in answer["changes"]]

    @contextmanager
    def served(self) -> Iterator[None]:
        """A process that holds the data folder and answers on its control socket."""
        with subprocess.Popen(
            [sys.executable, "-c", SERVER, str(self.data)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as server:
            assert server.stdout is not None
            assert server.stdin is not None
            assert server.stdout.readline() == b"ready\n"
            yield
            server.stdin.close()
            assert server.wait(timeout=10) == 0


@pytest.fixture
def onema(tmp_path: Path) -> Program:
    return Program(tmp_path / "data")


def example() -> str:
    """The TOML of docs/operations/apply.md."""
    (found,) = re.findall(r"^```toml\n(.*?)^```", EXAMPLE.read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_documented_example_can_be_applied_and_then_changes_nothing(onema: Program) -> None:
    """Without a server: the second run finds everything as it left it, the money too."""
    first = onema.changes("apply", "-", stdin=example())
    assert {what for what, _, _ in first} == {"created"}
    assert ("created", "template", "acme/Baotrixemay/Mã của {P2,40} là {OTP}") in first
    assert ("created", "top_up", "acme/invoice-2026-001") in first
    second = onema.changes("apply", "-", stdin=example())
    assert second == [("unchanged", kind, name) for _, kind, name in first]
    assert onema.json("wallet", "show", "acme")["balance"] == "100000"


def test_a_running_server_is_asked_instead_of_its_store(onema: Program) -> None:
    """The same commands work, and their changes are there when the server has stopped."""
    with onema.served():
        assert onema.changes("apply", "-", stdin=example())[0][0] == "created"
        assert "runs version" in json.dumps(onema.json("doctor"))
        assert onema.changes("account", "suspend", "acme") == [("changed", "account", "acme")]
        assert ("unchanged", "account", "acme") in onema.changes("apply", "-", stdin=example())
        refused = onema.json("credential", "add", "nobody", "esms", exit_code=1)
        assert refused["refusal"] == "conflict"
    assert onema.json("account", "show", "acme")["state"] == "inactive"


def test_commands_at_the_same_moment_wait_for_each_other(onema: Program) -> None:
    """Without a server each opens the store for itself."""
    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(lambda name: onema.run("tariff", "set", name, "--rate", "sms:+=1"), "abcd"))
    assert [process.returncode for process in done] == [0] * 4, [process.stderr for process in done]
    assert [tariff["name"] for tariff in onema.json("tariff", "list")] == list("abcd")


def test_the_doctor_finds_what_is_wrong_and_says_what_helps(onema: Program) -> None:
    """Warnings leave the exit code alone; a lost server key does not."""
    assert {found["level"] for found in onema.json("doctor")} <= {"ok", "warn"}
    assert not onema.data.exists()
    onema.changes("apply", "-", stdin=example())
    found = onema.json("doctor")
    assert "ok" in {one["level"] for one in found if one["what"] == "accounts"}
    onema.changes("brandname", "add", "acme", "Bare")
    assert "brandname acme/Bare" in {one["what"] for one in onema.json("doctor") if one["level"] == "warn"}
    (onema.data / "server.key").unlink()
    failed = onema.json("doctor", exit_code=1)
    assert [one["what"] for one in failed if one["level"] == "fail"] == ["server key", "store"]


def test_a_broken_voice_pack_stops_whoever_needs_voices_and_nobody_else(onema: Program) -> None:
    """The server and whoever gives an application a sentence, in one line that says what to do; the rest reads no
    voices.
    """
    pack = onema.data / "voices" / "lan"
    pack.mkdir(parents=True)
    (pack / "manifest.json").write_text("{")
    onema.changes("tariff", "set", "default", "--rate", "call:+=1")
    onema.changes("account", "add", "acme")
    refused = [
        onema.run("serve", "--port", "0"),
        onema.run("application", "add", "acme", "codes", "--sentence", "Ma cua ban la {OTP}"),
    ]
    for done in refused:
        assert done.returncode == 1
        assert f"Mend the pack or take it out of {onema.data}/voices." in done.stderr
        assert "Traceback" not in done.stderr


def test_help_comes_at_once() -> None:
    """Nothing heavy is imported for it: no event loop, no database, no phone numbers."""
    program = (
        "import sys\n"
        "from onema.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'asyncio', 'apsw', 'phonenumbers', 'cryptography', 'rich.console', 'msgspec', 'numpy'}\n"
        "sys.exit(repr(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "wallet" in done.stdout


def test_the_program_says_its_version_and_helps_everywhere(onema: Program) -> None:
    """`-h` is what people type first; every command takes it."""
    assert onema.run("--version").stdout == f"onema {__version__}\n"
    for name in COMMANDS:
        done = onema.run(name, "-h")
        assert (done.returncode, done.stdout.split("\n")[0][:6]) == (0, "Usage:"), (name, done.stderr)
    assert not onema.data.exists()


def test_every_command_that_is_written_about_exists(onema: Program) -> None:
    """In the README, in docs/ and in the hints of the program itself; a group's only command has its name, too."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.py")]
    named = {
        (group, command)
        for page in pages
        for group, command in re.findall(r"[`$] ?onema ([a-z]+) ([a-z][a-z-]+)", page.read_text())
        if group in COMMANDS
    }
    assert {("window", "reset"), ("message", "show"), ("job", "requeue")} <= named
    listed = {
        group: set(
            re.findall(
                r"^  ([a-z-]+) ", onema.run(group, "-h").stdout.partition("Commands:")[2], re.MULTILINE
            )
        )
        for group in {group for group, _ in named}
    }
    assert [
        (group, command) for group, command in sorted(named) if listed[group] and command not in listed[group]
    ] == []
    assert listed["window"] == {"reset"}


def test_help_asked_for_by_saying_nothing_is_shown_once(onema: Program) -> None:
    """Of the program and of a group."""
    for words in ((), ("wallet",)):
        done = onema.run(*words)
        assert (done.returncode, done.stderr.count("Usage:"), "Commands:" in done.stderr) == (2, 1, True)


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_who_reads_only_the_beginning_gets_no_stack_trace(onema: Program, form: tuple[str, ...]) -> None:
    """Of problems, too; and the exit code still says that it failed."""
    nobody_reads, write = os.pipe()
    os.close(nobody_reads)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "onema.cli", "--data", str(onema.data), "apply", "-", *form],
            input=b"[[tarif]]\n[[accout]]\n",
            stdout=write if form else subprocess.PIPE,
            stderr=subprocess.PIPE if form else write,
            timeout=30,
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr or b"") == (1, b"")


@pytest.mark.parametrize("command", ["-h", "--version", "wallet -h", "settings"])
def test_who_reads_nothing_of_what_was_asked_for_makes_no_failure(onema: Program, command: str) -> None:
    """As in `onema -h | head -3` under a shell's pipefail."""
    nobody_reads, write = os.pipe()
    os.close(nobody_reads)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "onema.cli", *command.split()],
            stdout=write,
            stderr=subprocess.PIPE,
            timeout=30,
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("wal", "wallet"),
        ("wallet to", "top-up"),
        ("voice record-", "record-list"),
        ("wallet top-up --ref", "--reference"),
    ],
)
def test_a_shell_completes_commands_and_options(onema: Program, words: str, offered: str) -> None:
    """In bash itself, with what `onema completion bash` prints."""
    script = onema.run("completion", "bash").stdout
    line = f"onema {words}"
    asks = (
        f"onema() {{ {sys.executable} -m onema.cli; }}; export -f onema\n"
        f"{script.replace('$1', sys.executable + ' -m onema.cli')}\n"
        f'COMP_WORDS=({line}); COMP_CWORD={len(words.split())}; _onema_completion; echo "${{COMPREPLY[@]}}"'
    )
    done = subprocess.run(["bash", "-c", asks], capture_output=True, text=True, timeout=30)
    assert done.stdout.split() == [offered], done.stderr


@pytest.mark.parametrize(
    "locale",
    [{"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, {"PYTHONIOENCODING": "latin-1"}],
)
def test_texts_are_utf_8_whatever_the_locale_says(onema: Program, locale: dict[str, str]) -> None:
    """Read from a pipe and from arguments, stored, and shown; a change is never followed by a stack trace."""
    stored = "Mã của {P2,40} là {OTP}"
    applied = onema.run("apply", "-", stdin=example(), environment=locale)
    assert (applied.returncode, applied.stderr.count("Traceback")) == (0, 0)
    assert stored in applied.stdout
    added = onema.run("template", "add", "acme", "Baotrixemay", "Mã là {OTP}", environment=locale)
    assert added.returncode == 0, added.stderr
    shown = onema.run("template", "list", environment=locale)
    assert shown.returncode == 0, shown.stderr
    texts = [template["text"] for template in onema.json("template", "list")]
    assert {stored, "Mã là {OTP}"} <= set(texts)
    assert stored in shown.stdout


def test_a_file_that_is_no_folder_is_said_so(onema: Program) -> None:
    """What the system says is enough; nobody needs a stack trace."""
    onema.data.write_text("")
    done = onema.run("account", "list")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert str(onema.data) in done.stderr
