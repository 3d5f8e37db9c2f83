"""The tables of settings in docs/carriers, one page per type of carrier."""

import re
from pathlib import Path

from onema.channels.http_sender.placeholders import PLACEHOLDERS
from onema.channels.sms_smpp.outcomes import STATUSES
from onema.domain.configuration.carrier_settings import described
from onema.protocols.smpp.statuses import NAMES
from onema.wiring.carriers import CARRIER_TYPES

FOLDER = Path(__file__).parents[2] / "docs" / "carriers"

_TABLE = re.compile(r"(?<=<!-- settings -->\n).*?(?=<!-- end of settings -->)", re.DOTALL)
_STATUSES = re.compile(r"(?<=<!-- statuses -->\n).*?(?=<!-- end of statuses -->)", re.DOTALL)

_PLACEHOLDERS = re.compile(r"(?<=<!-- placeholders -->\n).*?(?=<!-- end of placeholders -->)", re.DOTALL)


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
    page = _STATUSES.sub(lambda _: _statuses(), page)
    return _PLACEHOLDERS.sub(lambda _: _placeholders(), page)


def _statuses() -> str:
    """What SMPP's statuses mean."""
    lines = ["| status | name | becomes | says | ending |", "|---|---|---|---|---|"]
    for number, meaning in sorted(STATUSES.items()):
        ending = meaning.ending or ""
        lines.append(
            f"| `0x{number:02x}` | {NAMES[number]} | {meaning.verdict} | {meaning.words} | {ending} |"
        )
    return "\n".join(lines) + "\n"


def _placeholders() -> str:
    rows = [f"| `{{{name}}}` | {said} |" for name, (_, said) in PLACEHOLDERS.items()]
    rows += [
        "| `{fact.NAME}` | a fact that was registered, such as `{fact.entity_id}` |",
        "| `{secret.NAME}` | a secret of `secrets` |",
    ]
    return "\n".join(("| placeholder | what is filled in |", "|---|---|", *rows)) + "\n"
