"""docs/vendors/twilio_verify.md: its samples, run against a demo server."""

from pathlib import Path

import pytest

from onema.testing.running_server import RunningServer, eventually

from .samples import EVERY_LANGUAGE, Program, operations, without

OPERATIONS = operations("twilio_verify")
START, CHECK = OPERATIONS["Start a verification"], OPERATIONS["Check a code"]
VARYING = ("sid", "service_sid", "account_sid", "to", "date_created", "date_updated")
PHONES = {
    "bash": "+84901888601",
    "python": "+84901888602",
    "php": "+84901888603",
    "javascript": "+84901888604",
    "java": "+84901888605",
    "csharp": "+84901888606",
}
"""One for each, so that it is told whose code came."""


@pytest.mark.parametrize("language", EVERY_LANGUAGE)
def test_the_samples_start_and_check(language: str, server: RunningServer, tmp_path: Path) -> None:
    """They print the page's answers; the phone's code is approved; a wrong AuthToken is an error."""
    keys = server.credentials("twilio_verify")
    given = {
        "TWILIO_VERIFY_URL": f"http://127.0.0.1:{server.port}",
        "TWILIO_ACCOUNT_SID": keys["accountSid"],
        "TWILIO_AUTH_TOKEN": keys["authToken"],
        "TWILIO_SERVICE_SID": keys["serviceSid"],
        "PHONE": PHONES[language],
        "CODE": "12345678",
    }
    start = Program(START.samples[language], language, tmp_path / "start")
    started = start.run(given)
    assert started.status == 0
    varying = (*VARYING, "send_code_attempts", "url")
    assert without(started.answer, *varying) == without(START.answers[0], *varying)
    check = Program(CHECK.samples[language], language, tmp_path / "check")
    wrong = check.run(given)
    assert wrong.status == 0
    assert without(wrong.answer, *VARYING) == without(CHECK.answers[0], *VARYING)
    (shown,) = eventually(lambda: server.json("/handset/messages", to=PHONES[language], limit="100"))
    right = check.run(given | {"CODE": shown["code"]})
    assert (right.status, right.answer["status"]) == (0, "approved")
    refused = start.run(given | {"TWILIO_AUTH_TOKEN": "another"})
    assert (refused.status, refused.answer["code"]) == (0 if language == "bash" else 1, 20003)
