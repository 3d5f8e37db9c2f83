"""Nothing refers to what is not there: a path, section, test, module, decision or name that nobody can find."""

import functools
import importlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .prose import ROOT, Block, blocks, files, folders, words_of_code

FILES = files()
BLOCKS = [block for file in FILES for block in blocks(file)]
PATHS = [f"/{path.relative_to(ROOT)}" for path in FILES]
FOLDERS = [f"/{path.relative_to(ROOT)}/" for path in folders()]
DECISIONS = {path.name[:4] for path in (ROOT / "docs" / "decisions").glob("0*.md")}

# Before and after a path: what would make it an address, a pattern or a part of something longer.
_BEGINS, _ENDS = r"(?<![\w./:@<>*{}$-])", r"(?![\w/*<>{(])"
_PATH = re.compile(
    _BEGINS
    + r"(?P<path>(?:[\w.-]+/)*[\w-]+(?:\.[\w-]+)*\.(?:md|py|sql))\b"
    + _ENDS
    + r"(?:#(?P<anchor>[\w-]+))?"
)
_ROOTED = re.compile(
    _BEGINS + r"(?P<path>(?:docs|src|tests|bench|deploy|findings|shared|specs)/[\w./-]*\w)" + _ENDS
)
_FOLDER = re.compile(r"`(?P<path>(?:[\w.-]+/)+)`")
_LINK = re.compile(r"\]\((?P<target>[^)\s]*?)(?:#(?P<anchor>[^)\s]*))?\)")
_HEADING = re.compile(r"^#{1,6} (.+?)\s*$", re.M)
_TEST = re.compile(r"\btest_\w+\b(?![*{<])")
_MODULE = re.compile(r"(?<![\w./@-])onema(?:\.\w+)+(?![\w/*-])")
_NAME = re.compile(r"(?<!`)`(?P<name>[A-Za-z_][\w.]*)(?:\(\))?`(?!`)")
_NAME_IN = re.compile(r"`(?P<name>[A-Za-z_]\w*)` (?:of|in) `?(?P<path>(?:[\w.-]+/)*\w+\.(?:py|sql))\b")
_DECISION = re.compile(r"(?:docs/decisions/|\bdecision |\(|\[)(0\d{3})(?=[)\], .;:]|-)")
# A public repository is cited by its address and, after a comma, paths in it.
_ELSEWHERE = re.compile(
    r"(?:\w+://|github\.com/)[^\s,)]+(?:,\s+[\w./-]+\.\w+\b(?:(?:,|\s+and)\s+[\w./-]+\.\w+\b)*)?"
)
_MADE_BY_A_SERVER = frozenset({"demo-data/", "voices/"})
_MADE_BY_READERS = frozenset({"channels/folder/carrier.py", "onema.channels.folder"})
"""The example of docs/adding-a-channel.md."""
_NAMES_OF_FILES = frozenset({"conf", "db", "service", "sh", "toml"})
"""onema.toml is no module."""


# Whose words they are: other programs', in documents of ours.
FOREIGN = {
    "HttpOnly": "an attribute of cookies",
    "hookshttp.go": "of Supabase Auth",
    "selfservice.methods.code.config.lifespan": "a setting of Ory Kratos",
    "audioop": "a module that Python no longer has",
    "OTEL_EXPORTER_OTLP_CERTIFICATE": "OpenTelemetry's",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "OpenTelemetry's",
    "OTEL_SERVICE_NAME": "OpenTelemetry's",
    "OTEL_TRACES_SAMPLER": "OpenTelemetry's",
    "parentbased_traceidratio": "OpenTelemetry's",
    "tracestate": "a header of W3C Trace Context",
    "hadolint": "a linter",
    "hashjoin": "PostgreSQL's",
    "mergejoin": "PostgreSQL's",
    "perf": "a profiler",
    "pg_last_wal_receive_lsn": "PostgreSQL's",
    "PATRONI_ETCD3_HOSTS": "Patroni's",
    "pg_rewind": "PostgreSQL's",
    "re_call": "a member of Vbee's scenarios",
    "sslcert": "libpq's",
    "sslkey": "libpq's",
}


def all_dead(dead: Callable[[Block], Iterator[str]]) -> list[str]:
    return [f"{block}: {reference}" for block in BLOCKS for reference in dead(block)]


def test_every_link_leads_somewhere() -> None:
    """To a file, seen from the document's own folder, and to a section that the file has."""
    assert all_dead(dead_links) == []


def test_every_path_exists() -> None:
    """One that begins at the root is there; any other is the end of some file's or folder's path."""
    assert all_dead(dead_paths) == []


def test_every_test_exists() -> None:
    """A test, or a module of tests, that somebody names."""
    assert all_dead(dead_tests) == []


def test_every_module_exists() -> None:
    """And whatever is named in one."""
    assert all_dead(dead_modules) == []


def test_every_decision_exists() -> None:
    """By its number."""
    assert all_dead(dead_decisions) == []


def test_every_name_is_one_of_the_code() -> None:
    """What stands in backticks as a name occurs in a program, and in the module that it is said to be of.

    Pages about vendors name what is theirs, and the page of settings is made from the code.
    """
    assert all_dead(dead_names) == []
    assert {name for name in FOREIGN if name in words()} == set()


ALIVE_AND_DEAD: list[tuple[str, str, list[str]]] = [
    ("links", "[a](limits.md#bounds) [b](../README.md) [c](#the-page) [d](https://example.com/x.md#y)", []),
    (
        "links",
        "[a](nowhere.md) [b](limits.md#nowhere) [c](#nowhere)",
        ["nowhere.md", "limits.md#nowhere", "#nowhere"],
    ),
    ("paths", "docs/limits.md#bounds, `prose.py`, `storage/postgres/`, tests/dialects/*/nowhere.py", []),
    ("paths", "docs/nowhere.svg or `nowhere/money.py`", ["docs/nowhere.svg", "nowhere/money.py"]),
    ("paths", "docs/limits.md#nowhere in `nowhere/`", ["nowhere/", "docs/limits.md#nowhere"]),
    (
        "paths",
        "github.com/somebody/project, docs/theirs.md and src/theirs.py, https://x.example/docs/a.md",
        [],
    ),
    (
        "paths",
        "https://x.example and docs/nowhere.svg (github.com/a/b), docs/nowhere.yaml",
        ["docs/nowhere.svg", "docs/nowhere.yaml"],
    ),
    ("tests", "see test_references.py::test_every_test_exists", []),
    ("tests", "see test_that_nobody_wrote", ["test_that_nobody_wrote"]),
    ("modules", "`onema.settings.Settings` is not in onema.toml", []),
    ("modules", "onema.nowhere, onema.settings.NOTHING", ["onema.nowhere", "onema.settings.NOTHING"]),
    ("decisions", "decision 0001, (0002), docs/decisions/0003-http.md, 0999 of them", []),
    ("decisions", "decision 0999, (0998)", ["0999", "0998"]),
    ("names", "`parse_phone` and `Refused.refusal`, `perf`, ``not_quoted``, `two words`", []),
    ("names", "`DEFAULT_WINDOWS` of `configuration/documents.py`", []),
    ("names", "`DEFAULT_WINDOWS` of `money/money.py", ["`DEFAULT_WINDOWS` of `money/money.py"]),
    ("names", "`name_of_nothing` and `Refused.nothing_of_it`", ["name_of_nothing", "Refused.nothing_of_it"]),
]


@pytest.mark.parametrize(("kind", "text", "expected"), ALIVE_AND_DEAD)
def test_a_dead_reference_is_found(kind: str, text: str, expected: list[str]) -> None:
    """Of each kind; and what is alive is left alone."""
    finders = {
        "links": dead_links,
        "paths": dead_paths,
        "tests": dead_tests,
        "modules": dead_modules,
        "decisions": dead_decisions,
        "names": dead_names,
    }
    assert list(finders[kind](Block(ROOT / "docs" / "handset.md", 1, text))) == expected


def test_all_kinds_of_files_are_read() -> None:
    """Documents and their fences, docstrings, comments in Python, SQL, shell and JavaScript."""
    kinds = {block.file.suffix for block in BLOCKS}
    assert {"", ".md", ".py", ".sql", ".sh", ".js", ".yaml"} <= kinds
    assert len(BLOCKS) > 5_000
    assert any(block.fenced for block in BLOCKS)


def dead_links(block: Block) -> Iterator[str]:
    if block.file.suffix != ".md" or block.fenced:
        return
    for link in _LINK.finditer(block.text):
        if "://" in link["target"] or link["target"].startswith("mailto:"):
            continue
        file = (block.file.parent / link["target"]).resolve() if link["target"] else block.file
        if not file.exists() or (link["anchor"] and link["anchor"] not in sections(file)):
            yield link[0][2:-1]


def dead_paths(block: Block) -> Iterator[str]:
    if block.file.is_relative_to(ROOT / "docs" / "vendors") and _ELSEWHERE.search(block.text):
        return
    text = _ELSEWHERE.sub("", _LINK.sub("]", block.text))
    for path in _ROOTED.finditer(text):
        if not (ROOT / path["path"]).exists():
            yield path["path"]
    if block.fenced:
        return
    for path in _FOLDER.finditer(text):
        known = any(folder.endswith(f"/{path['path']}") for folder in FOLDERS)
        if not known and path["path"] not in _MADE_BY_A_SERVER:
            yield path["path"]
    for path in _PATH.finditer(text):
        ends = [known for known in PATHS if known.endswith(f"/{path['path']}")]
        if not ends and path["path"] not in _MADE_BY_READERS:
            yield path["path"]
        elif path["anchor"] and not any(path["anchor"] in sections(ROOT / end[1:]) for end in ends):
            yield path[0]


def dead_tests(block: Block) -> Iterator[str]:
    yield from (name for name in _TEST.findall(block.text) if name not in names_of_tests())


def dead_modules(block: Block) -> Iterator[str]:
    for name in _MODULE.findall(block.text):
        known = name.rpartition(".")[2] in _NAMES_OF_FILES or name in _MADE_BY_READERS or is_there(name)
        if not known:
            yield name


def dead_decisions(block: Block) -> Iterator[str]:
    yield from (number for number in _DECISION.findall(block.text) if number not in DECISIONS)


def dead_names(block: Block) -> Iterator[str]:
    if block.fenced or block.file.is_relative_to(ROOT / "docs" / "vendors"):
        return
    if block.file.name in ("DIVERGENCES.md", "settings.md"):
        return
    for name in _NAME.findall(block.text):
        if name not in FOREIGN and not all(part in words() for part in name.split(".") if part):
            yield name
    for said in _NAME_IN.finditer(block.text):
        found = [known for known in PATHS if known.endswith(f"/{said['path']}")]
        if not any(said["name"] in words_of_code(ROOT / known[1:]) for known in found):
            yield said[0]


@functools.cache
def words() -> frozenset[str]:
    """Of all code but this, which names what is nowhere."""
    others = (file for file in FILES if file != Path(__file__))
    return frozenset(word for file in others for word in words_of_code(file))


@functools.cache
def sections(document: Path) -> frozenset[str]:
    """The anchors that a page's headings have on GitHub; empty for what is no page."""
    if document.suffix != ".md":
        return frozenset()
    found: dict[str, int] = {}
    for heading in _HEADING.findall(re.sub(r"^```.*?^```", "", document.read_text(), flags=re.M | re.S)):
        text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        found[anchor] = found.get(anchor, -1) + 1
        if found[anchor]:
            found[f"{anchor}-{found[anchor]}"] = 0
    return frozenset(found)


@functools.cache
def names_of_tests() -> frozenset[str]:
    code = (file for file in FILES if file.suffix == ".py" and "tests" in file.parts)
    found = {name for file in code for name in (file.stem, *re.findall(r"def (test_\w+)", file.read_text()))}
    return frozenset(found)


@functools.cache
def is_there(name: str) -> bool:
    module, _, attribute = name.rpartition(".")
    try:
        importlib.import_module(name)
    except ImportError:
        return "." in name and is_there(module) and has(module, attribute)
    return True


def has(module: str, attribute: str) -> bool:
    try:
        return hasattr(importlib.import_module(module), attribute)
    except ImportError:
        return False
