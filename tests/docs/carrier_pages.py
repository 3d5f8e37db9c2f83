"""The tables of settings in docs/carriers, one page per type of carrier."""

import re
from pathlib import Path

from onema.domain.configuration.carrier_settings import described
from onema.wiring.carriers import CARRIER_TYPES

FOLDER = Path(__file__).parents[2] / "docs" / "carriers"

_TABLE = re.compile(r"(?<=<!-- settings -->\n).*?(?=<!-- end of settings -->)", re.DOTALL)


def pages() -> list[str]:
    """The types whose page has a place for the table."""
    return [
        name
        for name in CARRIER_TYPES
        if (FOLDER / f"{name}.md").exists() and _TABLE.search((FOLDER / f"{name}.md").read_text())
    ]


def carrier_page(name: str) -> str:
    """The page with its table made anew."""
    lines = ["| setting | type | default | meaning |", "|---|---|---|---|"]
    for setting in described(CARRIER_TYPES[name].settings):
        kind = setting.type.replace("|", "\\|")
        default = f"`{setting.default}`" if setting.default not in ("", "needed") else setting.default
        lines.append(f"| `{setting.name}` | {kind} | {default} | {setting.help} |")
    table = "\n".join(lines) + "\n"
    return _TABLE.sub(lambda _: table, (FOLDER / f"{name}.md").read_text(encoding="utf-8"))
