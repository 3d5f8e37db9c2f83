"""docs/vendors/esms.md: its samples, run against a demo server."""

from pathlib import Path

import pytest

from onema.testing.running_server import RunningServer, eventually

from .samples import EVERY_LANGUAGE, Program, operations, without

OPERATIONS = operations("esms")
SEND = OPERATIONS["GENCODE: make a code and send it"]
CHECK = OPERATIONS["CHECKCODE: check a code"]


@pytest.mark.parametrize("language", EVERY_LANGUAGE)
def test_the_samples_send_a_code_and_check_it(language: str, server: RunningServer, tmp_path: Path) -> None:
    """Each prints the answer of the page: accepted, right, and wrong the second time."""
    keys = server.credentials("esms")
    phone = "0901888484"
    environment = {
        "ESMS_URL": f"http://127.0.0.1:{server.port}",
        "ESMS_API_KEY": keys["ApiKey"],
        "ESMS_SECRET_KEY": keys["SecretKey"],
        "PHONE": phone,
    }
    before = newest_message(server, phone)["id"]
    sent = Program(SEND.samples[language], language, tmp_path / "send").run(environment)
    assert (sent.status, without(sent.answer, "SMSID")) == (0, without(SEND.answers[0], "SMSID"))
    eventually(lambda: newest_message(server, phone)["id"] != before)
    environment["CODE"] = code = newest_message(server, phone)["code"]
    check = Program(CHECK.samples[language], language, tmp_path / "check")
    assert check.run(environment) == (0, CHECK.answers[0])
    shown = CHECK.answers[1]["ErrorMessage"].replace("1NTTJ6", code)
    assert check.run(environment) == (
        0 if language == "bash" else 1,
        {**CHECK.answers[1], "ErrorMessage": shown},
    )


def newest_message(server: RunningServer, phone: str) -> dict[str, str]:
    """What the phone received last; nothing when it received nothing."""
    received: list[dict[str, str]] = server.json("/handset/messages", to=phone, limit="1")
    return received[0] if received else {"id": ""}
