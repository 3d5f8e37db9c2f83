"""The gateways that docs/carriers/http.md describes, as an operator would take them from there."""

import re
import tomllib
from typing import Any

from .carrier_pages import FOLDER

_FILE = re.compile(r"<!-- file: (\w+) -->\n```toml\n(.*?)```", re.DOTALL)


def described_files() -> dict[str, str]:
    """The files, by what stands above them."""
    return dict(_FILE.findall((FOLDER / "http.md").read_text(encoding="utf-8")))


def described_gateway(name: str) -> dict[str, Any]:
    """The settings of one."""
    (carrier,) = tomllib.loads(described_files()[name])["carriers"]
    settings: dict[str, Any] = carrier["settings"]
    return settings
