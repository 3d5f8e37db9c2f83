"""What others make and we install is named exactly, and no version with a published advisory is admitted."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DEPENDENCIES: dict[str, str] = {}
for _each in _PROJECT["dependencies"]:
    _name, _bound = re.fullmatch(r"([\w-]+)(?:\[\w+\])?>=([\d.]+)(?:,<[\d.]+)?", _each).groups()  # type: ignore[union-attr]  # ours have that form
    DEPENDENCIES[_name] = _bound
LOCKED = {
    package["name"]: package["version"]
    for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    if "version" in package
}


@pytest.mark.parametrize(
    ("name", "first_good", "why"),
    [
        ("cryptography", "48.0.1", "GHSA-537c-gmf6-5ccf"),
        ("httptools", "0.8.0", "before it, an absolute target of 64 KiB was read as another"),
        ("jinja2", "3.1.6", "CVE-2025-27516"),
        ("msgspec", "0.21.0", "its errors are ValueErrors from here on, which is how we catch them"),
        ("pyjwt", "2.13.0", "CVE-2026-48526"),
        ("python-multipart", "0.0.31", "CVE-2026-53540"),
        ("starlette", "1.3.1", "CVE-2026-54283"),
    ],
)
def test_lower_bounds_leave_out_what_is_known_to_be_broken(name: str, first_good: str, why: str) -> None:
    """A wheel's users may have whatever the bounds admit. `./dev audit` asks what is published today."""
    assert numbers(DEPENDENCIES[name]) >= numbers(first_good), why


def test_the_lock_holds_what_the_bounds_admit() -> None:
    """Somebody who edits a bound by hand is told."""
    older = [name for name, bound in DEPENDENCIES.items() if numbers(LOCKED[name]) < numbers(bound)]
    assert older == []


def test_the_installer_itself_is_pinned_to_one_version() -> None:
    """In the script and in the image."""
    script = re.findall(r"^uv_version=([\d.]+)$", (ROOT / "dev").read_text(), re.M)
    image = re.findall(r"pip install [^\n]*\buv==([\d.]+)", (ROOT / "deploy" / "Dockerfile").read_text())
    assert len(script) == 1
    assert script == image


def test_every_image_has_a_tag_and_can_be_named_by_digest() -> None:
    """Each is a variable with a default; deploy/README.md shows where digests go."""
    compose = (ROOT / "deploy" / "compose.yaml").read_text()
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    images = [image for image in re.findall(r"^ *image: (.+)$", compose, re.M) if image != "onema"]
    images += re.findall(r'PYTHON_IMAGE: "(.+)"', compose)
    named = [re.fullmatch(r"\$\{(\w+_IMAGE):-[\w/-]+:[\w.-]*\d[\w.-]*\}", image) for image in images]
    assert len(images) == 4
    assert all(named), images
    readme = (ROOT / "deploy" / "README.md").read_text()
    assert [match[1] for match in named if match and f"{match[1]}=" not in readme] == []
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.M)) == {"${PYTHON_IMAGE}"}


def numbers(version: str) -> tuple[int, ...]:
    parts = [int(part) for part in re.findall(r"\d+", version)]
    return (*parts, *[0] * (4 - len(parts)))
