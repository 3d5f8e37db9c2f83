"""Other people's files that the console serves are what was released, whole and unchanged."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from onema.console.assets import Assets

VENDOR = Path(__file__).parents[3] / "src" / "onema" / "console" / "static" / "vendor"
MANIFEST = json.loads((VENDOR / "manifest.json").read_text())
FILES = {name: told for package in MANIFEST for name, told in package["files"].items()}


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_is_what_was_released(name: str) -> None:
    """Byte for byte."""
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == FILES[name]["sha256"]


def test_the_manifest_names_every_file() -> None:
    """And nothing else is there."""
    assert {file.name for file in VENDOR.iterdir()} == {"manifest.json", *FILES}


@pytest.mark.parametrize("package", MANIFEST, ids=lambda package: package["package"])
def test_a_package_has_its_licence_and_what_proves_it(package: dict[str, Any]) -> None:
    """An exact version, the digest of its archive, a licence by name and by text."""
    assert str(package["version"]).count(".") == 2
    assert len(str(package["archive_sha256"])) == 64
    assert package["licence"] in ("0BSD", "MIT")
    assert "LICENSE" in [told["from"] for told in package["files"].values()]


@pytest.mark.parametrize("name", sorted(FILES))
def test_browsers_get_them_as_our_own_files(name: str) -> None:
    """Under the digest of all files, so that they are kept."""
    assets = Assets()
    assert assets.url(name) == f"/static/{assets.version}/{name}"
