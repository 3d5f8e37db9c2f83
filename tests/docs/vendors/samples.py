"""The samples of docs/vendors/*.md and docs/api.md, run as the programs that a reader makes of them.

How a page is written, so that its samples are found and checked:

- An operation is a section under a heading of level 2 or 3 that has samples: fenced blocks tagged `bash` (curl),
  `python`, `php`, `javascript`, `java` and `csharp`, one of each. A shell block that is no sample is tagged `sh`.
- The first block tagged `json` of the section is the answer that every sample prints. Others may follow.
- A sample is a whole program that needs its language's standard library only. It takes the base URL, the keys, the
  phone and the code from the environment, and the page says from which variables: nothing is replaced in it, so that
  what is run is what is printed.
- It prints the answer as JSON, and ends with status 1 where that is a refusal. (curl ends with 0.)
- A program that receives callbacks stands in a fence of its own tag, `py`: receiver.py runs those.
- Java: one class with a `main`. C#: what mcs compiles, which knows no `async Main`. JavaScript: a module.

A test makes a `Program` of a sample once, and runs it as often as it likes. See test_esms.py.
"""

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

PAGES = Path(__file__).parents[3] / "docs" / "vendors"

_BLOCK = re.compile(r"^(?:##{1,2} (?P<heading>[^\n]+)|```(?P<tag>\w+)\n(?P<text>.*?)^```)$", re.M | re.S)
_CLASS = re.compile(r"^(?:public |static )*class (\w+)(?=[^;]*?\bMain\()", re.M | re.S | re.I)
_SECONDS = 120


class Language(NamedTuple):
    """How a sample becomes a program; NAME is the class that has the main method."""

    file: str
    start: str
    build: str = ""


LANGUAGES = {
    "bash": Language("sample.sh", "bash -eu sample.sh"),
    "python": Language("sample.py", "python3 -W error sample.py"),
    "php": Language("sample.php", "php -d error_reporting=-1 -d display_errors=stderr sample.php"),
    # Node.js 18 says on standard error that its fetch is an experiment.
    "javascript": Language("sample.mjs", "node --no-warnings sample.mjs"),
    "java": Language("NAME.java", "java NAME", "javac NAME.java"),
    "csharp": Language(
        "NAME.cs", "mono NAME.exe", "mcs -r:System.Net.Http -r:System.Runtime.Serialization NAME.cs"
    ),
}
"""By the tag of the block."""

EVERY_LANGUAGE = [
    pytest.param(tag, marks=[] if tag in ("bash", "python") else pytest.mark.full) for tag in LANGUAGES
]
"""For `pytest.mark.parametrize("language", ...)`: what is not on every machine belongs to full runs."""


class Operation(NamedTuple):
    """One section of a page: programs by language, and the answers that it shows, in their order."""

    samples: Mapping[str, str]
    answers: Sequence[Any]


class Ran(NamedTuple):
    """How a sample ended, and the answer that it printed."""

    status: int
    answer: Any


def operations(page: str, folder: Path = PAGES) -> dict[str, Operation]:
    """The operations of docs/vendors/`page`.md by heading. Raises AssertionError for a language given twice."""
    found: dict[str, Operation] = {}
    heading, samples, answers = "", dict[str, str](), list[Any]()
    for block in _BLOCK.finditer((folder / f"{page}.md").read_text()):
        if block["heading"]:
            heading, samples, answers = block["heading"], {}, []
        elif block["tag"] == "json":
            answers.append(json.loads(block["text"]))
        elif block["tag"] in LANGUAGES:
            assert block["tag"] not in samples, f"{heading}: two samples in {block['tag']}"
            samples[block["tag"]] = block["text"]
            found[heading] = Operation(samples, answers)
    return found


class Program:
    """A sample in a folder of its own, compiled where its language is."""

    def __init__(self, sample: str, language: str, folder: Path) -> None:
        named = _CLASS.search(sample)
        self._name = named[1] if named else ""
        self._language = LANGUAGES[language]
        self._folder = folder
        folder.mkdir(exist_ok=True)
        (folder / self._language.file.replace("NAME", self._name)).write_text(sample)
        if self._language.build:
            self._execute(self._language.build, {})

    def run(self, environment: Mapping[str, str]) -> Ran:
        """What it does with nothing in its environment but what is given.

        Raises AssertionError when it says anything on standard error: a reader would see it too.
        """
        ended = self._execute(self._language.start, environment)
        return Ran(ended.returncode, json.loads(ended.stdout))

    def _execute(self, command: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        own = {"PATH": os.environ["PATH"], "HOME": str(self._folder), "LANG": "C.UTF-8", **environment}
        ended = subprocess.run(
            command.replace("NAME", self._name).split(),
            cwd=self._folder,
            env=own,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
        assert ended.stderr == "", ended.stderr
        return ended


def without(answer: Any, *varying: str) -> Any:
    """The answer's members in their order, with the type alone where the value is new each time."""
    assert set(varying) <= set(answer)
    return [(name, type(value) if name in varying else value) for name, value in answer.items()]
