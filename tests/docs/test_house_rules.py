"""Rules of the house that no linter knows."""

import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "onema"
CORE = ("domain", "engine", "storage", "delivery", "channels")
MODULES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("layer", CORE)
def test_no_vendor_is_named_in_the_core(layer: str) -> None:
    """A vendor's name in code or comment there would mean that a dialect has leaked. The vendors of HTTP have a module
    each, and what is known of trunks by name stands in tables.
    """
    vendors = re.compile(r"\b(esms|vbee|ytx|vihat|twilio|vonage|infobip)\b", re.IGNORECASE)
    files = [path for path in (SOURCE / layer).rglob("*") if path.suffix in (".py", ".sql")]
    own = [SOURCE / "channels" / name for name in ("http_sender", "http_verifier")]
    tables = [SOURCE / "channels" / "voice_sip" / name for name in ("presets.py", "vendor_answers.py")]
    files = [path for path in files if path not in tables]
    files = [path for path in files if path.parent not in own or not vendors.fullmatch(path.stem)]
    assert [path.name for path in files if vendors.search(path.read_text())] == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_is_about_one_thing(module: Path) -> None:
    """It is not called after nothing, and it is not longer than one sitting reads."""
    assert not re.fullmatch(r"(utils?|helpers?|common|misc|manager)\w*", module.stem)
    assert len(module.read_text().splitlines()) <= 500


def test_the_domain_has_no_clock_and_no_dice() -> None:
    """Time and randomness come inside commands; else a batch could not be decided again."""
    forbidden = re.compile(r"^\s*(import|from) (time|random|secrets|os|asyncio|socket)\b", re.MULTILINE)
    modules = (SOURCE / "domain").rglob("*.py")
    assert [module.name for module in modules if forbidden.search(module.read_text())] == []


@pytest.mark.parametrize("module", sorted((SOURCE / "cli").glob("*.py")), ids=lambda path: path.name)
def test_the_command_line_writes_in_one_place(module: Path) -> None:
    """There, what would give the terminal orders is spelled out."""
    writes = re.compile(
        r"(?<![\w.])print\(|\becho\(|sys\.(stdout|stderr)\.write|sys\.exit\(f?[\"']|sys\.exit\(str"
    )
    found = writes.findall(module.read_text())
    assert found == [] or module.name == "output.py"
