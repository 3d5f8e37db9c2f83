"""Values that fit their field's type but that this installation does not have. Said before anything is stored."""

from pathlib import Path

import onema
from onema.cli.output import CliError
from onema.domain import documents as doc
from onema.domain.document_rules import problem_of


def refuse_implausible(document: doc.Document) -> None:
    """Raises CliError."""
    problem = problem_of(document) or _unknown_here(document)
    if problem:
        raise CliError(f"{document.kind} {document.identity!r}: {problem}.")


def _unknown_here(document: doc.Document) -> str:
    match document:
        case doc.Credential():
            return _bad_word("dialect", document.dialect, folders_in("dialects"))
        case doc.Carrier() if document.type == "handset" and document.per_second:
            return "a handset keeps no pace: leave per_second at 0"
        case doc.Carrier():
            return _bad_word("type", document.type, folders_in("channels"))
        case _:
            return ""


def folders_in(package: str) -> tuple[str, ...]:
    """The dialects or channels of this installation: each is a folder with code."""
    root = Path(onema.__file__).parent / package
    return tuple(
        sorted(folder.name for folder in root.iterdir() if folder.is_dir() and any(folder.glob("*.py")))
    )


def _bad_word(field: str, word: str, known: tuple[str, ...]) -> str:
    return (
        "" if not known or word in known else f"there is no {field} {word!r}; there are: {', '.join(known)}"
    )
