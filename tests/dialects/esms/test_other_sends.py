"""Sends that are nearly plain ones: to many phones, by several channels.

https://developers.esms.vn/esms-api/ham-gui-tin/tin-sms-quang-cao and, beside it, the page
tin-mutichanel-zalo-greater-than-sms-otp-cskh (seen 2026-11).
"""

import re
from typing import Any

import pytest
from msgspec.structs import replace

from onema.domain.configuration import documents as doc
from onema.domain.delivery.payload import SmsPayload, open_payload

from ..running_core import RunningCore
from .plain_client import ADS, CHANNELS, CONTENT, SEND, SERVICE, ask_json, without_phone
from .vendor_client import ACCOUNT, KEYS, PHONE, TEMPLATE, VendorClient, code_result, sent_message, valid_body

PHONES = [f"090{number:07d}" for number in range(30)]
ZALO = {"TempID": "205644", "Params": ["686868"], "OAID": "409731", "RequestId": "z1", "Sandbox": "0"}
SMS = {"Content": CONTENT, "IsUnicode": "0", "SmsType": "2", "Brandname": "Baotrixemay"}
BOTH = {**KEYS, "Phone": PHONE, "Channels": ["zalo", "sms"], "Data": [ZALO, SMS]}


class TestAdvertisements:
    """`SendMultipleSMSBrandname_json`."""

    async def test_a_list_of_thirty_is_sent(self, client: VendorClient, core: RunningCore) -> None:
        """A list in JSON; the type may be left out."""
        given = {**without_phone(SEND), "Phones": PHONES, "SmsType": "1"}
        assert code_result(await ask_json(client, given, ADS)) == "100"
        assert {message.category for message in await core.messages("shop")} == {"1"}
        del given["SmsType"]
        assert code_result(await ask_json(client, given, ADS)) == "100"

    async def test_fewer_are_refused(self, client: VendorClient, core: RunningCore) -> None:
        """107, counted without repeats."""
        given = {**without_phone(SEND), "Phones": [*PHONES[:29], PHONES[0]]}
        assert await ask_json(client, given, ADS) == (
            b'{"CodeResult":"107","CountRegenerate":0,'
            b'"ErrorMessage":"Each request has at least 30 numbers to be approved"}'
        )
        assert await core.messages("shop") == []


class TestChannels:
    """`MultiChannelMessage`: its SMS is sent, and nothing by Zalo."""

    async def test_the_sms_of_the_vendors_sample_is_sent(
        self, client: VendorClient, core: RunningCore
    ) -> None:
        """As if it had come alone."""
        url = "https://example.com/told"
        given = {**BOTH, "Data": [ZALO, {**SMS, "RequestId": "s1", "CallbackUrl": url}]}
        message = await core.message("shop", sent_message(await ask_json(client, given, CHANNELS)))
        assert (message.reference, message.callback_url) == ("s1", url)
        assert (await core.queued_sms(message.id)).text == CONTENT
        assert code_result(await ask_json(client, given, CHANNELS)) == "124"

    async def test_sms_alone_and_in_other_shapes(self, client: VendorClient, core: RunningCore) -> None:
        """Public clients leave out Zalo, or the type, and write RequestId beside the channels."""
        alone = {**BOTH, "Channels": ["SMS"], "Data": [SMS]}
        assert code_result(await ask_json(client, alone, CHANNELS)) == "100"
        short = {"Content": CONTENT, "Brandname": "Baotrixemay"}
        given = {**BOTH, "RequestId": "s2", "Data": [ZALO, short]}
        message = sent_message(await ask_json(client, given, CHANNELS))
        assert (await core.message("shop", message)).reference == "s2"

    @pytest.mark.parametrize("channels", [["zalo"], [], ["viber", "zalo"]])
    async def test_without_sms_it_is_refused(
        self, client: VendorClient, core: RunningCore, channels: list[str]
    ) -> None:
        """118: nothing here sends by another channel."""
        given = {**BOTH, "Channels": channels, "Data": [ZALO]}
        assert code_result(await ask_json(client, given, CHANNELS)) == "118"
        assert await core.messages("shop") == []

    @pytest.mark.parametrize("odd", [{"Channels": "sms"}, {"Data": {}}, {"Data": None}, {"Phone": {}}])
    async def test_what_has_another_shape_is_no_request(
        self, client: VendorClient, odd: dict[str, Any]
    ) -> None:
        """Its clients look at the body, whatever the status."""
        assert await ask_json(client, {**BOTH, **odd}, CHANNELS) == b'{"error":"Invalid request"}'


NAMED = replace(TEMPLATE, name="22575")
V5 = f"{SERVICE}/json/SendMessageAutoGenCode_V5"
GENERATE = {**KEYS, "Phone": PHONE, "TimeAlive": "2", "MultiChannelTempId": "22575", "TypeId": "2"}
"""https://developers.esms.vn/esms-api/ham-gui-tin/tin-gencode-tu-dong-multichanel-zalo-greater-than-sms."""


class TestNamedCodes:
    """`SendMessageAutoGenCode_V5`: the text is a template that the operator gave the vendor's id."""

    async def test_a_code_is_made_sent_and_checked(self, client: VendorClient, core: RunningCore) -> None:
        """The vendor's sample; letters and digits, as its check of `1NTTJ6` shows."""
        await core.configure(NAMED)
        message = sent_message(await ask_json(client, GENERATE, V5))
        code = await client.code_of(message)
        assert re.fullmatch("[A-Z0-9]{6}", code)
        assert await client.checkcode(code) == valid_body()

    @pytest.mark.parametrize(("minutes", "lives"), [("1", 2), (15, 15), (45, 15), (None, 5)])
    async def test_it_lives_for_up_to_fifteen_minutes(
        self, client: VendorClient, core: RunningCore, minutes: object, lives: int
    ) -> None:
        """As its page says, with a slash at the end and numbers, as its one public client writes."""
        await core.configure(NAMED)
        given = {**GENERATE, "TimeAlive": minutes, "TypeId": 2}
        message = await core.message("shop", sent_message(await ask_json(client, given, f"{V5}/")))
        assert message.code_expires_at == core.clock.now() + lives * 60_000

    async def test_type_1_makes_a_code_and_sends_nothing(
        self, client: VendorClient, core: RunningCore
    ) -> None:
        """It shows on the simulated phone alone, costs nothing, and can be checked."""
        await core.configure(NAMED, replace(ACCOUNT, wallet="prepaid"))
        earlier = core.gateway.next_id()
        shown = sent_message(await ask_json(client, {**GENERATE, "TypeId": "1"}, V5))
        assert await core.messages("shop") == []
        assert not await core.is_queued(shown)
        (item,) = await core.storage.read_inbox(None, earlier, 10)
        payload = open_payload(item.content, item.id, core.keyring)
        assert isinstance(payload, SmsPayload)
        code, _, rest = payload.text.partition(" ")
        assert rest == "la ma xac minh dang ky Baotrixemay cua ban"
        assert await client.checkcode(code) == valid_body()

    async def test_windows_count_codes_that_are_only_made(
        self, client: VendorClient, core: RunningCore
    ) -> None:
        """Each is there to be guessed."""
        await core.configure(
            NAMED, replace(ACCOUNT, windows=(doc.WindowLimit(per="phone", seconds=60, limit=1),))
        )
        given = {**GENERATE, "TypeId": "1"}
        assert code_result(await ask_json(client, given, V5)) == "100"
        assert code_result(await ask_json(client, given, V5)) == "99"

    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"TypeId": None}, "300"),
            ({"TypeId": "3"}, "118"),
            ({"Phone": "12"}, "108"),
            ({"MultiChannelTempId": ""}, "851"),
            ({"MultiChannelTempId": "1"}, "789"),
            ({"MultiChannelTempId": "names"}, "789"),
            ({"SecretKey": "wrong"}, "101"),
        ],
    )
    async def test_what_is_wrong_is_told(
        self, client: VendorClient, core: RunningCore, changed: dict[str, Any], code: str
    ) -> None:
        """An id that no template has, or one whose text needs more than a code, is not configured."""
        more = replace(TEMPLATE, text="{OTP} cho {P1,20}", name="names")
        await core.configure(NAMED, more)
        assert code_result(await ask_json(client, {**GENERATE, **changed}, V5)) == code
        assert await core.messages("shop") == []
