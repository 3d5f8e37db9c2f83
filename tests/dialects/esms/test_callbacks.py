"""The delivery callback.

https://developers.esms.vn/esms-api/callback-url and docs/vendors/esms.md#callback.
"""

from urllib.parse import parse_qsl, urlsplit

import pytest
from msgspec.structs import replace
from phonenumbers import carrier, parse

from onema.dialects.esms.callbacks import EsmsCallbacks, delivery_callback
from onema.dialects.esms.networks import network_of
from onema.domain.ids import AccountId, MessageId
from onema.domain.records import Channel, Message, MessageState
from onema.domain.values.money import Minor
from onema.domain.values.phone import Phone

URL = "https://shop.example/esms"
DELIVERED = Message(
    account=AccountId(1),
    id=MessageId(0x1A2B3C4D5E6F7081),
    dialect="esms",
    channel=Channel.SMS,
    phone=Phone("+84901888484"),
    sender="Baotrixemay",
    application="",
    reference="",
    client_ip="203.0.113.9",
    verification=0x1A2B3C4D5E6F7081,
    code_expires_at=0,
    segments=1,
    period=0,
    unit_price=Minor(8_500_000),
    price=Minor(8_500_000),
    held=Minor(0),
    charged=Minor(8_500_000),
    talked_ms=0,
    state=MessageState.DELIVERED,
    reason="",
    ended_at=1,
)


# callback-url: the sample for customer care (CSKH), parameter by parameter.
def test_a_delivered_message_is_reported_in_the_vendors_exact_form() -> None:
    """Order, spelling and the four decimals are the sample's; empty parameters stay."""
    assert delivery_callback(DELIVERED, URL).url == (
        "https://shop.example/esms?SMSID=00000000000000001a2b3c4d5e6f7081&SendFailed=0&SendStatus=5&SendSuccess=1"
        "&TotalPrice=850.0000&TotalReceiver=1&TotalSent=1&RequestId=&TypeId=2&telcoid=2&phonenumber=0901888484"
        "&switchsmsid="
    )


def test_a_callback_is_a_get_without_a_body() -> None:
    """No signature, no authentication, no headers of its own."""
    request = EsmsCallbacks().render(DELIVERED, URL)
    assert (request.method, request.headers, request.body) == ("GET", (), b"")


@pytest.mark.parametrize(
    ("state", "success", "failed"),
    [
        (MessageState.DELIVERED, "1", "0"),
        (MessageState.UNDELIVERED, "0", "1"),
        (MessageState.FAILED, "0", "1"),
        (MessageState.UNCONFIRMED, "0", "0"),
    ],
)
def test_the_final_state_is_told_in_counts(state: MessageState, success: str, failed: str) -> None:
    """A message of which nobody ever heard is neither."""
    parameters = _parameters(replace(DELIVERED, state=state))
    assert (parameters["SendSuccess"], parameters["SendFailed"]) == (success, failed)
    assert parameters["SendStatus"] == "5"


def test_a_message_that_cost_nothing_says_so() -> None:
    """In the sample's four decimals."""
    assert _parameters(replace(DELIVERED, charged=0))["TotalPrice"] == "0.0000"


def test_an_undelivered_message_shows_what_it_cost() -> None:
    """The vendor's failed sample has 0.0000; ours is charged where the account pays for what was submitted."""
    charged = replace(DELIVERED, state=MessageState.UNDELIVERED)
    assert _parameters(charged)["TotalPrice"] == "850.0000"
    assert _parameters(replace(charged, charged=0))["TotalPrice"] == "0.0000"


@pytest.mark.parametrize(
    ("url", "start"),
    [
        ("https://shop.example", "https://shop.example?SMSID="),
        ("https://shop.example/a?key=1", "https://shop.example/a?key=1&SMSID="),
        ("https://shop.example/a?", "https://shop.example/a?SMSID="),
        ("https://shop.example/a#part", "https://shop.example/a?SMSID="),
    ],
)
def test_a_query_of_the_url_stays(url: str, start: str) -> None:
    """Integrators put their own keys there."""
    assert delivery_callback(DELIVERED, url).url.startswith(start)


def test_a_reference_cannot_add_parameters() -> None:
    """It is encoded, whatever it holds."""
    assert _parameters(replace(DELIVERED, reference="a&SendSuccess=9 %"))["RequestId"] == "a&SendSuccess=9 %"


def test_a_message_tells_whose_request_it_belongs_to() -> None:
    """The SMSID of the answer, which is the first one's; the client's own RequestId; the type that it asked for."""
    parameters = _parameters(replace(DELIVERED, together=1, reference="user:verify:7", category="8"))
    told = (parameters["SMSID"], parameters["RequestId"], parameters["TypeId"])
    assert told == (f"{1:032x}", "user:verify:7", "8")


# callback-url: 1 Viettel, 2 Mobi, 3 Vina, 4 Vietnammobile, 5 Gtel, 6 Itel, 7 Reddi.
@pytest.mark.parametrize(
    ("prefix", "network"),
    [
        ("98", "1"),
        ("32", "1"),
        ("90", "2"),
        ("79", "2"),
        ("91", "3"),
        ("81", "3"),
        ("92", "4"),
        ("59", "5"),
        ("99", "5"),
        ("87", "6"),
        ("55", "7"),
        ("24", ""),
    ],
)
def test_networks_have_the_vendors_numbers(prefix: str, network: str) -> None:
    """By mobile prefix; landlines have none."""
    assert network_of(Phone(f"+84{prefix}1234567")) == network


def test_networks_agree_with_the_numbering_plan() -> None:
    """Wherever phonenumbers knows a prefix of ours; 87 it counts to the network that Itel rents."""
    names = {"1": "Viettel", "2": "MobiFone", "3": "Vinaphone", "4": "Vietnamobile", "5": "G-Mobile"}
    for prefix in set(range(30, 100)) - {87}:
        phone = f"+84{prefix}1234567"
        known = carrier.name_for_number(parse(phone), "en")
        if known and network_of(Phone(phone)):
            assert names[network_of(Phone(phone))] == known


def test_a_phone_abroad_keeps_its_country_code() -> None:
    """There is no national form that the receiver could know."""
    parameters = _parameters(replace(DELIVERED, phone="+819012345678"))
    assert (parameters["phonenumber"], parameters["telcoid"]) == ("819012345678", "")


def _parameters(message: Message) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(delivery_callback(message, URL).url).query, keep_blank_values=True))
