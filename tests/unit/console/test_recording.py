"""The recording pages without a browser: who is let in, and what is answered."""

import datetime
from collections.abc import Callable
from pathlib import Path

import pytest

from onema.console.recording.local import build_local_recording
from onema.console.recording.studio import Studio
from onema.speech import Voices
from onema.speech.making.sitting import SittingError
from onema.speech.wav import read

from ..speech.rooms import spoken, take
from .desk import Answer, Desk, MemoryInbox

VOICES = Voices.load()
TOKEN = "one-visit"
SIX = take(spoken(VOICES["vi-north"].lines["6"]))


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    studio = Studio(tmp_path, lambda: VOICES)
    studio.begin("vi-north", "Lan")
    return studio


class Booth(Desk):
    """The browser that was shown the address of `onema voice record`."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(inbox=None)
        self.app = build_local_recording(
            studio, "vi-lan", token=TOKEN, new_token=lambda: "kept", today=lambda: datetime.date(2026, 11, 28)
        )

    async def send(self, path: str, body: bytes = b"", **headers: str) -> Answer:
        return await self.post_bytes(path, body, "application/octet-stream", **headers)

    async def enter(self) -> "Booth":
        answer = await self.get(f"/?token={TOKEN}")
        assert (answer.status, answer.headers["location"]) == (303, "/record/vi-lan")
        self.headers["cookie"] = answer.headers["set-cookie"].split(";")[0]
        return self


async def test_the_address_opens_the_page_once(studio: Studio) -> None:
    """The browser that came first keeps a secret of its own; a second one is told to run the command again."""
    booth = await Booth(studio).enter()
    assert (await booth.get("/record/vi-lan")).status == 200
    assert (await booth.get(f"/?token={TOKEN}")).status == 303
    booth.headers.pop("cookie")
    second = await booth.get(f"/?token={TOKEN}", accept_language="vi")
    assert second.status == 403
    assert "Hãy chạy lại lệnh" in second.text
    assert (await booth.get("/record/vi-lan")).status == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"x_forwarded_for": "203.0.113.5"},
        {"cookie": "onema_record=guessed"},
        {"cookie": "onema_record=gu\u00e9ss"},
        {"cookie": ""},
    ],
)
async def test_nobody_else_is_let_in(studio: Studio, headers: dict[str, str]) -> None:
    """Neither by another name of this machine, through a proxy, nor with another cookie."""
    booth = await Booth(studio).enter()
    assert (await booth.get("/record/vi-lan/state.json", **headers)).status == 401
    assert (await booth.send("/record/vi-lan/takes/6?from=0", SIX, **headers)).status == 401
    assert (await booth.get("/record/vi-lan", **headers)).status == 403


async def test_a_wrong_token_does_not_use_the_address_up(studio: Studio) -> None:
    """Whoever guesses cannot lock the reader out."""
    booth = Booth(studio)
    assert (await booth.get("/?token=guessed")).status == 403
    assert (await booth.get("/")).status == 403
    await booth.enter()


async def test_another_site_can_send_nothing(studio: Studio) -> None:
    """With the browser's cookie neither."""
    booth = await Booth(studio).enter()
    answer = await booth.send("/record/vi-lan/takes/6?from=0", SIX, origin="https://evil.example")
    assert answer.status == 403
    form = await booth.send("/record", b"like=en&speaker=Eve", origin="https://evil.example")
    assert form.status == 403


async def test_a_take_is_sent_judged_heard_and_kept(studio: Studio) -> None:
    """In pieces, as the page does it."""
    booth = await Booth(studio).enter()
    for start in range(0, len(SIX), 48_000):
        piece = SIX[start : start + 48_000]
        assert (await booth.send(f"/record/vi-lan/takes/6?from={start}", piece)).status == 204
    judged = (await booth.send("/record/vi-lan/takes/6/judge?reading=1")).json()
    assert (judged["faults"], judged["sounds_like"], len(judged["peaks"])) == ([], "", 72)
    heard = await booth.get("/record/vi-lan/takes/6.wav?new&1")
    assert (heard.headers["content-type"], read(heard.body).sample_rate) == ("audio/wav", 8_000)
    assert (await booth.get("/record/vi-lan/takes/6.wav")).status == 409
    assert (await booth.send("/record/vi-lan/takes/6/keep?reading=1")).status == 204
    assert (await booth.get("/record/vi-lan/takes/6.wav")).body == heard.body
    late = await booth.get("/record/vi-lan/takes/6.wav?new&1")
    assert late.body == heard.body, "asked for before it was kept, and the request came after it"
    state = (await booth.get("/record/vi-lan/state.json")).json()
    assert [line["id"] for line in state["lines"] if line["first"]] == ["6"]


async def test_what_cannot_be_done_is_answered_with_the_reason(studio: Studio) -> None:
    """409 and a sentence; 400 for what no page sends; nothing ends in a fault."""
    booth = await Booth(studio).enter()
    base = "/record/vi-lan"
    assert (await booth.send(f"{base}/takes/6?from=x", SIX)).status == 400
    assert (await booth.send(f"{base}/takes/6?from=48000", SIX)).status == 409
    assert (await booth.send(f"{base}/takes/7/judge")).json() == {"error": "line 7 has no such take"}
    assert (await booth.send(f"{base}/takes/6?from=0", b"no audio")).status == 204
    assert (await booth.send(f"{base}/takes/6/judge")).json() == {"error": "this is not a WAV file"}
    assert (await booth.send(f"{base}/takes/10?from=0", SIX)).json() == {"error": "there is no line '10'"}
    assert (await booth.send(f"{base}/pack", b"licence=proprietary")).status == 400
    assert (await booth.send(f"{base}/pack", b"licence=WTFPL&consent=yes")).status == 400
    lacking = (await booth.send(f"{base}/pack", b"licence=proprietary&consent=yes")).json()
    assert lacking["error"].startswith("still to be read: 0; 1")
    assert (await booth.get(f"{base}/sample.wav?code=12")).status == 409
    assert (await booth.get("/record/vi-other/state.json")).status == 409
    assert (await booth.get("/record/vi-other")).headers["location"] == "/record"


async def test_the_console_records_for_those_who_are_logged_in(tmp_path: Path) -> None:
    """The list, a new voice, its page; a stranger is sent to the login."""
    desk = Desk(inbox=MemoryInbox(), open_on_loopback=False, studio=Studio(tmp_path, lambda: VOICES))
    assert (await desk.get("/record")).headers["location"] == "/login"
    assert (await desk.get("/record/vi-lan/state.json")).status == 401
    await desk.log_in()
    assert "A voice of your own" in (await desk.get("/record")).text
    assert "/record" in (await desk.get("/handset")).text
    begun = await desk.post("/record", {"like": "vi-south", "speaker": "Hồng Ánh"})
    assert (begun.status, begun.headers["location"]) == (303, "/record/vi-hong-anh")
    page = (await desk.get("/record/vi-hong-anh")).text
    assert "Hồng Ánh" in page
    assert "0 of 73 read" in (await desk.get("/record")).text
    nameless = await desk.post("/record", {"like": "vi-south", "speaker": " "})
    assert (nameless.status, "Say whose voice it is" in nameless.text) == (400, True)


async def test_a_name_is_text_on_the_page(tmp_path: Path) -> None:
    """Neither in the page nor in the data for its script can it become markup."""
    studio = Studio(tmp_path, lambda: VOICES)
    studio.begin("en", "</script><b>Ann", "en-ann")
    desk = Desk(inbox=MemoryInbox(), studio=studio)
    page = (await desk.get("/record/en-ann")).text
    assert "<b>Ann" not in page
    assert "&lt;b&gt;Ann" in page


async def test_without_a_studio_there_is_no_such_page() -> None:
    """And the handset does not lead there."""
    desk = Desk(inbox=MemoryInbox())
    assert (await desk.get("/record")).status == 404
    assert "/record" not in (await desk.get("/handset")).text


@pytest.mark.parametrize("voice_id", ["../x", "", "X", "a/b", "a" * 41])
def test_a_voice_id_never_leaves_the_folder(studio: Studio, voice_id: str) -> None:
    """Neither when it is begun nor when it is asked for."""
    tries: list[Callable[[], object]] = [lambda: studio.find(voice_id)]
    if voice_id:
        tries.append(lambda: studio.begin("en", "Ann", voice_id))
    for attempt in tries:
        with pytest.raises(SittingError):
            attempt()


def test_lines_are_those_of_a_voice_that_there_is(studio: Studio) -> None:
    """A form may name any."""
    with pytest.raises(SittingError, match="no voice"):
        studio.begin("vi-west", "Lan")


def test_who_reads_other_lines_too_has_another_voice(studio: Studio) -> None:
    """And who begins the same again goes on with it."""
    assert studio.begin("vi-south", "Lan").voice_id == "vi-lan-2"
    assert studio.begin("vi-central", "Lan").voice_id == "vi-lan-3"
    assert studio.begin("vi-south", "Lan").voice_id == "vi-lan-2"
    assert studio.begin("vi-north", "Lan").voice_id == "vi-lan"
    with pytest.raises(SittingError, match="not being recorded"):
        studio.begin("vi-south", "Lan", "vi-lan")


def test_what_is_begun_is_listed_and_what_is_broken_is_not(studio: Studio) -> None:
    """A folder that somebody put there ends nothing."""
    (studio.takes / "broken").mkdir()
    (studio.takes / "broken" / "sitting.json").write_text("[]")
    (studio.takes / "A b").mkdir()
    assert [sitting.voice_id for sitting in studio.all()] == ["vi-lan"]
