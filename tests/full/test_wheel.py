"""What a stranger installs: the wheel alone, and a checkout that is run for the first time. Both ask the package index
of this machine's pip.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from onema import __version__
from onema.testing.running_server import RunningServer, eventually

pytestmark = pytest.mark.full

ROOT = Path(__file__).parents[2]
OURS = ("ONEMA_", "PYTHON", "VIRTUAL_ENV")


def bare_environment() -> dict[str, str]:
    """Nothing of this checkout; how to reach the index stays."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)}


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=bare_environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh environment that has the wheel and what it needs, without extras."""
    folder = tmp_path_factory.mktemp("wheel")
    # Not of this environment: only what the wheel asks for is there.
    run(getattr(sys, "_base_executable", sys.executable), "-m", "venv", folder / "venv", cwd=folder)
    pip = (folder / "venv" / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--quiet")
    run(*pip, "wheel", "--no-deps", "--wheel-dir", folder / "dist", ROOT, cwd=folder)
    (wheel,) = (folder / "dist").glob("onema-*.whl")
    run(*pip, "install", wheel, cwd=folder)
    return folder / "venv" / "bin"


class InstalledDemo(RunningServer):
    """`onema demo` of the wheel, in an empty folder."""

    def __init__(self, program: Path, folder: Path) -> None:
        super().__init__(folder / "demo-data", "demo")
        self.command = [str(program), "demo"]
        self.environment = bare_environment()


@pytest.fixture(scope="module")
def demo(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InstalledDemo]:
    with InstalledDemo(installed / "onema", tmp_path_factory.mktemp("empty")) as demo:
        yield demo


def test_the_wheel_sends_and_checks_a_code(demo: InstalledDemo) -> None:
    """Its data files are in it: migrations, queries, pages and voices."""
    keys = {name: demo.credentials("esms")[name] for name in ("ApiKey", "SecretKey")}
    text = {
        "Brandname": demo.credentials("esms")["Brandname"],
        "message": demo.credentials("esms")["message"],
    }
    service = "/MainService.svc/json"
    sent = demo.json(
        f"{service}/SendMessageAutoGenCode_V4_get", **keys, **text, Phone="0901888484", Type="2", IsNumber="1"
    )
    assert sent["CodeResult"] == "100"
    (shown,) = eventually(lambda: demo.json("/handset/messages", to="0901888484"))
    checked = demo.json(f"{service}/CheckCodeGen_V4_get", **keys, Phone="0901888484", Code=shown["code"])
    assert checked["CodeResult"] == "100"
    page = demo.get("/handset")[1].decode()
    linked = re.findall(r'(?:src|href)="(/[^"#?]+\.(?:js|css|svg))', page)
    assert linked
    assert {path: demo.get(path)[0] for path in linked} == dict.fromkeys(linked, 200)


def test_the_wheel_calls_without_espeak(demo: InstalledDemo) -> None:
    """The demo's sentence is the voices' own there, so that nothing has to be rendered."""
    greeting = demo.output.read_text()
    (curl,) = re.findall(r"^curl .*voice-otp.*$", greeting, re.MULTILINE)
    assert (
        json.loads(run("bash", "-c", curl.replace("curl", "curl -s", 1), cwd=demo.data.parent))["status"] == 1
    )
    (call,) = eventually(
        lambda: [one for one in demo.json("/handset/messages", to="0901888484") if one["channel"] == "call"]
    )
    assert demo.get(call["audio_url"])[1][:4] == b"RIFF"


def test_the_wheel_asks_for_all_that_it_imports(installed: Path, tmp_path: Path) -> None:
    """Every module of it can be imported; only traces need the extra that brings their SDK."""
    script = (
        "import importlib, pkgutil, onema\n"
        "for found in pkgutil.walk_packages(onema.__path__, 'onema.'):\n"
        "    if not found.name.endswith(('__main__', 'build_pack', 'build_lines')) and '.testing' not in found.name:\n"
        "        try:\n"
        "            importlib.import_module(found.name)\n"
        "        except ModuleNotFoundError as missing:\n"
        "            assert (found.name, missing.name) == ('onema.telemetry.tracing', 'opentelemetry'), missing\n"
        "print(onema.__file__)"
    )
    where = run(installed / "python", "-c", script, cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(installed.parent)


def test_a_checkout_runs_without_tools_for_development(tmp_path: Path) -> None:
    """It says what it installs; a second time it says and installs nothing."""
    tracked = run("git", "ls-files", cwd=ROOT).splitlines()
    for name in tracked:
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    (tmp_path / "dev").chmod(0o755)
    first = run(tmp_path / "dev", "onema", "--version", cwd=tmp_path)
    assert "installing onema and what it needs into .venv" in first
    assert first.endswith(f"onema {__version__}\n") or f"onema {__version__}\n" in first
    programs = {path.name for path in (tmp_path / ".venv" / "bin").iterdir()}
    assert "onema" in programs
    assert not programs & {"pytest", "mypy", "ruff", "playwright"}
    assert run(tmp_path / "dev", "onema", "--version", cwd=tmp_path) == f"onema {__version__}\n"
