"""docs/api.md: its programs, run against a demo server, as they stand there and filled with a customer's keys."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from onema.dialects.native.examples import LANGUAGES, Environment, Filling, examples, postman_collection
from onema.testing.running_server import RunningServer, eventually

from .samples import EVERY_LANGUAGE, PAGES, Program, operations, without
from .samples import LANGUAGES as PROGRAMS

ROOT = PAGES.parents[1]
OPERATIONS = operations("api", PAGES.parent)
SEND, CHECK = OPERATIONS["Send a code"], OPERATIONS["Check what was typed"]
NEWMAN = ROOT / ".tools" / "newman" / "node_modules" / "newman" / "bin" / "newman.js"
PHONES = {language: f"+8490188847{number}" for number, language in enumerate(PROGRAMS)}
ODD = "a'b\"c\\d$HOME`e`@URL@ %é"
FILLED_PHONES = {language: f"+8490188846{number}" for number, language in enumerate(PROGRAMS)}


def keys_of(server: RunningServer) -> dict[str, str]:
    keys = server.credentials("native")
    url = f"http://127.0.0.1:{server.port}"
    return {"ONEMA_URL": url, "ONEMA_KEY": keys["key"], "ONEMA_SECRET": keys["secret"]}


def code_of(server: RunningServer, phone: str) -> str:
    return str(eventually(lambda: server.json("/handset/messages", to=phone))[0]["code"])


def test_both_requests_have_a_program_in_every_language() -> None:
    """Those that the page's markers ask for, with the answers that they print."""
    assert OPERATIONS.keys() >= {example.title for example in examples(Filling())}
    for operation in (SEND, CHECK):
        assert operation.samples.keys() == PROGRAMS.keys() == LANGUAGES.keys()
        assert operation.answers


@pytest.mark.parametrize("language", EVERY_LANGUAGE)
def test_the_programs_send_and_check_a_code(language: str, server: RunningServer, tmp_path: Path) -> None:
    """Each prints the page's answer, and a wrong secret is told as a problem and by the exit status."""
    given = {**keys_of(server), "PHONE": PHONES[language]}
    program = Program(SEND.samples[language], language, tmp_path / "send")
    status, sent = program.run(given)
    varying = ("id", "to", "created_at", "expires_at")
    assert (status, without(sent, *varying)) == (0, without(SEND.answers[0], *varying))
    given |= {"VERIFICATION": sent["id"], "CODE": code_of(server, PHONES[language])}
    check = Program(CHECK.samples[language], language, tmp_path / "check")
    assert check.run(given) == (0, {**CHECK.answers[0], "id": sent["id"]})
    status, refused = program.run({**given, "ONEMA_SECRET": "another"})
    assert status == (0 if language == "bash" else 1)
    assert refused["type"] == "urn:onema:problem:credential_unknown"


@pytest.mark.parametrize("language", EVERY_LANGUAGE)
def test_programs_filled_with_keys_need_nothing_else(
    language: str, server: RunningServer, tmp_path: Path
) -> None:
    """As a page shows them to a customer: nothing comes from the environment."""
    keys, phone = keys_of(server), FILLED_PHONES[language]
    filling = Filling(keys["ONEMA_URL"], keys["ONEMA_KEY"], keys["ONEMA_SECRET"], phone)
    send, _ = examples(filling)
    status, sent = Program(send.programs[language], language, tmp_path / "send").run({})
    assert (status, sent["to"]) == (0, phone)
    filling = filling._replace(verification=sent["id"], code=code_of(server, phone))
    _, check = examples(filling)
    assert Program(check.programs[language], language, tmp_path / "check").run({})[1]["valid"]


@pytest.fixture(scope="module")
def odd_key(server: RunningServer) -> str:
    """Its secret is ODD."""
    server.onema("credential", "add", "demo", "native", "--key", "odd", "--secret-stdin", stdin=ODD)
    return "odd"


@pytest.mark.parametrize("language", EVERY_LANGUAGE)
def test_whatever_stands_in_a_secret_reaches_the_server(
    language: str, server: RunningServer, odd_key: str, tmp_path: Path
) -> None:
    """Quotes, dollars and backslashes of one that somebody chose are written as each language has them."""
    send, _ = examples(Filling(keys_of(server)["ONEMA_URL"], odd_key, ODD, "12"))
    _, refused = Program(send.programs[language], language, tmp_path / "send").run({})
    assert refused["type"] == "urn:onema:problem:phone_invalid"


def test_a_collection_has_the_customers_keys_and_no_other_hole() -> None:
    """What is left empty is filled by the requests that make something."""
    collection = json.loads(postman_collection("https://sms.example.com", "key", "s\"e'c\\ret"))
    variables = {each["key"]: each["value"] for each in collection["variable"]}
    assert {name: variables[name] for name in ("url", "key", "secret")} == {
        "url": "https://sms.example.com",
        "key": "key",
        "secret": "s\"e'c\\ret",
    }
    holes = set(re.findall(r"\{\{(\w+)\}\}", json.dumps(collection["item"]))) | {"key", "secret"}
    assert holes == variables.keys()


@pytest.mark.full
def test_newman_runs_the_collection(server: RunningServer, tmp_path: Path) -> None:
    """Postman's own program takes it, and each request is served; a check is of the verification made before."""
    keys = keys_of(server)
    file = tmp_path / "onema.json"
    file.write_bytes(postman_collection(keys["ONEMA_URL"], keys["ONEMA_KEY"], keys["ONEMA_SECRET"]))
    report = tmp_path / "report.json"
    subprocess.run(
        ["node", NEWMAN, "run", file, "--reporters", "json", "--reporter-json-export", report],
        check=True,
        timeout=120,
    )
    run = json.loads(report.read_text())["run"]
    assert run["failures"] == []
    answers = {each["item"]["name"]: each["response"] for each in run["executions"]}
    assert answers["Send a code"]["code"] == 201
    refused = {name: told_by(answer) for name, answer in answers.items() if answer["code"] >= 400}
    unserved = {"credential_unknown", "not_found", "method_not_allowed", "fault"}
    assert {name for name, problem in refused.items() if problem in unserved} == set()


def told_by(answer: Any) -> str:
    """The name of a problem, in newman's report of an answer."""
    problem = json.loads(bytes(answer["stream"]["data"]))
    return str(problem["type"]).removeprefix("urn:onema:problem:")


def test_a_variable_is_no_text() -> None:
    """A customer whose secret reads like a variable's name gets that secret."""
    send, _ = examples(Filling(secret="ONEMA_SECRET"))
    assert '":ONEMA_SECRET"' in send.programs["python"]
    send, _ = examples(Filling(secret=Environment("MY_SECRET")))
    assert 'os.environ["MY_SECRET"]' in send.programs["python"]
