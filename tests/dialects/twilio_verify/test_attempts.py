"""https://www.twilio.com/docs/verify/api/list-verification-attempts and .../verification-attempts-summary"""

import asyncio
from typing import Any

import pytest

from onema.dialects.twilio_verify.routes import TwilioVerifyApi
from onema.domain.configuration import documents as doc

from ..running_core import RunningCore
from .asked import ask, code_of, error, wrong
from .client import ACCOUNT_SID, APPLICATION, DOCUMENTS, PHONE, SERVICE, SERVICE_SID, check, get, post, start

OTHER = "+84902888484"
ATTEMPTS, SUMMARY = "/v2/Attempts", "/v2/Attempts/Summary"


async def sent(api: TwilioVerifyApi, phone: str = PHONE, channel: str = "sms") -> str:
    """The SID of a verification."""
    return str((await ask(api, start({"To": phone, "Channel": channel}), 201))["sid"])


async def listed(api: TwilioVerifyApi, query: str = "") -> list[dict[str, Any]]:
    return list((await ask(api, get(f"{ATTEMPTS}{query}")))["attempts"])


async def test_each_message_of_a_verification_is_an_attempt(api: TwilioVerifyApi, core: RunningCore) -> None:
    """Newest first, all of them converted once the code is typed in, and told one by one as well."""
    sid = await sent(api)
    assert await sent(api, channel="call") == sid
    (call, sms) = await listed(api)
    assert (call["channel"], sms["channel"]) == ("call", "sms")
    assert {one["verification_sid"] for one in (call, sms)} == {sid}
    assert {one["conversion_status"] for one in (call, sms)} == {"unconverted"}
    code = await code_of(core, sid)
    await ask(api, check({"Code": wrong(code)}))
    assert (await listed(api))[0]["conversion_status"] == "unconverted"
    await ask(api, check({"Code": code}))
    again = await listed(api)
    assert [one["conversion_status"] for one in again] == ["converted"] * 2
    assert await ask(api, get(f"{ATTEMPTS}/{sms['sid']}")) == again[1]
    assert set(again[1]) == {
        "sid",
        "account_sid",
        "service_sid",
        "verification_sid",
        "date_created",
        "date_updated",
        "conversion_status",
        "channel",
        "price",
        "channel_data",
        "url",
    }
    assert (again[1]["account_sid"], again[1]["service_sid"]) == (ACCOUNT_SID, SERVICE_SID)
    assert again[1]["price"] == {"value": "850", "currency": "vnd"}
    assert again[1]["channel_data"]["to"] == PHONE
    assert again[1]["url"] == f"http://onema.test:8400{ATTEMPTS}/{sms['sid']}"
    assert await error(api, get(f"{ATTEMPTS}/VL{'0' * 32}")) == (404, 20404)
    assert await error(api, get(f"{ATTEMPTS}/{sid}")) == (404, 20404)


async def test_attempts_are_those_that_a_query_asks_for(api: TwilioVerifyApi, core: RunningCore) -> None:
    """By number, country, channel, service, verification, time and conversion."""
    first, second = await sent(api), await sent(api, OTHER)
    await ask(api, check({"Code": await code_of(core, first)}))
    found = {
        "?ChannelData.To=%2B84901888484": [first],
        "?ChannelData.To=%2B84901888485": [],
        "?Country=VN": [second, first],
        "?Country=FR": [],
        "?Channel=sms": [second, first],
        "?Channel=CALL": [],
        "?Channel=rbm": [],
        f"?VerifyServiceSid={SERVICE_SID}": [second, first],
        f"?VerifyServiceSid=VA{'0' * 32}": [],
        f"?VerificationSid={first}": [first],
        "?Status=converted": [first],
        "?Status=UNCONVERTED": [second],
        "?DateCreatedAfter=2000-01-01T00:00:00Z": [second, first],
        "?DateCreatedAfter=2999-01-01T00:00:00Z": [],
        "?DateCreatedBefore=2000-01-01T00:00:00Z": [],
        "?DateCreatedBefore=2999-01-01T00:00:00Z&Status=converted": [first],
    }
    assert {query: [one["verification_sid"] for one in await listed(api, query)] for query in found} == found
    for query in ("?Channel=pigeon", "?Country=Vietnam", "?Status=maybe", "?DateCreatedAfter=soon"):
        assert await error(api, get(f"{ATTEMPTS}{query}")) == (400, 60200)


async def test_attempts_come_in_pages(api: TwilioVerifyApi) -> None:
    """With where the next one is, until there is none."""
    sids = [await sent(api, f"+8490{number}888484") for number in range(5)]
    found: list[str] = []
    page = f"{ATTEMPTS}?PageSize=2"
    while page:
        told = await ask(api, get(page))
        assert told["meta"]["key"] == "attempts"
        found += [one["verification_sid"] for one in told["attempts"]]
        page = (told["meta"]["next_page_url"] or "").removeprefix("http://onema.test:8400")
    assert found == sids[::-1]


async def test_the_summary_says_how_many_codes_were_typed_in(api: TwilioVerifyApi, core: RunningCore) -> None:
    """Over a period, and of those that a query asks for."""
    assert (await ask(api, get(SUMMARY)))["conversion_rate_percentage"] == 0
    first = await sent(api)
    await sent(api, OTHER)
    await sent(api, "+84903888484")
    await ask(api, check({"Code": await code_of(core, first)}))
    assert await ask(api, get(SUMMARY)) == {
        "total_attempts": 3,
        "total_converted": 1,
        "total_unconverted": 2,
        "conversion_rate_percentage": 33.33,
        "url": f"http://onema.test:8400{SUMMARY}",
    }
    told = await ask(api, get(f"{SUMMARY}?DestinationPrefix=%2B84901&Channel=sms&Country=VN"))
    assert (told["total_attempts"], told["conversion_rate_percentage"]) == (1, 100)
    assert (await ask(api, get(f"{SUMMARY}?DateCreatedBefore=2000-01-01T00:00:00Z")))["total_attempts"] == 0
    assert await error(api, get(f"{SUMMARY}?DestinationPrefix=abc")) == (400, 60200)
    assert await error(api, post(SUMMARY, {})) == (405, 20004)


async def test_attempts_are_the_login_s_own(api: TwilioVerifyApi, core: RunningCore) -> None:
    """Another account's, and another service's where the login is for one, are not told."""
    rival, key, limited = "AC" + "2b" * 16, "secret of a rival", "SK" + "3c" * 16
    await core.configure(
        *DOCUMENTS,
        doc.Account(name="rival", wallet="postpaid", windows=(), country="VN"),
        doc.Credential(account="rival", dialect="twilio_verify", key=rival, secret=key),
        doc.Application(account="shop", name="other", template="login"),
        doc.Credential(account="shop", dialect="twilio_verify", key=limited, secret=key, application="other"),
    )
    sid = await sent(api)
    attempt = (await listed(api))[0]["sid"]
    for login in (rival, limited):
        assert (await ask(api, get(ATTEMPTS, login, key)))["attempts"] == []
        assert (await ask(api, get(SUMMARY, login, key)))["total_attempts"] == 0
        assert await error(api, get(f"{ATTEMPTS}/{attempt}", login, key)) == (404, 20404)
    assert sid
    assert APPLICATION.name == "login"
    assert SERVICE.endswith(SERVICE_SID)


@pytest.mark.parametrize("entry", ["+84901888484", "+84901888xxx"])
async def test_a_safe_number_is_looked_at_by_no_rule_of_the_guard(
    api: TwilioVerifyApi, core: RunningCore, entry: str
) -> None:
    """A number or a thousand of them; until it is taken off the list."""
    await core.configure(*DOCUMENTS, doc.Guard(name="*", mode="block", countries=("FR",)))
    assert await error(api, start({})) == (403, 60410)
    told = await ask(api, post("/v2/SafeList/Numbers", {"PhoneNumber": entry}), 201)
    assert told["phone_number"] == entry
    assert told["sid"].startswith("GN")
    again = await ask(api, post("/v2/SafeList/Numbers", {"PhoneNumber": entry}), 201)
    assert again == told == await ask(api, get(f"/v2/SafeList/Numbers/{entry}"))
    await ask(api, start({}), 201)
    assert await error(api, start({"To": OTHER})) == (403, 60410)
    removed = await api.answer(post(f"/v2/SafeList/Numbers/{entry}", {}, method="DELETE"))
    assert (removed.status, removed.body) == (204, b"")
    assert await error(api, get(f"/v2/SafeList/Numbers/{entry}")) == (404, 20404)
    assert await error(api, start({})) == (403, 60410)


async def test_a_safe_list_takes_numbers_alone(api: TwilioVerifyApi, core: RunningCore) -> None:
    """Countries and networks are an operator's; and a login for one service changes nothing of the account's."""
    for entry in ("VN", "203.0.113.0/24", "+84", "84901888484", "+84901xx", ""):
        assert await error(api, post("/v2/SafeList/Numbers", {"PhoneNumber": entry})) == (400, 60200)
    assert await error(api, get("/v2/SafeList/Numbers/VN")) == (404, 20404)
    limited = "SK" + "3c" * 16
    await core.configure(
        *DOCUMENTS,
        doc.Credential(
            account="shop", dialect="twilio_verify", key=limited, secret="x" * 16, application="login"
        ),
    )
    asked = post("/v2/SafeList/Numbers", {"PhoneNumber": PHONE}, limited, "x" * 16)
    assert await error(api, asked) == (403, 60204)


async def test_numbers_that_come_at_once_are_all_on_the_safe_list(
    api: TwilioVerifyApi, core: RunningCore
) -> None:
    """Each is put beside what is there by then, not beside what was there when it was asked for."""
    numbers = {f"+8490188848{digit}" for digit in range(8)}
    asked = [post("/v2/SafeList/Numbers", {"PhoneNumber": number}) for number in sorted(numbers)]
    answers = await asyncio.gather(*map(api.answer, asked))
    assert {one.status for one in answers} == {201}
    assert set(core.account("shop").document.safe_numbers) == numbers
    gone = [post(f"/v2/SafeList/Numbers/{number}", {}, method="DELETE") for number in sorted(numbers)]
    await asyncio.gather(*map(api.answer, gone))
    assert core.account("shop").document.safe_numbers == ()


async def test_the_audit_log_has_safe_numbers_masked(api: TwilioVerifyApi, core: RunningCore) -> None:
    """What a person's number is erased from is not the audit log; a block of a thousand is nobody's."""
    for entry in (PHONE, "+84902888xxx"):
        await ask(api, post("/v2/SafeList/Numbers", {"PhoneNumber": entry}), 201)
    entries = await core.storage.read_audit("shop", (2**63 - 1, 2**63 - 1), 10)
    told = b"".join(one.before + one.after for one in entries)
    assert PHONE.encode() not in told
    assert b"+84****484" in told
    assert b"+84902888xxx" in told
