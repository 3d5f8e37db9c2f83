"""What the files of this repository say to their readers, block by block: documents, comments and docstrings."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]

_FOLDERS = ("src", "tests", "docs", "deploy", "bench", "findings", ".ci")
_COMMENT = {
    ".sql": re.compile(r"^\s*-- ?(.*)$"),
    ".js": re.compile(r"^\s*(?://|/?\*+) ?(.*)$"),
    ".css": re.compile(r"^\s*/?\*+ ?(.*)$"),
}
# Python's own tokens and trees would be exact, and take ten times as long. A string with two blanks and a # in it does
# no harm.
_COMMENT_OF_PYTHON = re.compile(r"(?:^\s*|  )#:? ?(.*)$", re.M)
_DOCSTRING = re.compile(r'^\s*r?"""(?P<text>.*?)"""', re.M | re.S)
_HASH = re.compile(r"^\s*#:? ?(?!!)(.*)$")
_PROSE = frozenset(
    {
        "",
        ".cfg",
        ".css",
        ".html",
        ".js",
        ".md",
        ".py",
        ".service",
        ".sh",
        ".sql",
        ".toml",
        ".txt",
        ".yaml",
        ".yml",
    }
)
_FENCE = re.compile(r"^\s*```")


class Block(NamedTuple):
    """Some lines that belong together: a comment, a docstring, a line of a document.

    `fenced` is what stands between ``` in a document: programs and what they print.
    """

    file: Path
    line: int
    text: str
    fenced: bool = False

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}"


def files() -> list[Path]:
    """All that people wrote here."""
    inside = (path for folder in _FOLDERS for path in (ROOT / folder).rglob("*"))
    paths = [*inside, *ROOT.iterdir()]
    return sorted(
        path
        for path in paths
        if path.is_file()
        and path.suffix in _PROSE
        and path.name != ".git"
        and "__pycache__" not in path.parts
    )


def folders() -> list[Path]:
    inside = (path for folder in _FOLDERS for path in (ROOT / folder, *(ROOT / folder).rglob("*")))
    return [path for path in inside if path.is_dir()]


def blocks(file: Path) -> Iterator[Block]:
    """Raises UnicodeDecodeError for what is no text."""
    text = file.read_text()
    if file.suffix == ".md":
        yield from _lines_of_a_document(file, text)
    elif file.suffix == ".py":
        yield from _docstrings(file, text)
        yield from _comments(file, text, _COMMENT_OF_PYTHON)
    else:
        yield from _comments(file, text, _COMMENT.get(file.suffix, _HASH))


def _lines_of_a_document(file: Path, text: str) -> Iterator[Block]:
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if _FENCE.match(line):
            fenced = not fenced
        elif line.strip():
            yield Block(file, number, line, fenced)


def _docstrings(file: Path, text: str) -> Iterator[Block]:
    for docstring in _DOCSTRING.finditer(text):
        yield Block(file, text.count("\n", 0, docstring.start("text")) + 1, docstring["text"])


def _comments(file: Path, text: str, comment: re.Pattern[str]) -> Iterator[Block]:
    matches = ((number, comment.search(line)) for number, line in enumerate(text.splitlines(), 1))
    yield from _joined(file, {number: match[1] for number, match in matches if match})


def _joined(file: Path, lines: dict[int, str]) -> Iterator[Block]:
    """Lines below each other as one block."""
    first, words = 0, list[str]()
    for number, line in sorted(lines.items()):
        if words and number != first + len(words):
            yield Block(file, first, "\n".join(words))
            words = []
        if not words:
            first = number
        words.append(line)
    if words:
        yield Block(file, first, "\n".join(words))


def words_of_code(file: Path) -> set[str]:
    """What a program consists of, without what it says to its readers; of a document nothing."""
    if file.suffix == ".md":
        return set()
    text = file.read_text()
    path = str(file.relative_to(ROOT))
    if file.suffix != ".py":
        return set(re.findall(r"\w+", f"{path} {text}"))
    code = _COMMENT_OF_PYTHON.sub("", _DOCSTRING.sub("", text))
    return set(re.findall(r"\w+", f"{path} {code}"))
