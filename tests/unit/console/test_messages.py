from collections.abc import Sequence

import pytest

from onema.console.handset.inbox import Received
from onema.storage.contract import Unavailable

from .desk import Bytes, Desk, MemoryInbox


async def test_an_sms_has_the_documented_members() -> None:
    """Everything that docs/handset.md promises, with time in milliseconds."""
    desk = Desk(inbox=MemoryInbox())
    message = desk.sms("+84990000003", "482913 is your code")
    answer = await desk.get("/handset/messages")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == [
        {
            "id": str(message),
            "channel": "sms",
            "to": "+84990000003",
            "from": "ONEMA",
            "text": "482913 is your code",
            "code": "482913",
            "audio_url": None,
            "received_at": "2027-01-15T08:00:00.000Z",
            "script": "arrives after 10 seconds",
        }
    ]


async def test_a_call_has_its_words_its_code_and_its_audio() -> None:
    """The text is what is spoken: the sentence (the voice's own, or the application's), then the code."""
    desk = Desk(inbox=MemoryInbox(), audio=Bytes())
    first, second = desk.call(), desk.call(sentence="Mã của bạn là")
    own, default = (await desk.get("/handset/messages")).json()
    assert (default["text"], own["text"]) == ("Your code is 0471", "Mã của bạn là 0471")
    assert (default["channel"], default["code"], default["from"]) == ("call", "0471", "19001234")
    assert [default["audio_url"], own["audio_url"]] == [
        f"/handset/audio/{first}.wav",
        f"/handset/audio/{second}.wav",
    ]


async def test_without_voices_a_call_has_no_audio() -> None:
    """Nothing is promised that would be 404."""
    desk = Desk(inbox=MemoryInbox())
    call = desk.call()
    assert (await desk.get("/handset/messages")).json()[0]["audio_url"] is None
    assert (await desk.get(f"/handset/audio/{call}.wav")).status == 404
    assert (await desk.get(f"/handset/peaks/{call}.json")).status == 404


@pytest.mark.parametrize(
    "to", ["%2B84901888484", "+84901888484", "84901888484", "0901888484", "+84%20901-888-484"]
)
async def test_every_spelling_finds_the_phone(to: str) -> None:
    """Escaped, with a plus that the query string turns into a space, without one, and national."""
    desk = Desk(inbox=MemoryInbox())
    desk.sms("+8613800138000")
    message = desk.sms("+84901888484")
    found = (await desk.get(f"/handset/messages?to={to}")).json()
    assert [item["id"] for item in found] == [str(message)]


@pytest.mark.parametrize(
    ("to", "phone"),
    [("13800138000", "+8613800138000"), ("14155552671", "+14155552671"), ("+14155552671", "+14155552671")],
)
async def test_numbers_of_other_countries_are_found_too(to: str, phone: str) -> None:
    """National Chinese ones, and any country's whose plus got lost."""
    desk = Desk(inbox=MemoryInbox())
    desk.sms(phone)
    assert len((await desk.get(f"/handset/messages?to={to}")).json()) == 1


async def test_messages_come_newest_first_and_limited() -> None:
    """100 unless the caller says otherwise."""
    desk = Desk(inbox=MemoryInbox())
    messages = [str(desk.sms()) for _ in range(105)]
    newest_first = messages[::-1]
    assert [item["id"] for item in (await desk.get("/handset/messages")).json()] == newest_first[:100]
    assert [item["id"] for item in (await desk.get("/handset/messages?limit=2")).json()] == newest_first[:2]


@pytest.mark.parametrize(
    "query", ["to=hello", "to=", "to=12", "limit=0", "limit=1001", "limit=-1", "limit=x", "limit=²"]
)
async def test_what_cannot_be_meant_is_refused(query: str) -> None:
    """A typing error must not look like an empty inbox."""
    answer = await Desk(inbox=MemoryInbox()).get(f"/handset/messages?{query}")
    assert answer.status == 400
    assert answer.json()["error"]


async def test_audio_is_served_whole_and_in_ranges() -> None:
    """Browsers seek by ranges."""
    desk = Desk(inbox=MemoryInbox(), audio=Bytes())
    path = f"/handset/audio/{desk.call()}.wav"
    whole = await desk.get(path)
    assert (whole.status, whole.body, whole.headers["content-type"]) == (200, b"RIFF0471", "audio/wav")
    part = await desk.get(path, range="bytes=4-5")
    assert (part.status, part.body, part.headers["content-range"]) == (206, b"04", "bytes 4-5/8")
    assert (await desk.get(path, range="bytes=-2")).body == b"71"
    assert (await desk.get(path, range="bytes=4-")).body == b"0471"
    assert (await desk.get(path, range="bytes=8-")).status == 416
    assert (await desk.get(path, range=f"bytes={'9' * 5_000}-")).status == 200


async def test_peaks_are_short_numbers() -> None:
    """A picture needs no more than three digits."""
    desk = Desk(inbox=MemoryInbox(), audio=Bytes())
    peaks = (await desk.get(f"/handset/peaks/{desk.call()}.json")).json()
    assert set(peaks) == {0.123}


@pytest.mark.parametrize("number", ["1", str(1 << 63), str(1 << 70), "9" * 5_000, "0", "-1", "x", "%C2%B2"])
async def test_audio_of_what_is_no_call_is_not_found(number: str) -> None:
    """Unknown ids, ids that no store could hold, and what is no number."""
    desk = Desk(inbox=MemoryInbox(), audio=Bytes())
    assert (await desk.get(f"/handset/audio/{number}.wav")).status == 404
    assert (await desk.get(f"/handset/peaks/{number}.json")).status == 404
    assert (await desk.get(f"/handset/audio/{desk.sms()}.wav")).status == 404


async def test_without_a_handset_there_is_no_page() -> None:
    """A process without the console's inbox serves none of it."""
    desk = Desk(inbox=None)
    for path in ("/handset", "/handset/messages", "/handset/events"):
        assert (await desk.get(path)).status == 404


async def test_the_page_shows_the_scripted_numbers_and_is_strict() -> None:
    """No inline script or style, nothing from elsewhere, nothing kept."""
    desk = Desk(inbox=MemoryInbox())
    answer = await desk.get("/handset")
    assert "0990000003" in answer.text
    assert "19900000003" in answer.text
    assert "<script>" not in answer.text
    assert "style=" not in answer.text
    policy = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))
    assert (policy.pop("default-src"), policy.pop("frame-ancestors")) == ("'none'", "'none'")
    assert set(policy.values()) == {"'self'", "'none'"}
    assert answer.headers["cache-control"] == "no-store"


async def test_static_files_are_kept_only_under_their_digest() -> None:
    """An older page that asks for newer content must not poison the cache."""
    desk = Desk(inbox=MemoryInbox())
    page = (await desk.get("/handset")).text
    path = page.split('<script type="module" src="')[1].split('"')[0]
    current = await desk.get(path)
    assert current.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in current.headers["cache-control"]
    assert (await desk.get("/static/older/handset.js")).headers["cache-control"] == "no-store"
    assert (await desk.get("/static/older/nothing.js")).status == 404


class AwayInbox(MemoryInbox):
    """An inbox whose store cannot be reached."""

    async def read(self, phone: str | None = None, after: int = 0, limit: int = 100) -> Sequence[Received]:
        raise Unavailable("no connection")


async def test_while_the_store_is_away_the_phone_says_so() -> None:
    """503 and JSON, so that a test suite that polls waits instead of breaking."""
    answer = await Desk(inbox=AwayInbox()).get("/handset/messages")
    assert (answer.status, answer.json()) == (503, {"error": "the store is away; try again"})
    assert answer.headers["retry-after"] == "1"


async def test_the_list_has_each_phone_once_by_its_newest_message() -> None:
    """However many messages another phone received since."""
    desk = Desk(inbox=MemoryInbox())
    desk.sms("+8613800138000", "old")
    newest_of_another = desk.sms("+8613800138000", "2210 is your code")
    newest = [desk.sms("+84901888484") for _ in range(400)][-1]
    listed = (await desk.get("/handset/phones")).json()
    assert [item["id"] for item in listed] == [str(newest), str(newest_of_another)]
    assert [item["to"] for item in (await desk.get("/handset/phones?limit=1")).json()] == ["+84901888484"]
    assert (await desk.get("/handset/phones?limit=0")).status == 400


@pytest.mark.parametrize(
    "number", ["0901888", "090 188-8484", "%2B84901", "018884", "%D9%A9%D9%A0%D9%A1%D9%A8"]
)
async def test_a_phone_is_found_by_a_part_of_its_number(number: str) -> None:
    """In any spelling."""
    desk = Desk(inbox=MemoryInbox())
    desk.sms("+8613800138000")
    desk.sms("+84901888484")
    found = (await desk.get(f"/handset/phones?number={number}")).json()
    assert [item["to"] for item in found] == ["+84901888484"]
