"""The tables of settings in docs/carriers, one page per type of carrier."""

import re
from pathlib import Path

from onema.channels.sms_smpp.outcomes import STATUSES
from onema.domain.configuration.carrier_settings import described
from onema.protocols.smpp.statuses import NAMES
from onema.wiring.carriers import CARRIER_TYPES

FOLDER = Path(__file__).parents[2] / "docs" / "carriers"

_TABLE = re.compile(r"(?<=<!-- settings -->\n).*?(?=<!-- end of settings -->)", re.DOTALL)
_STATUSES = re.compile(r"(?<=<!-- statuses -->\n).*?(?=<!-- end of statuses -->)", re.DOTALL)


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
    page = _TABLE.sub(lambda _: table, (FOLDER / f"{name}.md").read_text(encoding="utf-8"))
    return _STATUSES.sub(lambda _: _statuses(), page)


def _statuses() -> str:
    """What SMPP's statuses mean."""
    lines = ["| status | name | becomes | says | ending |", "|---|---|---|---|---|"]
    for number, meaning in sorted(STATUSES.items()):
        ending = meaning.ending or ""
        lines.append(
            f"| `0x{number:02x}` | {NAMES[number]} | {meaning.verdict} | {meaning.words} | {ending} |"
        )
    return "\n".join(lines) + "\n"
