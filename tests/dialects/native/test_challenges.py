"""Who is asked for a challenge solves it and asks again: docs/guard.md."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import altcha
import pytest
import pytest_asyncio

from onema.dialects.native.routes import NativeApi
from onema.domain.configuration import documents as doc
from onema.engine.challenges import GuardChallenges
from onema.http.client.client import PooledClient

from ..running_core import RunningCore
from .client import DOCUMENTS, PHONE, VERIFICATIONS, create, post

STRANGER = "+84912345678"
PROBLEM = "urn:onema:problem:challenge_required"
WRONG_COUNTRY: dict[str, Any] = {"mode": "challenge", "countries": ("FR",), "challenge_cost": 1_000}


class Shop:
    """An integrator, whose guard asks for a challenge before anything goes to Viet Nam."""

    def __init__(self, core: RunningCore, client: PooledClient) -> None:
        self.core = core
        self.api = NativeApi(core.gateway, core.reads)
        self.api.challenge_by(GuardChallenges(core.gateway, client))

    async def guard(self, **changed: Any) -> None:
        await self.core.configure(doc.Guard(name="*", **(WRONG_COUNTRY | changed)))

    async def ask(self, phone: str = PHONE, **members: Any) -> tuple[int, dict[str, Any]]:
        response = await self.api.answer(
            create({"to": phone, "sender": "Shop", "text": "{OTP} la ma xac minh x"} | members)
        )
        return response.status, json.loads(response.body)

    async def challenged(self, phone: str = PHONE, **members: Any) -> str:
        """What a browser makes of the challenge that the shop is told."""
        status, told = await self.ask(phone, **members)
        assert (status, told["type"]) == (403, PROBLEM)
        return solve(told["challenge"])


def solve(told: dict[str, Any]) -> str:
    asked = altcha.Challenge.from_dict(told)
    solution = altcha.solve_challenge(asked)
    assert solution is not None
    return altcha.Payload(asked, solution).to_base64()


@pytest_asyncio.fixture
async def shop(core: RunningCore) -> AsyncIterator[Shop]:
    client = PooledClient(seconds=5, idle_connections=1, private_targets=True)
    await core.configure(*DOCUMENTS)
    shop = Shop(core, client)
    await shop.guard()
    yield shop
    await client.close()


async def test_a_solved_challenge_lets_one_message_pass(shop: Shop) -> None:
    """What was found stands in its story; the same solution once more gets a new challenge."""
    solution = await shop.challenged()
    status, told = await shop.ask(challenge_response=solution)
    assert status == 201
    story = await shop.core.story("shop", int(told["id"]))
    assert [event.data for event in story.events if event.kind == "guard"] == [
        "countries (custom_policy): VN, challenge"
    ]
    shop.core.clock.advance(60)
    status, told = await shop.ask(challenge_response=solution)
    assert (status, told["type"]) == (403, PROBLEM)
    assert (await shop.ask(challenge_response=solve(told["challenge"])))[0] == 201


async def test_of_many_who_bring_one_solution_at_once_one_gets_a_code(shop: Shop) -> None:
    """It is decided with the message."""
    solution = await shop.challenged()
    purposes = [f"purpose-{number}" for number in range(20)]
    answers = await asyncio.gather(
        *(shop.ask(challenge_response=solution, purpose=purpose) for purpose in purposes)
    )
    assert sorted(status for status, _ in answers) == [201] + [403] * 19


async def test_a_solution_is_good_for_its_phone_alone(shop: Shop) -> None:
    """Nobody collects them for numbers of their own."""
    solution = await shop.challenged()
    assert (await shop.ask(STRANGER, challenge_response=solution))[0] == 403
    assert (await shop.ask(challenge_response=solution))[0] == 201


async def test_a_solution_comes_too_late(shop: Shop) -> None:
    """Ten minutes after its challenge."""
    solution = await shop.challenged()
    shop.core.clock.advance(601)
    assert (await shop.ask(challenge_response=solution))[0] == 403


async def test_a_solution_that_nobody_asked_for_is_kept(shop: Shop) -> None:
    """It is spent where it was needed only."""
    solution = await shop.challenged()
    await shop.guard(countries=("VN",))
    assert (await shop.ask(challenge_response=solution))[0] == 201
    shop.core.clock.advance(60)
    await shop.guard()
    assert (await shop.ask(challenge_response=solution))[0] == 201


async def test_a_challenge_opens_nothing_that_is_blocked(shop: Shop) -> None:
    """The severest mode counts."""
    solution = await shop.challenged()
    await shop.guard(rules={"price": "block"}, price_ceiling="1")
    status, told = await shop.ask(challenge_response=solution)
    assert (status, told["type"]) == (403, "urn:onema:problem:abuse_suspected")
    assert "challenge" not in told


async def test_later_messages_of_the_code_need_no_challenge_of_their_own(shop: Shop) -> None:
    """Its person has solved one."""
    solution = await shop.challenged()
    _, told = await shop.ask(challenge_response=solution)
    shop.core.clock.advance(60)
    again = await shop.api.answer(post(f"{VERIFICATIONS}/{told['id']}/resend", {}))
    assert again.status == 201, again.body


@pytest.mark.parametrize("way", ["next", "resend"])
async def test_the_next_message_of_a_code_is_asked_for_a_challenge_once(shop: Shop, way: str) -> None:
    """It began without one. Who has solved it needs no other for this code, and may bring the old one again."""
    await shop.guard(countries=("VN",))
    status, told = await shop.ask(
        channels=[{"channel": "sms", "after": 50 * bool(step)} for step in range(5)]
    )
    assert status == 201, told
    await shop.guard()

    async def more(**members: Any) -> tuple[int, dict[str, Any]]:
        shop.core.clock.advance(40)
        response = await shop.api.answer(post(f"{VERIFICATIONS}/{told['id']}/{way}", members))
        return response.status, json.loads(response.body)

    status, problem = await more()
    assert (status, problem["type"]) == (403, PROBLEM)
    assert (await more(challenge_response="nothing"))[0] == 403
    solution = solve(problem["challenge"])
    assert [(await more(challenge_response=solution))[0] for _ in range(2)] == [201, 201]
    assert (await more())[0] == 201
    assert (await shop.ask(challenge_response=solution, purpose="other"))[0] == 403


async def test_a_lost_answer_is_told_again_and_spends_nothing_more(shop: Shop) -> None:
    """Under its Idempotency-Key the same request is the same message."""
    solution = await shop.challenged()
    asked = create(
        {"to": PHONE, "sender": "Shop", "text": "{OTP} la ma xac minh x", "challenge_response": solution}
    )
    named = type(asked)(
        asked.method,
        asked.path,
        b"",
        (*asked.headers, (b"idempotency-key", b'"once"')),
        asked.body,
        asked.client_ip,
    )
    first, second = [json.loads((await shop.api.answer(named)).body) for _ in range(2)]
    assert first["id"] == second["id"]


class SiteVerify:
    """A service of captchas: tokens that begin with "good" were solved, each once."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.answer = ""
        """What it says instead."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        (length,) = [
            int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")
        ]
        form = {
            name: values[0] for name, values in parse_qs((await reader.readexactly(length)).decode()).items()
        }
        is_new = form["response"] not in [one["response"] for one in self.asked]
        self.asked.append(form)
        good = form["secret"] == "captcha-secret" and form["response"].startswith("good") and is_new
        codes = [] if good else ["invalid-input-response"]
        body = self.answer or json.dumps({"success": good, "hostname": "shop.example", "error-codes": codes})
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        writer.write(head + body.encode())
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()


@pytest_asyncio.fixture
async def service() -> AsyncIterator[tuple[SiteVerify, str]]:
    service = SiteVerify()
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    yield service, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/siteverify"
    server.close()


async def test_a_captcha_s_token_is_verified_by_its_service(
    shop: Shop, service: tuple[SiteVerify, str]
) -> None:
    """With the secret and the person's address; what it does not like is challenged again, without a proof of work."""
    verifier, url = service
    await shop.guard(captcha_url=url, captcha_secret="captcha-secret")
    status, told = await shop.ask()
    assert (status, told["type"], "challenge" in told) == (403, PROBLEM, False)
    assert (await shop.ask(challenge_response="bad token"))[0] == 403
    status, _ = await shop.ask(challenge_response="good token", client_ip="198.51.100.7")
    assert status == 201
    assert (await shop.ask(challenge_response="good token"))[0] == 403
    assert verifier.asked[1] == {
        "secret": "captcha-secret",
        "response": "good token",
        "remoteip": "198.51.100.7",
    }
    assert "remoteip" not in verifier.asked[0]


@pytest.mark.parametrize("answer", ["<html>", "[]", '{"success": "yes"}', "{}"])
async def test_a_service_that_says_nothing_of_use_lets_nobody_pass(
    shop: Shop, service: tuple[SiteVerify, str], answer: str
) -> None:
    """And is no fault."""
    verifier, url = service
    verifier.answer = answer
    await shop.guard(captcha_url=url, captcha_secret="captcha-secret")
    assert (await shop.ask(challenge_response="good token"))[0] == 403


async def test_a_service_that_is_away_lets_nobody_pass(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, without the token and the secret."""
    await shop.guard(captcha_url="http://127.0.0.1:1/siteverify", captcha_secret="captcha-secret")
    assert (await shop.ask(challenge_response="good token"))[0] == 403
    assert [record.message for record in caplog.records if record.name == "onema.engine.challenges"] == [
        "the captcha service told nothing"
    ]
    assert "good token" not in caplog.text
    assert "captcha-secret" not in caplog.text


async def test_nobody_is_asked_while_no_rule_challenges(shop: Shop, service: tuple[SiteVerify, str]) -> None:
    """A token that comes all the same costs nothing."""
    verifier, url = service
    await shop.guard(mode="record", captcha_url=url, captcha_secret="captcha-secret")
    assert (await shop.ask(challenge_response="good token"))[0] == 201
    assert verifier.asked == []
