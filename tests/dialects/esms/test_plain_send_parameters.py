"""What the parameters of a plain send do, one after the other.

https://developers.esms.vn/esms-api/ham-gui-tin/tin-nhan-sms-otp-cskh and the pages about the other dresses (seen
2026-11): docs/vendors/esms.md#sources.
"""

import asyncio

import pytest
from msgspec.structs import replace

from onema.dialects.esms.routes import EsmsApi
from onema.dialects.esms.wire import message_of_smsid
from onema.domain.configuration import documents as doc

from ..running_core import RunningCore
from .plain_client import FIXED, GET, SEND, TEXT_POST, ask_get, ask_json, rqst, send, sent, without_phone
from .vendor_client import (
    ACCOUNT,
    BRANDNAME,
    CREDENTIAL,
    PHONE,
    SEGMENT_PRICE,
    TEMPLATE,
    VendorClient,
    code_result,
    members,
)


class TestTypes:
    """SmsType: 1 and 2 need a brandname, 3, 4, 6, 7 and 8 come from a fixed number."""

    @pytest.mark.parametrize(
        ("kind", "code"),
        [("", "300"), (None, "300"), ("9", "118"), ("24", "118"), ("two", "118"), ("5", "118")],
    )
    async def test_other_types_are_refused(self, client: VendorClient, kind: str | None, code: str) -> None:
        """Zalo's and Viber's too."""
        assert code_result(await send(client, SmsType=kind)) == code

    @pytest.mark.parametrize("kind", ["1", "2", 2])
    async def test_types_of_brandnames_need_one(
        self, client: VendorClient, core: RunningCore, kind: object
    ) -> None:
        """And a text that is registered for it."""
        assert code_result(await send(client, SmsType=kind)) == "100"
        for brandname in ("", None, "Nobody"):
            assert code_result(await send(client, SmsType=kind, Brandname=brandname)) == "104"
        assert code_result(await send(client, SmsType=kind, Content="other")) == "146"

    @pytest.mark.parametrize("kind", ["3", "4", "6", "7", "8", 8])
    async def test_types_of_fixed_numbers_take_any_text(
        self, client: VendorClient, core: RunningCore, kind: object
    ) -> None:
        """From the account's fixed number, whatever brandname is named; an account without one is refused."""
        given = {"SmsType": kind, "Content": "Mã của bạn: 686868", "Brandname": ""}
        assert code_result(await send(client, **given)) == "118"
        await core.configure(FIXED)
        sms = await core.queued_sms(await sent(client, **given))
        assert (sms.sender, sms.text) == ("8088", "Ma cua ban: 686868")
        assert (await core.messages("shop"))[0].category == str(kind)

    async def test_a_fixed_number_reaches_one_phone_a_request(
        self, client: VendorClient, core: RunningCore
    ) -> None:
        """163 [V]."""
        await core.configure(FIXED)
        assert code_result(await send(client, SmsType="8", Phone=f"{PHONE},0901888485")) == "163"
        assert code_result(await send(client, SmsType="8", Phone=f"{PHONE},+84901888484,")) == "100"

    async def test_an_installation_may_ask_for_registered_texts_there_too(self, core: RunningCore) -> None:
        """The number is then a brandname."""
        number = replace(BRANDNAME, name="8088")
        template = replace(TEMPLATE, brandname="8088", text="Ma {OTP}")
        await core.configure(
            FIXED, CREDENTIAL, doc.Tariff(name="default", rates=(doc.Rate(channel="sms", price="1"),))
        )
        api = EsmsApi(
            core.gateway,
            reads=core.reads,
            time_alive_max=10,
            invalid_code="117",
            fixed_number_texts="registered",
        )
        client = VendorClient(api, core)
        assert code_result(await send(client, SmsType="8", Content="Ma 4711")) == "104"
        await core.configure(number, template)
        assert code_result(await send(client, SmsType="8", Content="Ma 4711")) == "100"
        assert code_result(await send(client, SmsType="8", Content="4711")) == "146"


async def test_accents_go_as_isunicode_says(client: VendorClient, core: RunningCore) -> None:
    """The pages spell it in two ways; without it the template decides."""
    await core.configure(replace(TEMPLATE, text="{OTP} là mã của bạn"))
    text, folded = "686868 là mã của bạn", "686868 la ma cua ban"
    for given, expected in (
        ({}, folded),
        ({"IsUnicode": "0"}, folded),
        ({"IsUnicode": 0}, folded),
        ({"IsUnicode": "1"}, text),
        ({"Unicode": 1}, text),
    ):
        assert (await core.queued_sms(await sent(client, Content=text, **given))).text == expected


class TestRequestId:
    """Duplicates are blocked for 24 hours."""

    async def test_of_many_at_once_one_is_sent(self, client: VendorClient, core: RunningCore) -> None:
        """Whatever dress they come in."""
        given = {**SEND, "RequestId": "user:verify:7"}
        answers = await asyncio.gather(
            *(ask_json(client, given) for _ in range(10)),
            *((ask_get(client, GET, given)) for _ in range(10)),
        )
        assert sorted(map(code_result, answers), key=str) == ["100"] + ["124"] * 19
        assert [message.reference for message in await core.messages("shop")] == ["user:verify:7"]

    async def test_a_day_later_it_is_another_request(self, client: VendorClient, core: RunningCore) -> None:
        """To the second."""
        await sent(client, RequestId="r1")
        core.clock.advance(86_399)
        assert code_result(await send(client, RequestId="r1")) == "124"
        core.clock.advance(1)
        assert code_result(await send(client, RequestId="r1")) == "100"

    async def test_what_was_refused_may_be_asked_again(self, client: VendorClient, core: RunningCore) -> None:
        """146 comes before 124, and 103 after it."""
        await core.configure(replace(ACCOUNT, wallet="prepaid"))
        assert code_result(await send(client, RequestId="r1", Content="no text")) == "146"
        assert code_result(await send(client, RequestId="r1")) == "103"
        await core.top_up("shop", SEGMENT_PRICE)
        assert code_result(await send(client, RequestId="r1")) == "100"
        assert code_result(await send(client, RequestId="r1", Content="no text")) == "146"
        assert code_result(await send(client, RequestId="r1")) == "124"

    async def test_one_that_is_too_long_is_refused(self, client: VendorClient) -> None:
        """50 characters [V]; cut, it might block another."""
        assert code_result(await send(client, RequestId="r" * 50)) == "100"
        assert code_result(await send(client, RequestId="r" * 51)) == "99"

    @pytest.mark.parametrize("nothing", ["", " ", None])
    async def test_an_empty_one_is_none(self, client: VendorClient, nothing: str | None) -> None:
        """A client sends it empty."""
        for _ in range(2):
            assert code_result(await send(client, RequestId=nothing)) == "100"


class TestSandbox:
    """Sandbox=1 is checked, and nothing comes of it."""

    @pytest.mark.parametrize("name", ["Sandbox", "SandBox", "sandbox"])
    @pytest.mark.parametrize("value", ["1", 1, True])
    async def test_it_is_accepted_and_leaves_nothing(
        self, client: VendorClient, core: RunningCore, name: str, value: object
    ) -> None:
        """With an SMSID, and though there is no money."""
        await core.configure(replace(ACCOUNT, wallet="prepaid"))
        answer = members(await send(client, **{name: value, "RequestId": "r1"}))
        assert (answer["CodeResult"], message_of_smsid(answer["SMSID"]) > 0) == ("100", True)
        assert await core.messages("shop") == []
        assert await core.balance("shop") == 0
        assert code_result(await send(client, RequestId="r1")) == "103"

    async def test_what_would_be_refused_is(self, client: VendorClient, core: RunningCore) -> None:
        """A template that does not fit is no surprise later."""
        refused = members(await send(client, Sandbox=1, Content="no text"))
        assert (refused["CodeResult"], "SMSID" in refused) == ("146", True)
        assert code_result(await send(client, Sandbox=1, Brandname="Other")) == "104"
        assert await core.messages("shop") == []

    @pytest.mark.parametrize("value", ["0", 0, "", None, "no"])
    async def test_anything_else_is_sent(
        self, client: VendorClient, core: RunningCore, value: object
    ) -> None:
        """0 is what most clients send."""
        await sent(client, Sandbox=value)
        assert len(await core.messages("shop")) == 1


class TestSendDate:
    """A text for later. Times are Vietnam's."""

    # The clock of these tests stands at 2027-01-15 15:00 there.
    @pytest.mark.parametrize(
        "text",
        [
            "2027-01-16 08:30:00",
            "2027-01-16T08:30:00",
            "2027/01/16 08:30:00",
            "2027-1-16 8:30",
            " 2027-01-16 08:30:00.000 ",
            "2027-01-16T01:30:00Z",
            "2027-01-16T03:30:00+02:00",
        ],
    )
    async def test_it_waits_until_then(self, client: VendorClient, core: RunningCore, text: str) -> None:
        """In the documented form, and as programs write a time."""
        message = await sent(client, SendDate=text)
        due = core.clock.now() + 17 * 3_600_000 + 30 * 60_000
        assert (await core.job(message)).due_at == due

    @pytest.mark.parametrize("text", ["", None, "2027-01-15 14:59:59", "2020-01-01 00:00:00"])
    async def test_without_one_or_in_the_past_it_is_sent_at_once(
        self, client: VendorClient, core: RunningCore, text: str | None
    ) -> None:
        """Clocks differ, and requests travel."""
        message = await sent(client, SendDate=text)
        assert (await core.job(message)).due_at == core.clock.now()

    @pytest.mark.parametrize(
        "text",
        [
            "tomorrow",
            "2027-02-30 08:30:00",
            "2027-01-16",
            "16-01-2027 08:30:00",
            "2027-01-16 25:00:00",
            "0000-01-01 00:00:00",
            "2027-02-15 15:00:01",
            "9999-12-31 23:59:59",
            "2027-01-16 08:30:00+99:99",
        ],
    )
    async def test_another_form_or_a_time_too_far_ahead_is_refused(
        self, client: VendorClient, core: RunningCore, text: str
    ) -> None:
        """Sent at once it would come at a wrong time. 30 days ahead are the most."""
        assert code_result(await send(client, SendDate=text)) == "99"
        assert await core.messages("shop") == []


class TestSeveralPhones:
    """One SMSID for all."""

    async def test_each_gets_a_message_that_names_the_first(
        self, client: VendorClient, core: RunningCore
    ) -> None:
        """Each phone once, however it is spelled."""
        phones = f"{PHONE}, 0901888485,+84901888484 ,,84901888486"
        first = await sent(client, Phone=phones, RequestId="r1", campaignid="summer")
        messages = sorted(await core.messages("shop"), key=lambda message: message.id)
        assert [message.phone[-3:] for message in messages] == ["484", "485", "486"]
        assert {message.together for message in messages} == {first} == {messages[0].id}
        assert {(message.reference, message.campaign) for message in messages} == {("r1", "summer")}
        assert code_result(await send(client, RequestId="r1")) == "124"

    async def test_customers_of_an_rqst(self, client: VendorClient, core: RunningCore) -> None:
        """A list of them."""
        body = rqst(without_phone(SEND), (PHONE, "0901888485"))
        assert code_result((await client.ask(TEXT_POST, method="POST", body=body)).body) == "100"
        assert len(await core.messages("shop")) == 2

    async def test_money_for_all_or_for_none(self, client: VendorClient, core: RunningCore) -> None:
        """Half a list would leave its sender guessing."""
        await core.configure(replace(ACCOUNT, wallet="prepaid"))
        await core.top_up("shop", SEGMENT_PRICE)
        assert code_result(await send(client, Phone=f"{PHONE},0901888485")) == "103"
        assert await core.messages("shop") == []

    @pytest.mark.parametrize("phones", ["0901888484,12", ",", "", "0901888484;0901888485"])
    async def test_a_phone_that_is_none_refuses_all(
        self, client: VendorClient, core: RunningCore, phones: str
    ) -> None:
        """108."""
        assert code_result(await send(client, Phone=phones)) == "108"
        assert await core.messages("shop") == []

    async def test_more_than_are_decided_at_once_are_refused(self, client: VendorClient) -> None:
        """120 [V]."""
        phones = [f"090{number:07d}" for number in range(501)]
        assert code_result(await send(client, Phone=",".join(phones[:500]))) == "100"
        assert code_result(await send(client, Phone=",".join(phones))) == "120"


class TestCallbackUrl:
    """Where the end of this message is told."""

    async def test_it_is_kept_with_the_message(self, client: VendorClient, core: RunningCore) -> None:
        """Query and all."""
        url = "https://example.com/told?token=1"
        assert (await core.message("shop", await sent(client, CallbackUrl=url))).callback_url == url

    @pytest.mark.parametrize(
        "url",
        [
            "example.com",
            "ftp://example.com/",
            "http://127.0.0.1/told",
            "http://localhost/",
            "https://" + "a" * 2_050,
        ],
    )
    async def test_one_that_cannot_be_called_is_refused(
        self, client: VendorClient, core: RunningCore, url: str
    ) -> None:
        """By the rules for an account's. Sent all the same, its sender would wait for a word that never comes."""
        assert code_result(await send(client, CallbackUrl=url)) == "99"
        assert await core.messages("shop") == []
