"""When a client sends a request again, and what it raises when it does not."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from onema.client import (
    Client,
    Conflict,
    InvalidRequest,
    NoAnswer,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    PaymentRequired,
    Problem,
    RateLimited,
    ServerFault,
    UnexpectedAnswer,
)
from onema.testing.running_server import free_port

from .asking import Asking, both_clients
from .scripted_server import SILENCE, answer, problem, scripted

BALANCE = '{"currency":"VND","balance":"12","wallet":"prepaid","expires_at":null}'
CHECKED = '{"id":"7","valid":true,"status":"verified"}'
BEGUN = (
    '{"id":"7","status":"pending","channel":"sms","to":"+84901888484","purpose":"code","reference":"",'
    '"created_at":"2026-11-28T10:15:00.000Z","expires_at":"2026-11-28T10:20:00.000Z"}'
)


@both_clients
def test_a_code_is_asked_for_under_one_key_however_often(kind: str) -> None:
    """Where the first answer is lost, the server knows the second request by the key that the client made."""
    with scripted(SILENCE, problem(503, "store_unavailable"), answer(201, BEGUN)) as server:
        begun = Asking(kind, server.url)("create_verification", to="+84901888484")
    assert begun.id == "7"
    assert (begun.expires_at - begun.created_at).total_seconds() == 300
    keys = {asked.headers["idempotency-key"] for asked in server.asked}
    assert [asked.line for asked in server.asked] == ["POST /v1/verifications HTTP/1.1"] * 3
    assert len(keys) == 1
    assert re.fullmatch('"[0-9a-f-]{36}"', keys.pop())
    assert {asked.body for asked in server.asked} == {b'{"to":"+84901888484"}'}


@both_clients
def test_two_codes_have_two_keys_and_a_caller_may_name_its_own(kind: str) -> None:
    """Else a second code could never be sent."""
    with scripted(answer(201, BEGUN)) as server:
        ask = Asking(kind, server.url)
        ask("create_verification", to="+84901888484")
        ask("create_verification", to="+84901888484")
        ask("create_verification", to="+84901888484", idempotency_key="order 7")
    first, second, own = (asked.headers["idempotency-key"] for asked in server.asked)
    assert first != second
    assert own == '"order 7"'


@both_clients
def test_a_check_whose_answer_is_lost_is_not_sent_again(kind: str) -> None:
    """It may have taken a try, or the code."""
    with scripted(SILENCE) as server:
        ask = Asking(kind, server.url)
        with pytest.raises(NoAnswer) as raised:
            ask("check_verification", "7", code="482913")
    assert raised.value.may_have_left
    assert len(server.asked) == 1
    with scripted(problem(503, "store_unavailable")) as server, pytest.raises(ServerFault):
        Asking(kind, server.url)("check_verification", "7", code="482913")
    assert len(server.asked) == 1


@both_clients
def test_what_was_refused_for_now_is_sent_again_when_the_server_says(kind: str) -> None:
    """A 429 did nothing, so a check too; Retry-After is seconds, or a date."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    with scripted(
        problem(429, "rate_limited", "Retry-After: 7"),
        problem(429, "rate_limited", f"Retry-After: {date}"),
        answer(200, CHECKED),
    ) as server:
        ask = Asking(kind, server.url)
        assert ask("check_verification", "7", code="482913").valid
    assert len(server.asked) == 3
    assert ask.waits[0] == 7
    assert 15 < ask.waits[1] <= 20


@both_clients
def test_who_shall_wait_longer_than_patience_lasts_is_told_at_once(kind: str) -> None:
    """With what the server asked for."""
    with scripted(problem(429, "rate_limited", "Retry-After: 3600")) as server:
        ask = Asking(kind, server.url)
        with pytest.raises(RateLimited) as raised:
            ask("get_balance")
    assert (raised.value.retry_after, ask.waits, len(server.asked)) == (3600, [], 1)


@both_clients
def test_three_tries_are_all_and_each_wait_is_longer(kind: str) -> None:
    """A quarter of a second, then half of one, each up to half of it less."""
    with scripted(problem(500, "fault")) as server:
        ask = Asking(kind, server.url)
        with pytest.raises(ServerFault):
            ask("get_balance")
    assert len(server.asked) == 3
    first, second = ask.waits
    assert 0.125 <= first <= 0.25 <= second <= 0.5


@both_clients
def test_a_server_that_is_not_there_was_asked_for_nothing(kind: str) -> None:
    """So even a check is tried three times, and the error says that nothing can have happened."""
    ask = Asking(kind, f"http://127.0.0.1:{free_port()}")
    with pytest.raises(NoAnswer) as raised:
        ask("check_verification", "7", code="482913")
    assert not raised.value.may_have_left
    assert len(ask.waits) == 2


@both_clients
@pytest.mark.parametrize(
    ("status", "kind_of_problem"),
    [
        (400, InvalidRequest),
        (401, NotAuthenticated),
        (402, PaymentRequired),
        (403, NotAllowed),
        (404, NotFound),
        (409, Conflict),
        (413, InvalidRequest),
        (422, InvalidRequest),
        (418, Problem),
    ],
)
def test_a_problem_is_an_exception_of_its_kind(
    kind: str, status: int, kind_of_problem: type[Problem]
) -> None:
    """With its members; none of these is worth a second try."""
    with scripted(problem(status, "phone_invalid")) as server, pytest.raises(Problem) as raised:
        Asking(kind, server.url)("create_verification", to="1")
    assert type(raised.value) is kind_of_problem
    found = raised.value
    assert (found.name, found.status, found.title, found.detail, found.pointer) == (
        "phone_invalid",
        status,
        "Words",
        "more",
        "/to",
    )
    assert len(server.asked) == 1


@both_clients
def test_answers_of_others_are_no_answers(kind: str) -> None:
    """A redirect, a page of a proxy, JSON of another shape; a proxy's 503 is one of the server that has no answer."""
    for strange in (
        answer(302, "", "text/html", "Location: http://127.0.0.1/"),
        answer(404, "<h1>Nothing here</h1>", "text/html"),
        answer(200, "<h1>Welcome</h1>", "text/html"),
        answer(200, '{"balance": 5}'),
    ):
        with scripted(strange) as server, pytest.raises(UnexpectedAnswer):
            Asking(kind, server.url)("get_balance")
    with scripted(answer(503, "<h1>Soon</h1>", "text/html")) as server, pytest.raises(ServerFault):
        Asking(kind, server.url)("get_balance")
    assert len(server.asked) == 3


@both_clients
def test_a_connection_is_used_again_until_its_server_ends_it(kind: str) -> None:
    """Of what stood on it nothing is lost, and a dead one costs no try."""
    calls: list[tuple[str, tuple[()], dict[str, str]]] = [("get_balance", (), {})] * 3
    with scripted(answer(200, BALANCE)) as server:
        ask = Asking(kind, server.url)
        assert [each.balance for each in ask.each(calls)] == ["12"] * 3
        assert (server.connections, ask.waits) == (1, [])
    closing = answer(200, BALANCE, "application/json", "Connection: close")
    with scripted(closing, answer(200, BALANCE)) as server:
        ask = Asking(kind, server.url)
        assert len(ask.each(calls)) == 3
        assert ask.waits == []


@both_clients
def test_answers_of_megabytes_are_read(kind: str) -> None:
    """A page of a list may be larger than what a callback's receiver may say."""
    filler = "x" * 2_000_000
    body = BALANCE.replace('"VND"', f'"{filler}"')
    with scripted(answer(200, body)) as server:
        assert Asking(kind, server.url)("get_balance").currency == filler


@both_clients
def test_members_that_a_later_server_adds_are_passed_over(kind: str) -> None:
    """An older client goes on."""
    with scripted(answer(200, BALANCE[:-1] + ',"more":{"to":["come"]}}')) as server:
        assert Asking(kind, server.url)("get_balance").wallet == "prepaid"


@both_clients
def test_a_server_may_stand_below_a_path(kind: str) -> None:
    """Behind a proxy; an id is one part of the path, whatever it holds."""
    with scripted(answer(200, CHECKED)) as server:
        Asking(kind, f"{server.url}/otp/")("check_verification", "7/../8?x", code="1")
    assert server.asked[0].line == "POST /otp/v1/verifications/7%2F..%2F8%3Fx/check HTTP/1.1"


@pytest.mark.parametrize(
    "url", ["", "sms.example.com", "ftp://x", "https://", "https://u@x", "https://x?a=1"]
)
def test_a_url_that_is_none_is_refused_at_once(url: str) -> None:
    """And a key that Basic authentication could not carry."""
    with pytest.raises(ValueError, match="URL"):
        Client(url, "key", "secret")
    with pytest.raises(ValueError, match="colon"):
        Client("https://sms.example.com", "k:y", "secret")
