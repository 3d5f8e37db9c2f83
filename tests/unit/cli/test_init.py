"""The configuration that a new user begins with."""

import re
import stat
import tomllib
from pathlib import Path

import pytest

from onema.cli.init import new_configuration
from onema.domain.configuration import documents as doc

from .test_commands import Program


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    monkeypatch.chdir(tmp_path)
    # The doctor looks at the port, on which somebody may listen here.
    monkeypatch.setenv("ONEMA_LISTEN_PORT", "0")
    return Program(tmp_path / "data", monkeypatch, capsys)


def test_what_init_writes_is_applied_as_it_stands(program: Program) -> None:
    """Without a warning, from apply or from the doctor; a second run changes nothing."""
    assert program.json("init") == {"file": "onema.toml"}
    applied = program.json("apply", "onema.toml")
    assert {change["what"] for change in applied["changes"]} == {"created"}
    assert not applied.get("warnings")
    assert {one["level"] for one in program.json("doctor") if one["what"] != "speech"} == {"ok"}
    assert {what for what, _, _ in program.changes("apply", "onema.toml")} == {"unchanged"}
    assert program.json("wallet", "show", "shop")["balance"] == "100000"


def test_init_leaves_a_file_alone(program: Program) -> None:
    """Whoever runs it twice keeps his keys; another name makes another file."""
    program.json("init")
    file = Path("onema.toml")
    before = file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "onema.toml is there already" in program.json("init", exit_code=1)["error"]
    assert file.read_bytes() == before
    program.json("init", "second.toml")
    assert not set(secrets_in(before.decode())) & set(secrets_in(Path("second.toml").read_text()))


def secrets_in(text: str) -> list[str]:
    return re.findall(r'^(?:secret|password|key) = "(.+)"$', text, re.MULTILINE)


def test_the_example_shows_every_kind_of_document() -> None:
    """Each is explained in a comment above it."""
    text = new_configuration()
    tables = set(tomllib.loads(text)) | set(tomllib.loads(text)["accounts"][0])
    kinds = {str(kind.__struct_config__.tag) for kind in doc.Document.__subclasses__()}
    nested = {"hotline", "template"}
    # No password, and no operators' key, stands in a file that everybody has: the server prints a link.
    assert "# [[users]]" in text
    assert kinds - nested - {"user", "operator_key"} <= {name.removesuffix("s") for name in tables}
    assert nested <= {
        match.removesuffix("s") for match in re.findall(r"^(hotlines|templates) =", text, re.MULTILINE)
    }
    assert len(re.findall(r"^# ", text, re.MULTILINE)) > 25
