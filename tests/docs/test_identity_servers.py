"""The recipes of docs/identity-servers.md, run against a demo server."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from onema.testing.running_server import RunningServer, eventually

PAGE = (Path(__file__).parents[2] / "docs/identity-servers.md").read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("recipes") / "data", "demo") as server:
        yield server


def program(tag: str) -> str:
    found = re.search(rf"^```{tag}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def said(folder: Path, *command: str, **environment: str) -> object:
    """What the command prints, in JSON."""
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), **environment}
    ended = subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def code_on(server: RunningServer, phone: str) -> str:
    (shown,) = eventually(lambda: server.json("/handset/messages", to=phone, limit="9"))
    return str(shown["code"])


def onema(server: RunningServer) -> dict[str, str]:
    keys = server.credentials("twilio_verify")
    return {
        "ONEMA_URL": f"http://127.0.0.1:{server.port}",
        "ONEMA_ACCOUNT_SID": keys["accountSid"],
        "ONEMA_AUTH_TOKEN": keys["authToken"],
        "ONEMA_SERVICE_SID": keys["serviceSid"],
    }


def test_better_auth_sends_and_checks_by_onema(server: RunningServer, tmp_path: Path) -> None:
    """A wrong code is false, the right one true, and once; what is refused throws."""
    (tmp_path / "codes.mjs").write_text(program("mjs"))
    phone, environment = "+84901888801", onema(server)
    asked = """
import { onemaCodes } from "./codes.mjs";
const [phoneNumber, code] = process.argv.slice(2);
const asked = { phoneNumber, code: code ?? "000" };
const told = code ? await onemaCodes.verifyOTP(asked) : await onemaCodes.sendOTP(asked);
console.log(JSON.stringify(told ?? null));
"""
    (tmp_path / "ask.mjs").write_text(asked)
    assert said(tmp_path, "node", "ask.mjs", phone, **environment) is None
    code = code_on(server, phone)
    assert said(tmp_path, "node", "ask.mjs", phone, "00000000", **environment) is False
    assert said(tmp_path, "node", "ask.mjs", phone, code, **environment) is True
    assert said(tmp_path, "node", "ask.mjs", phone, code, **environment) is False
    with pytest.raises(AssertionError, match="onema: 60200"):
        said(tmp_path, "node", "ask.mjs", "nobody", **environment)


def test_auth0_brings_its_code(server: RunningServer, tmp_path: Path) -> None:
    """A call is dropped, as is what is refused."""
    (tmp_path / "action.cjs").write_text(program("cjs"))
    asked = """
const { onExecuteCustomPhoneProvider } = require("./action.cjs");
const [ONEMA_URL, ONEMA_SECRET, recipient, delivery_method] = process.argv.slice(2);
const said = [];
const api = { notification: { drop: (why) => said.push(["drop", why]), retry: (why) => said.push(["retry", why]) } };
const notification = { recipient, code: "686868", delivery_method };
const event = { secrets: { ONEMA_URL, ONEMA_SECRET }, notification, request: { ip: "198.51.100.7" } };
onExecuteCustomPhoneProvider(event, api).then(() => console.log(JSON.stringify(said)));
"""
    (tmp_path / "ask.cjs").write_text(asked)
    keys = server.credentials("receivers")
    url = f"http://127.0.0.1:{server.port}/receivers/{keys['key']}/logto"
    run = ("node", "ask.cjs", url)
    assert said(tmp_path, *run, keys["secret"], "+84901888802", "text") == []
    assert code_on(server, "+84901888802") == "686868"
    assert said(tmp_path, *run, keys["secret"], "+84901888802", "voice") == [["drop", "only texts are sent"]]
    assert said(tmp_path, *run, "another", "+84901888802", "text") == [["drop", "onema: 401"]]


@pytest.mark.full
def test_keycloaks_authenticator_sends_and_checks_by_onema(server: RunningServer, tmp_path: Path) -> None:
    """With what its class says."""
    asked = """
class Ask {
    public static void main(String[] arguments) throws Exception {
        OnemaCodes codes = new OnemaCodes(System.getenv("ONEMA_URL"), System.getenv("ONEMA_ACCOUNT_SID"),
                System.getenv("ONEMA_AUTH_TOKEN"), System.getenv("ONEMA_SERVICE_SID"));
        String phone = arguments[0];
        System.out.println(arguments.length == 1 ? codes.start(phone) : codes.check(phone, arguments[1]));
    }
}
"""
    (tmp_path / "OnemaCodes.java").write_text(program("java"))
    (tmp_path / "Ask.java").write_text(asked)
    subprocess.run(("javac", "OnemaCodes.java", "Ask.java"), cwd=tmp_path, check=True)
    phone, environment = "+84901888803", onema(server)
    assert said(tmp_path, "java", "Ask", phone, **environment) is True
    code = code_on(server, phone)
    assert said(tmp_path, "java", "Ask", phone, "00000000", **environment) is False
    assert said(tmp_path, "java", "Ask", phone, code, **environment) is True
