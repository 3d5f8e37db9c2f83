"""docs/vendors/camara.md: its samples, run against a demo server."""

from pathlib import Path

import pytest

from onema.testing.running_server import RunningServer, eventually

from .samples import EVERY_LANGUAGE, Program, operations, without

SEND = operations("camara")["Send a code"]
PHONES = {
    "bash": "+84901888611",
    "python": "+84901888612",
    "php": "+84901888613",
    "javascript": "+84901888614",
    "java": "+84901888615",
    "csharp": "+84901888616",
}
"""One for each, so that it is told whose code came."""


@pytest.mark.parametrize("language", EVERY_LANGUAGE)
def test_the_samples_send_a_code(language: str, server: RunningServer, tmp_path: Path) -> None:
    """They get a token and print the page's answer, the phone gets a code; a wrong secret is an error."""
    keys = server.credentials("camara")
    given = {
        "CAMARA_URL": f"http://127.0.0.1:{server.port}",
        "CAMARA_CLIENT_ID": keys["clientId"],
        "CAMARA_CLIENT_SECRET": keys["clientSecret"],
        "PHONE": PHONES[language],
    }
    program = Program(SEND.samples[language], language, tmp_path / "send")
    sent = program.run(given)
    assert sent.status == 0
    assert without(sent.answer, "authenticationId") == without(SEND.answers[0], "authenticationId")
    (shown,) = eventually(lambda: server.json("/handset/messages", to=PHONES[language], limit="100"))
    assert len(shown["code"]) == 6
    refused = program.run(given | {"CAMARA_CLIENT_SECRET": "another"})
    assert (refused.status, refused.answer["code"]) == (0 if language == "bash" else 1, "UNAUTHENTICATED")
