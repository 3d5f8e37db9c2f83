"""https://www.twilio.com/docs/verify/api/verification and .../verification-check"""

import asyncio
import json
import re

import msgspec
import pytest

from onema.dialects.twilio_verify.routes import TwilioVerifyApi
from onema.dialects.twilio_verify.wire import message_of
from onema.domain.codes.accept_message import Accepted
from onema.domain.configuration import documents as doc

from ..running_core import RunningCore
from .asked import ask, code_of, error, text_of, wrong
from .client import (
    ACCOUNT,
    ACCOUNT_SID,
    APPLICATION,
    CLIENT_IP,
    PHONE,
    SERVICE,
    SERVICE_SID,
    check,
    get,
    post,
    start,
)

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


async def test_a_verification_has_every_documented_member(api: TwilioVerifyApi, core: RunningCore) -> None:
    """None is absent, what is not here is null; times are whole seconds, its address is absolute."""
    told = await ask(api, start({}), 201)
    sid, attempt = told["sid"], told["send_code_attempts"][0]
    assert re.fullmatch("VE[0-9a-f]{32}", sid)
    assert re.fullmatch("VL[0-9a-f]{32}", attempt["attempt_sid"])
    assert re.fullmatch(TIME, told["date_created"])
    assert told == {
        "sid": sid,
        "service_sid": SERVICE_SID,
        "account_sid": ACCOUNT_SID,
        "to": PHONE,
        "channel": "sms",
        "status": "pending",
        "valid": False,
        "lookup": {"carrier": None},
        "amount": None,
        "payee": None,
        "send_code_attempts": [
            {"time": told["date_created"], "channel": "SMS", "attempt_sid": attempt["attempt_sid"]}
        ],
        "date_created": told["date_created"],
        "date_updated": told["date_created"],
        "sna": None,
        "url": f"http://onema.test:8400{SERVICE}/Verifications/{sid}",
    }
    assert re.fullmatch("[0-9]{6} la ma xac minh cua ban", await text_of(core, sid))
    message = await core.message("shop", message_of(sid) or 0)
    assert message.code_expires_at - core.clock.now() == 600_000
    assert (message.application, message.client_ip) == ("login", CLIENT_IP)


async def test_behind_tls_addresses_are_https(api: TwilioVerifyApi) -> None:
    """The proxy says so."""
    request = start({})
    headers = (*request.headers, (b"x-forwarded-proto", b"https"))
    told = await ask(api, msgspec.structs.replace(request, headers=headers), 201)
    assert told["url"].startswith("https://onema.test:8400/v2/")


async def test_a_right_code_is_approved_once(api: TwilioVerifyApi, core: RunningCore) -> None:
    """Then the vendor has forgotten the verification, and so has this API."""
    started = await ask(api, start({}), 201)
    code = await code_of(core, started["sid"])
    told = await ask(api, check({"Code": code}))
    assert told == {
        "sid": started["sid"],
        "service_sid": SERVICE_SID,
        "account_sid": ACCOUNT_SID,
        "to": PHONE,
        "channel": "sms",
        "status": "approved",
        "valid": True,
        "amount": None,
        "payee": None,
        "sna_attempts_error_codes": [],
        "date_created": started["date_created"],
        "date_updated": told["date_updated"],
    }
    assert await error(api, check({"Code": code})) == (404, 20404)
    assert await error(api, get(f"{SERVICE}/Verifications/{started['sid']}")) == (404, 20404)


async def test_a_wrong_code_is_pending_and_five_are_the_end(api: TwilioVerifyApi, core: RunningCore) -> None:
    """The right one comes too late: 60202, as long as the verification would have lived."""
    started = await ask(api, start({}), 201)
    code = await code_of(core, started["sid"])
    for _ in range(5):
        told = await ask(api, check({"Code": wrong(code)}))
        assert (told["status"], told["valid"]) == ("pending", False)
    assert await error(api, check({"Code": code})) == (429, 60202)
    told = await ask(api, get(f"{SERVICE}/Verifications/{PHONE}"))
    assert told["status"] == "max_attempts_reached"
    core.clock.advance(600)
    assert await error(api, check({"Code": code})) == (404, 20404)


async def test_starting_again_sends_the_same_code_under_the_same_sid(
    api: TwilioVerifyApi, core: RunningCore
) -> None:
    """Each sending is an attempt; neither the code's time nor its checks begin anew."""
    started = await ask(api, start({}), 201)
    code = await code_of(core, started["sid"])
    await ask(api, check({"Code": wrong(code)}))
    core.clock.advance(60)
    again = await ask(api, start({"Channel": "call"}), 201)
    assert (again["sid"], again["channel"]) == (started["sid"], "call")
    assert [one["channel"] for one in again["send_code_attempts"]] == ["SMS", "CALL"]
    assert again["date_created"] == started["date_created"] < again["date_updated"]
    attempt = message_of(again["send_code_attempts"][1]["attempt_sid"]) or 0
    assert (await core.queued_call(attempt)).code == code
    third = await ask(api, start({}), 201)
    assert await code_of(core, third["send_code_attempts"][2]["attempt_sid"]) == code
    for _ in range(4):
        await ask(api, check({"Code": wrong(code)}))
    assert await error(api, check({"Code": code})) == (429, 60202)
    messages = await core.messages("shop")
    assert len(messages) == 3
    assert len({message.code_expires_at for message in messages}) == 1


async def test_many_who_start_at_once_share_one_verification(api: TwilioVerifyApi, core: RunningCore) -> None:
    """Decided under the row's lock: one code, five messages, whatever comes at the same moment."""
    answers = await asyncio.gather(*(api.answer(start({})) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [201] * 5 + [429] * 3
    assert len({json.loads(answer.body)["sid"] for answer in answers if answer.status == 201}) == 1
    codes = {(await core.queued_sms(message.id)).text for message in await core.messages("shop")}
    assert len(codes) == 1


async def test_after_ten_minutes_there_is_a_new_code(api: TwilioVerifyApi, core: RunningCore) -> None:
    """And a new SID."""
    first = await ask(api, start({}), 201)
    code = await code_of(core, first["sid"])
    core.clock.advance(600)
    assert await error(api, get(f"{SERVICE}/Verifications/{first['sid']}")) == (404, 20404)
    second = await ask(api, start({}), 201)
    assert second["sid"] != first["sid"]
    assert await code_of(core, second["sid"]) != code


async def test_codes_do_not_tell_each_other(api: TwilioVerifyApi, core: RunningCore) -> None:
    """Of a hundred codes hardly two are alike."""
    codes = []
    for number in range(100):
        started = await ask(api, start({"To": f"+8490188{number:04d}"}), 201)
        codes.append(await code_of(core, started["sid"]))
    assert len(set(codes)) > 95


async def test_a_verification_is_found_by_its_sid_and_by_its_phone(api: TwilioVerifyApi) -> None:
    """The libraries put a raw plus into the path, which is one there."""
    started = await ask(api, start({}), 201)
    for named in (started["sid"], PHONE):
        assert await ask(api, get(f"{SERVICE}/Verifications/{named}")) == started
    for named in ("VE" + "0" * 32, "VE" + "f" * 32, "VEx", "+84901888485"):
        assert await error(api, get(f"{SERVICE}/Verifications/{named}")) == (404, 20404)


async def test_a_check_names_its_verification_by_sid_or_phone(
    api: TwilioVerifyApi, core: RunningCore
) -> None:
    """Or else it has no target; a plus that was sent without escape has become a space."""
    started = await ask(api, start({}), 201)
    code = await code_of(core, started["sid"])
    bare = f"{SERVICE}/VerificationCheck"
    assert await error(api, post(bare, {"Code": code})) == (400, 60221)
    assert await error(api, post(bare, {"To": PHONE})) == (400, 60200)
    assert await error(api, post(bare, {"To": PHONE, "Code": "123"})) == (400, 60200)
    assert (await ask(api, post(bare, f"To={PHONE}&Code={wrong(code)}".encode())))["status"] == "pending"
    told = await ask(api, post(bare, {"VerificationSid": started["sid"], "Code": code}))
    assert told["status"] == "approved"


@pytest.mark.parametrize("status", ["canceled", "approved"])
async def test_a_verification_is_ended_by_its_sender(
    api: TwilioVerifyApi, core: RunningCore, status: str
) -> None:
    """Once; after that it is not found, and another may begin."""
    started = await ask(api, start({}), 201)
    path = f"{SERVICE}/Verifications/{started['sid']}"
    assert await error(api, post(path, {"Status": "pending"})) == (400, 60200)
    told = await ask(api, post(path, {"Status": status}))
    assert (told["status"], told["valid"]) == (status, status == "approved")
    assert await error(api, post(path, {"Status": status})) == (404, 20404)
    assert await error(api, check({"Code": await code_of(core, started["sid"])})) == (404, 20404)
    assert (await ask(api, start({}), 201))["sid"] != started["sid"]


async def test_a_code_of_the_senders_own(api: TwilioVerifyApi, core: RunningCore) -> None:
    """Only where the service has that switched on; it is sent, and can be checked or approved."""
    assert await error(api, start({"CustomCode": "24681"})) == (403, 60204)
    await core.configure(msgspec.structs.replace(APPLICATION, own_codes=True))
    for unfit in ("123", "12345678901", "12 45"):
        assert await error(api, start({"CustomCode": unfit})) == (400, 60200)
    started = await ask(api, start({"CustomCode": "24681"}), 201)
    assert await text_of(core, started["sid"]) == "24681 la ma xac minh cua ban"
    again = await ask(api, start({"CustomCode": "24681"}), 201)
    assert again["sid"] == started["sid"]
    other = await ask(api, start({"CustomCode": "aB135"}), 201)
    assert other["sid"] != started["sid"]
    assert (await ask(api, check({"Code": "24681"})))["status"] == "pending"
    assert (await ask(api, check({"Code": "aB135"})))["status"] == "approved"


async def test_a_text_is_chosen_by_template_and_language(api: TwilioVerifyApi, core: RunningCore) -> None:
    """The service's template, its translation, the one that the request names, the first that there is of several."""
    await core.configure(msgspec.structs.replace(APPLICATION, template="login"))
    listed = (await ask(api, get("/v2/Templates")))["templates"]
    templates = {one["friendly_name"]: one["sid"] for one in listed}
    several = json.dumps([{"sid": "HJ" + "0" * 32}, {"sid": templates["reset"]}])
    for number, (asked, expected) in enumerate(
        (
            ({}, "la ma xac minh"),
            ({"Locale": "en"}, "Your code is"),
            ({"Locale": "en-GB"}, "Your code is"),
            ({"Locale": "fr"}, "la ma xac minh"),
            ({"TemplateSid": templates["reset"]}, "de doi mat khau"),
            ({"Templates": several}, "de doi mat khau"),
        )
    ):
        started = await ask(api, start({"To": f"+8490188848{number}"} | asked), 201)
        assert expected in await text_of(core, started["sid"])
    for asked in (
        {"TemplateSid": "HJ" + "0" * 32},
        {"Templates": "[]"},
        {"Templates": "x"},
        {"Templates": '[{"sid":"HJ00"}]'},
        {"Locale": "../x"},
    ):
        assert await error(api, start(asked)) == (400, 60200)
    assert await error(api, start({"TemplateCustomSubstitutions": '{"a":"b"}'})) == (403, 60204)


async def test_a_call_speaks_the_language_that_was_asked_for(api: TwilioVerifyApi, core: RunningCore) -> None:
    """The application's voice where it is of that language or none is asked for."""
    await core.configure(msgspec.structs.replace(APPLICATION, voice="vi-south"))
    voices = []
    for number, locale in enumerate(("", "vi", "en", "zh-CN", "fr")):
        asked = {"To": f"+8490188848{number}", "Channel": "call", "Locale": locale}
        started = await ask(api, start(asked), 201)
        voices.append((await core.queued_call(message_of(started["sid"]) or 0)).voice)
    assert voices == ["vi-south", "vi-south", "en", "zh", "vi-south"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"To": ""}, (400, 60200)),
        ({"To": "0901888484"}, (400, 60200)),
        ({"To": "a@example.com", "Channel": "email"}, (400, 60200)),
        ({"To": "+84901"}, (400, 60200)),
        ({"To": "+84901888484\0"}, (400, 60200)),
        ({"Channel": ""}, (400, 60200)),
        ({"Channel": "pigeon"}, (400, 60200)),
        ({"Channel": "whatsapp"}, (400, 60223)),
        ({"Channel": "email"}, (400, 60223)),
        ({"To": "+12025550143"}, (403, 60605)),
        ({"To": "+842438223344"}, (403, 60205)),
        ({"DeviceIp": "no address"}, (400, 60200)),
        ({"Tags": "{"}, (400, 60200)),
        ({"Risk.TelemetryId": "t1"}, (403, 60413)),
        ({"CustomMessage": "Hi {{code}}"}, (403, 60204)),
        ({"CustomFriendlyName": "Other"}, (403, 60204)),
        ({"SendDigits": "1"}, (403, 60204)),
        ({"Amount": "3", "Payee": "me"}, (403, 60204)),
        ({"AppHash": "FA+9qCX9VSu"}, (403, 60204)),
        ({"EnableSnaClientToken": "true"}, (403, 60204)),
    ],
)
async def test_what_does_not_fit_or_is_not_here_has_the_vendors_error(
    api: TwilioVerifyApi, core: RunningCore, asked: dict[str, str], expected: tuple[int, int]
) -> None:
    """And nothing is sent."""
    assert await error(api, start(asked)) == expected
    assert await core.messages("shop") == []


async def test_the_persons_address_is_counted(api: TwilioVerifyApi, core: RunningCore) -> None:
    """The client tells it as DeviceIp."""
    started = await ask(api, start({"DeviceIp": "2001:db8::1", "RiskCheck": "enable"}), 201)
    message = await core.message("shop", message_of(started["sid"]) or 0)
    assert message.client_ip == "2001:db8::1"


async def test_a_verification_has_five_messages(api: TwilioVerifyApi, core: RunningCore) -> None:
    """Refused ones count for nothing; when it is over, by itself or because somebody ends it, another begins."""
    for end in ("canceled", ""):
        started = [await ask(api, start({}), 201) for _ in range(5)]
        assert len({one["sid"] for one in started}) == 1
        for _ in range(4):
            assert await error(api, start({})) == (429, 60203)
        if end:
            await ask(api, post(f"{SERVICE}/Verifications/{PHONE}", {"Status": end}))
        else:
            core.clock.advance(600)
    assert (await ask(api, start({}), 201))["status"] == "pending"


async def test_the_windows_of_the_account_end_the_sending(api: TwilioVerifyApi, core: RunningCore) -> None:
    """With the same number, whatever was over."""
    window = doc.WindowLimit(per="phone", seconds=600, limit=2)
    await core.configure(msgspec.structs.replace(ACCOUNT, windows=(window,)))
    for _ in range(2):
        started = await ask(api, start({}), 201)
        await ask(api, post(f"{SERVICE}/Verifications/{started['sid']}", {"Status": "canceled"}))
    assert await error(api, start({})) == (429, 60203)


async def test_two_services_have_codes_of_their_own(api: TwilioVerifyApi, core: RunningCore) -> None:
    """For one phone at one time, and neither knows the other's."""
    await core.configure(doc.Application(account="shop", name="payments", appid="7f" * 16))
    other = "/v2/Services/VA" + "7f" * 16
    mine = await ask(api, start({}), 201)
    theirs = await ask(api, post(f"{other}/Verifications", {"To": PHONE, "Channel": "sms"}), 201)
    assert theirs["sid"] != mine["sid"]
    assert await error(api, get(f"{other}/Verifications/{mine['sid']}")) == (404, 20404)
    code = await code_of(core, mine["sid"])
    assert (await ask(api, check({"Code": code})))["status"] == "approved"
    assert (await ask(api, get(f"{other}/Verifications/{PHONE}")))["status"] == "pending"


async def test_a_login_for_one_service_sees_no_other(api: TwilioVerifyApi, core: RunningCore) -> None:
    """Such a key is made with `credential add --application`."""
    key = "SK" + "3c" * 16
    await core.configure(
        doc.Application(account="shop", name="payments", appid="7f" * 16),
        doc.Credential(
            account="shop",
            dialect="twilio_verify",
            key=key,
            secret="secret of payments",
            application="payments",
        ),
    )
    assert await error(api, start({}, key, "secret of payments")) == (404, 20404)
    path = "/v2/Services/VA" + "7f" * 16
    told = await ask(api, get(path, key, "secret of payments"))
    assert (told["friendly_name"], told["account_sid"]) == ("payments", ACCOUNT_SID)
    listed = await ask(api, get("/v2/Services", key, "secret of payments"))
    assert [one["sid"] for one in listed["services"]] == [told["sid"]]


async def test_another_accounts_services_are_not_found(api: TwilioVerifyApi, core: RunningCore) -> None:
    """Nor its verifications, whatever their SIDs."""
    started = await ask(api, start({}), 201)
    key = "AC" + "9d" * 16
    await core.configure(
        msgspec.structs.replace(ACCOUNT, name="rival"),
        doc.Credential(account="rival", dialect="twilio_verify", key=key, secret="secret of a rival"),
        doc.Application(account="rival", name="login", appid="7f" * 16),
    )
    theirs = "/v2/Services/VA" + "7f" * 16
    for request in (
        get(f"{SERVICE}/Verifications/{started['sid']}", key, "secret of a rival"),
        get(f"{theirs}/Verifications/{started['sid']}", key, "secret of a rival"),
        get(f"{theirs}/Verifications/{PHONE}", key, "secret of a rival"),
        get(SERVICE, key, "secret of a rival"),
        post(SERVICE, {"FriendlyName": "Mine"}, key, "secret of a rival"),
        post(SERVICE, {}, key, "secret of a rival", method="DELETE"),
    ):
        assert await error(api, request) == (404, 20404)


async def test_a_path_takes_its_methods_and_no_slash_at_its_end(api: TwilioVerifyApi) -> None:
    """There is no redirect: the libraries follow none."""
    assert await error(api, get(f"{SERVICE}/Verifications")) == (405, 20004)
    assert await error(api, get(f"{SERVICE}/")) == (404, 20404)
    assert await error(api, get("/v2/Nothing")) == (404, 20404)
    assert await error(api, get("/v2/SafeList/Numbers")) == (405, 20004)
    assert await error(api, get("/v2/Forms/x")) == (404, 20404)
    for path in ("Entities", "Factors", "Webhooks", "Passkeys/Factors", "AccessTokens"):
        assert await error(api, get(f"{SERVICE}/{path}")) == (403, 60204)


async def test_a_code_that_was_sent_again_is_the_first_messages(
    api: TwilioVerifyApi, core: RunningCore
) -> None:
    """Whose story tells that it was, and that the message beside it has no code of its own."""
    started = await ask(api, start({}), 201)
    again = await ask(api, start({}), 201)
    attempts = [message_of(one["attempt_sid"]) or 0 for one in again["send_code_attempts"]]
    assert attempts[0] == message_of(started["sid"])
    story = await core.story("shop", attempts[0])
    assert [(event.kind, event.id) for event in story.events] == [("sent again", attempts[1])]
    second = await core.message("shop", attempts[1])
    assert second.verification == attempts[0]
    assert Accepted(second.id).verification == 0


async def test_the_guard_hears_of_the_device_s_address(api: TwilioVerifyApi, core: RunningCore) -> None:
    """What it takes for abuse is the API's own error of blocked numbers."""
    limit = doc.GuardLimit(per="client_ip", seconds=3_600, limit=1)
    await core.configure(doc.Guard(name="*", mode="block", limits=(limit,)))
    await ask(api, start({"DeviceIp": "198.51.100.7"}), 201)
    blocked = await ask(api, start({"DeviceIp": "198.51.100.7", "To": "+84912345678"}), 403)
    assert blocked["code"] == 60410
    await ask(api, start({"DeviceIp": "198.51.100.8", "To": "+84912345678"}), 201)
    await ask(api, start({"To": "+84913456789"}), 201)


async def test_the_device_s_address_is_looked_up(api: TwilioVerifyApi, core: RunningCore) -> None:
    """Who asks from another country than the number's gets the API's own error."""
    await core.configure(doc.Guard(name="*", rules={"address_mismatch": "block"}))
    core.gateway.country_of_address = {"198.51.100.7": "FR", "198.51.100.8": "VN"}.__getitem__
    blocked = await ask(api, start({"DeviceIp": "198.51.100.7"}), 403)
    assert blocked["code"] == 60410
    await ask(api, start({"DeviceIp": "198.51.100.8"}), 201)
    await ask(api, start({"To": "+84913456789"}), 201)
