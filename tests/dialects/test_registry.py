"""What every wire API must bring along: a forgotten piece fails here by name."""

import json
import re
import shlex
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import onema.channels
import onema.dialects
from onema.dialects.contract import Dialect, SampleRequest
from onema.domain.configuration import documents as doc
from onema.domain.delivery.outcome import Ending
from onema.http.messages import Request
from onema.settings import Settings
from onema.wiring.carriers import CARRIER_TYPES
from onema.wiring.demo import demo_documents, new_credentials
from onema.wiring.dialects import DIALECTS, SAMPLES, build_dialects
from onema.wiring.installation import problems_of

from .running_core import RunningCore
from .test_shared_security import VENDORS

FOLDER = Path(onema.dialects.__file__).parent
PAGES = Path(__file__).parents[2] / "docs" / "vendors"
FILES = {
    "routes.py",
    "wire.py",
    "auth.py",
    "credentials.py",
    "errors.py",
    "callbacks.py",
    "sample_requests.py",
    "DIVERGENCES.md",
}


@pytest.fixture
def registry(core: RunningCore) -> Sequence[Dialect]:
    return build_dialects(core.gateway, core.storage, Settings())


def test_every_folder_is_a_registered_dialect(registry: Sequence[Dialect]) -> None:
    """And the other way round, each with the same files."""
    folders = {path.name: path for path in FOLDER.iterdir() if (path / "__init__.py").exists()}
    assert set(DIALECTS) == set(folders)
    assert [dialect.name for dialect in registry] == list(DIALECTS)
    silent = {dialect.name for dialect in registry if dialect.callbacks is None}
    missing = {name: FILES - {file.name for file in path.iterdir()} for name, path in folders.items()}
    assert missing == {name: {"callbacks.py"} if name in silent else set() for name in folders}


def test_the_page_on_adding_a_dialect_is_true() -> None:
    """Its table has the files that each folder has, and what it says a dialect knows is all that they import."""
    page = (PAGES.parent / "adding-a-dialect.md").read_text()
    assert set(re.findall(r"^\| `([\w.]+)` \|", page, re.MULTILINE)) == FILES
    known = page.partition("A dialect knows")[2].partition("no other dialect")[0]
    modules = {
        f"onema.{name.removesuffix('.py').replace('/', '.')}" for name in re.findall(r"`([\w./]+)`", known)
    }
    imported = {
        (name, module)
        for name in DIALECTS
        for file in (FOLDER / name).glob("*.py")
        for module in re.findall(r"^from (onema[\w.]*) import", file.read_text(), re.MULTILINE)
        if not f"{module}.".startswith(tuple(f"{each}." for each in (*modules, f"onema.dialects.{name}")))
        and (name, module.split(".")[1]) != ("native", "administration")
    }
    assert imported == set()
    tables = (PAGES.parent / "errors.md").read_text()
    assert {name for name in DIALECTS if f"dialects/{name}/DIVERGENCES.md" not in tables} == set()


def test_every_operation_is_in_the_page_of_its_dialect(registry: Sequence[Dialect]) -> None:
    """docs/vendors is where integrators look; our own API and identity servers have theirs beside."""
    pages = {dialect.name: PAGES / f"{dialect.name}.md" for dialect in registry}
    pages["native"] = PAGES.parent / "api.md"
    pages["receivers"] = PAGES.parent / "identity-servers.md"
    assert [name for name, page in pages.items() if not page.exists()] == []
    missing = {
        name
        for dialect in registry
        for name in dialect.operations
        if name.lower() not in pages[dialect.name].read_text().lower()
    }
    assert missing == set()


def test_every_ending_has_a_word_in_every_dialect_that_tells_endings(registry: Sequence[Dialect]) -> None:
    """eSMS's callback tells only whether a message arrived; whoever tells more tells all."""
    tables = {dialect.name: dialect.callbacks.endings for dialect in registry if dialect.callbacks}
    assert {name for name, table in tables.items() if not table} == {"esms"}
    missing = {
        (name, ending) for name, table in tables.items() if table for ending in set(Ending) - set(table)
    }
    assert missing == set()


def test_every_dialect_looks_at_its_credentials() -> None:
    """Whoever saves one hears what its dialect asks for, and of a dialect that there is not."""
    (problem,) = problems_of(doc.Credential(account="acme", dialect="esmz", key="K", secret="S"))
    assert (problem.place, problem.closest) == ("dialect", "esms")


def test_every_type_of_carrier_looks_at_its_documents() -> None:
    """Each is a folder, a vendor of HTTP, the HTTP that somebody describes or a service that makes codes, which has
    another name than what its vendor has for texts; and is asked before one is stored.
    """
    folders = Path(onema.channels.__file__).parent
    types = {
        path.name.removeprefix("sms_").removeprefix("voice_")
        for path in folders.iterdir()
        if (path / "carrier.py").exists()
    }
    vendors = {file.stem for file in folders.glob("http_sender/*.py") if "\nVENDOR = " in file.read_text()}
    makers = {file.stem for file in folders.glob("http_verifier/*.py") if "\nSERVICE = " in file.read_text()}
    services = {f"{name}_verify" if name in vendors else name for name in makers}
    assert types | vendors | services | {"http"} == set(CARRIER_TYPES)
    (problem,) = problems_of(doc.Carrier(name="phone", type="handset", capacity=1, per_second=2))
    assert problem.place == "per_second"


def request_of(sample: SampleRequest) -> Request:
    path, _, query = sample.target.partition("?")
    headers = [header.split(": ", 1) for header in sample.headers]
    return Request(
        "POST" if sample.body else "GET",
        path,
        query.encode(),
        tuple((name.lower().encode(), value.encode()) for name, value in headers),
        sample.body.encode(),
        "203.0.113.9",
    )


def texts_of(answer: Any) -> Iterator[str]:
    match answer:
        case dict():
            for value in answer.values():
                yield from texts_of(value)
        case str():
            yield answer


@pytest.mark.parametrize("name", SAMPLES)
async def test_a_sample_sends_a_code_and_its_answer_leads_to_the_message(
    core: RunningCore, registry: Sequence[Dialect], name: str
) -> None:
    """Demo and load take them from each dialect, with the demo's keys; support finds what a client was told."""
    core.clock.advance(seconds=time.time() - core.clock.now() / 1000)
    credentials = new_credentials()
    await core.configure(*demo_documents(credentials, None))
    samples = SAMPLES[name](credentials[name])
    (dialect,) = (one for one in registry if one.name == name)
    first, *others = (step.request for step in samples.steps())
    for other in others:
        assert (await dialect.answer(request_of(other))).outcome != "invalid_request"
    for sample in (first, samples.send_code(0), samples.send_code(9_999_999)):
        response = await dialect.answer(request_of(sample))
        assert samples.answered(response.status, response.body) == samples.accepted, response.body
        newest = (await core.messages("demo"))[0]
        told = list(texts_of(json.loads(response.body)))
        assert newest.id in map(DIALECTS[name].message_of, told) or newest.reference in told
        assert all(DIALECTS[name].message_of(text) in (newest.id, None) for text in told)
    assert len({message.phone for message in await core.messages("demo")}) == 3


@pytest.mark.parametrize("name", DIALECTS)
async def test_every_step_of_a_demo_works(core: RunningCore, registry: Sequence[Dialect], name: str) -> None:
    """Whether it sends a code or not."""
    core.clock.advance(seconds=time.time() - core.clock.now() / 1000)
    credentials = new_credentials()
    await core.configure(*demo_documents(credentials, None))
    (dialect,) = (one for one in registry if one.name == name)
    steps = list(DIALECTS[name].steps(credentials[name]))
    assert steps
    answer = await dialect.answer(request_of(steps[0].request))
    assert (answer.status in (200, 201), answer.outcome) == (True, "ok")


def test_a_sample_is_a_line_for_a_shell_and_the_bytes_of_a_request() -> None:
    """Whatever quotes its body has; its length is counted in bytes."""
    sample = SampleRequest("/send?text={OTP}", ("A: b",), "{'mã': 1}")
    assert shlex.split(sample.as_curl("http://h")) == [
        *("curl", "--globoff", "http://h/send?text={OTP}"),
        *("-H", "A: b", "-d", "{'mã': 1}"),
    ]
    head, body = sample.as_bytes("h").split(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST /send?text={OTP} HTTP/1.1",
        b"Host: h",
        b"A: b",
        b"Content-Length: %d" % len(body),
    ]


def test_every_dialect_is_attacked(registry: Sequence[Dialect]) -> None:
    """The shared security cases run for all of them."""
    assert {vendor.name for vendor in VENDORS} == {dialect.name for dialect in registry}


def test_no_two_dialects_share_a_path(registry: Sequence[Dialect]) -> None:
    """Nor take one of the server's own."""
    segments = [segment for dialect in registry for segment in dialect.path_segments]
    assert len(segments) == len(
        {*segments} - {"health", "metrics", "handset", "login", "logout", "static", "carriers"}
    )
