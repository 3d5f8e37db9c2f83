from collections.abc import Iterator

from onema.domain.compliance.check import Check
from onema.domain.compliance.profiles import PROFILES

_INTRODUCTION = """# Compliance

`onema doctor --profile NAME` compares the configuration and the settings with what a standard or a country asks, and
says of each line whether it holds, what to change, or who must look because nothing here knows; the exit code is 1
when something does not hold. `--json` prints the same as one document. Operators read it in the console, under
System.

It is no certificate and no legal advice: it tells what the configuration says. Sources are the texts that were read;
where that was not the primary one, the line says so. This page is generated from `src/onema/domain/compliance/`.

What a profile cannot see in documents, say it as registered facts (`registered` of an account, application, brandname
or template):

| fact | what it says |
|---|---|
| `purpose` | "payment": its codes confirm payments. Templates with {AMOUNT} or {PAYEE} say so by themselves |
| `qualification_id` | the qualification that a signature for China was filed with |
| `brand` | how a text for India spells its brand, where that is not the brandname |

## Banks

`onema doctor` and `onema apply` warn of accounts that confirm payments and may send to the United Arab Emirates, the
Philippines or India, where banks may not, or not by a code alone (`src/onema/domain/compliance/banks.py` has the
sources).
"""


def compliance_page() -> str:
    """The text of docs/operations/compliance.md."""
    lines = [_INTRODUCTION]
    for profile in PROFILES.values():
        lines += [
            f"## `{profile.name}`",
            "",
            f"{profile.title}.",
            "",
            "| check | what is asked | how it is looked at | source |",
            "|---|---|---|---|",
            *map(_row, profile.checks),
            "",
        ]
    return "\n".join(lines)


def _row(check: Check) -> str:
    source = check.source
    doubt = f" ({source.doubt})" if source.doubt else ""
    cells = (
        f"`{check.name}`",
        check.asks,
        " ".join(_how(check)),
        f"[{source.name}]({source.address}), {source.section}{doubt}",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _how(check: Check) -> Iterator[str]:
    if check.find is not None:
        yield "configuration and settings"
    elif check.shown_by:
        file, _, name = check.shown_by.partition("::")
        yield f"always so: {file} (`{name}`)"
    else:
        yield f"not ours: {check.whose}"
