"""The tables of settings in docs/carriers, one page per type of carrier."""

import json
import re
from pathlib import Path

from onema.channels.http_sender.placeholders import PLACEHOLDERS
from onema.channels.sms_smpp.outcomes import STATUSES
from onema.channels.voice_sip.outcomes import ANSWERS
from onema.channels.voice_sip.placeholders import PLACEHOLDERS as OF_CALLS
from onema.channels.voice_sip.presets import PRESETS
from onema.channels.voice_sip.vendor_answers import Answer
from onema.domain.configuration.carrier_settings import described
from onema.protocols.smpp.statuses import NAMES
from onema.wiring.carriers import CARRIER_TYPES

FOLDER = Path(__file__).parents[2] / "docs" / "carriers"

_TABLE = re.compile(r"(?<=<!-- settings -->\n).*?(?=<!-- end of settings -->)", re.DOTALL)
_STATUSES = re.compile(r"(?<=<!-- statuses -->\n).*?(?=<!-- end of statuses -->)", re.DOTALL)

_ANSWERS = re.compile(r"(?<=<!-- answers -->\n).*?(?=<!-- end of answers -->)", re.DOTALL)
_PRESETS = re.compile(r"(?<=<!-- presets -->\n).*?(?=<!-- end of presets -->)", re.DOTALL)
_OF_CALLS = re.compile(
    r"(?<=<!-- placeholders of calls -->\n).*?(?=<!-- end of placeholders of calls -->)", re.DOTALL
)

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
    page = _ANSWERS.sub(lambda _: _answers(), page)
    page = _PRESETS.sub(lambda _: _presets(), page)
    page = _OF_CALLS.sub(lambda _: _placeholders_of_calls(), page)
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


def _answers() -> str:
    """What a trunk's final answers mean."""
    lines = ["| status | Reason | or what it says | means | ending |", "|---|---|---|---|---|"]
    for answer in ANSWERS:
        says = _said(answer)
        reason = f"{answer.protocol.upper()} {answer.cause or ''}".strip()
        lines.append(f"| {answer.status} | {reason} | {says} | {answer.words} | {answer.ending} |")
    return "\n".join(lines) + "\n"


def _said(answer: Answer) -> str:
    says = (
        f"`{answer.header}: {answer.shown}`" if answer.header else f"`{answer.shown}`" if answer.says else ""
    )
    return says or ("Retry-After of at most 30 s" if answer.wait else "")


def _presets() -> str:
    """What is publicly known of common trunks."""
    lines = ["| preset | sets | what is known |", "|---|---|---|"]
    for name, preset in PRESETS.items():
        sets = ", ".join(f"`{setting} = {json.dumps(value)}`" for setting, value in preset.settings.items())
        source = f" ([source]({preset.source}))" if preset.source.startswith("https:") else ""
        lines.append(f"| `{name}` | {sets} | {preset.says}{source} |")
    return "\n".join(lines) + "\n"


def _placeholders_of_calls() -> str:
    rows = [f"| `{{{name}}}` | {said} |" for name, said in OF_CALLS.items()]
    return "\n".join(("| placeholder | what is filled in |", "|---|---|", *rows)) + "\n"


def _placeholders() -> str:
    rows = [f"| `{{{name}}}` | {said} |" for name, (_, said) in PLACEHOLDERS.items()]
    rows += [
        "| `{fact.NAME}` | a fact that was registered, such as `{fact.entity_id}` |",
        "| `{secret.NAME}` | a secret of `secrets` |",
    ]
    return "\n".join(("| placeholder | what is filled in |", "|---|---|", *rows)) + "\n"
