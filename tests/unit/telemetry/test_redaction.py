import io
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.telemetry.faults import describe_fault
from onema.telemetry.logs import LogFormat, attempt_id, build_handler, request_number
from onema.telemetry.redaction import redact_field, redact_text, redact_value, safe


class Written:
    """A logger of its own whose lines can be read back."""

    def __init__(self, log_format: LogFormat = "json", worker: int = 0) -> None:
        self.stream = io.StringIO()
        self.logger = logging.Logger("test")
        self.logger.addHandler(build_handler(log_format, self.stream, worker))

    def line(self) -> dict[str, object]:
        parsed = json.loads(self.stream.getvalue())
        assert isinstance(parsed, dict)
        return parsed


SECRET_NAMES = (
    "code OTP SecretKey secret_key api-key password access_token Authorization text body message Content "
    "sign server_key Set-Cookie"
)


@pytest.mark.parametrize("name", SECRET_NAMES.split())
def test_fields_with_secret_names_are_masked(name: str) -> None:
    """Whatever they hold, at any depth."""
    assert redact_field(name, "x") == "***"
    assert redact_value({"request": [{name: 1}]}) == {"request": [{name: "***"}]}


@pytest.mark.parametrize("value", ["to 84901888484 now", b"+84901888484", 84901888484, ("0901888484",)])
def test_long_runs_of_digits_are_masked(value: object) -> None:
    """A phone number hides in texts, bytes, numbers and lists."""
    assert "901888484" not in str(redact_value(value))


def test_what_our_own_code_vouches_for_is_kept() -> None:
    """Ids in hex may consist of digits only."""
    assert redact_field("attempt", safe("1234567890123456")) == "1234567890123456"


def test_small_numbers_and_states_are_kept() -> None:
    """A log without anything in it helps nobody."""
    assert redact_value({"attempts": 5, "took": 0.123456789, "ok": True, "none": None}) == {
        "attempts": 5,
        "took": 0.123456789,
        "ok": True,
        "none": None,
    }


@pytest.mark.parametrize(
    "text",
    [
        "GET /x?Code=1NTTJ6&SecretKey=1NTTJ6",
        '{"Code": "1NTTJ6", "content": "la ma 1NTTJ6"}',
        "Authorization: Bearer 1NTTJ6",
        "{'otp': '1NTTJ6'}",
        "api_key=1NTTJ6",
    ],
)
def test_values_behind_secret_names_are_masked_within_texts(text: str) -> None:
    """Queries, headers, JSON and reprs come as one string."""
    assert "1NTTJ6" not in redact_text(text)


@given(st.text(alphabet="0123456789", min_size=7), st.text(alphabet="abc =:?&\"'", max_size=9))
def test_no_long_number_passes(number: str, around: str) -> None:
    """Whatever stands around it."""
    assert number not in redact_text(around + number + around)


def test_event_arguments_and_exceptions_are_masked() -> None:
    """The sentence, its arguments and the traceback all pass the filter."""
    written = Written()
    try:
        raise ValueError("cannot reach 0901888484, code=991199")
    except ValueError:
        written.logger.exception("failed for %s", "0901888484")
    text = written.stream.getvalue()
    assert "0901888484" not in text
    assert "991199" not in text
    assert written.line()["event"] == "failed for ***"
    assert "ValueError" in str(written.line()["exception"])


def test_a_wrong_format_string_costs_no_line() -> None:
    """The arguments of such a line are dropped, since nobody can say where they belong."""
    written = Written()
    written.logger.error("a %d", "0901888484")
    assert written.line()["event"] == "a %d"


def test_a_line_knows_its_request_and_attempt() -> None:
    """Both come by contextvar, so that no function hands them down."""
    written = Written()
    tokens = (request_number.set(12345678), attempt_id.set("00000000000000ab"))
    try:
        written.logger.info("attempt submitted", extra={"action": "submit"})
    finally:
        request_number.reset(tokens[0])
        attempt_id.reset(tokens[1])
    line = written.line()
    assert (line["request"], line["attempt"], line["action"]) == ("12345678", "00000000000000ab", "submit")
    assert (line["level"], line["logger"]) == ("info", "test")


def test_the_console_format_is_one_readable_line() -> None:
    """For people: the sentence first, then the fields."""
    written = Written("console")
    written.logger.warning("wallet is low", extra={"account": "demo"})
    assert written.stream.getvalue().endswith("WARNING wallet is low  account=demo\n")


def test_auto_means_json_where_no_terminal_is() -> None:
    """A service manager's pipe gets lines for machines."""
    written = Written("auto")
    written.logger.info("started")
    assert written.line()["event"] == "started"


def test_a_fault_is_described_by_places_without_words() -> None:
    """Causes are named as well; the messages of exceptions may quote a request."""
    try:
        try:
            int("0901888484x")
        except ValueError as exc:
            raise KeyError("Phone 0901888484") from exc
    except KeyError as exc:
        described = describe_fault(exc)
    assert described.startswith("KeyError at test_redaction.py:")
    assert "; from ValueError at test_redaction.py:" in described
    assert "0901888484" not in described


def test_a_line_says_which_worker_wrote_it() -> None:
    """Workers write to one stream; a process alone adds nothing."""
    for worker, field in ((0, None), (3, 3)):
        written = Written(worker=worker)
        written.logger.warning("carriers not changed")
        assert written.line().get("worker") == field


@pytest.mark.parametrize(
    ("logged", "left"),
    [
        ("GET https://shop.vn/hook/T0/B0?k=v#x now", "GET https://shop.vn/*** now"),
        ("http://shop.vn:8080?k=v", "http://shop.vn:8080/***"),
        ("http://user:pa/ss@shop.vn/x", "http://***"),
        ("postgresql://onema:p@ss/word@db1,db2/onema", "postgresql://***"),
        ('<Url "http://shop.vn/a">, and on', '<Url "http://shop.vn/***">, and on'),
        ("listens on http://127.0.0.1:8400/", "listens on http://127.0.0.1:8400/"),
        ("https://shop.vn", "https://shop.vn"),
    ],
)
def test_of_a_url_the_host_is_left(logged: str, left: str) -> None:
    """Users, paths and queries are where webhooks carry their secrets."""
    assert redact_text(logged) == left
