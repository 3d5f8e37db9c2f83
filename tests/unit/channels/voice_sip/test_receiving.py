import random
import socket
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onema.channels.voice_sip.datagrams import system_call
from onema.channels.voice_sip.listeners import Far, Listener
from onema.channels.voice_sip.ports import PortRange, Ports
from onema.channels.voice_sip.reading import Batch
from onema.channels.voice_sip.receiving import Heard, Port
from onema.channels.voice_sip.sending import Stream
from onema.protocols.rtp import rtcp
from onema.protocols.rtp.events import press
from onema.protocols.rtp.packets import Packet
from tests.unit.channels.voice_sip.conftest import Phones
from tests.unit.channels.voice_sip.far_end import HERE, Phone, TurnedMedia, far_of

THERE = "127.0.0.2"
"""Another host of the loopback interface."""
ANYWHERE = "127.0.0.3"


def called(turned: TurnedMedia, phone: Phone, call: int = 1, **far: object) -> int:
    port = turned.media.open(call, HERE)
    turned.media.connect(call, far_of(phone, **far))
    return port


def key(digit: str, *, timestamp: int = 5000, ssrc: int = 77) -> list[Packet]:
    return press(digit, payload_type=101, ssrc=ssrc, sequence=900, timestamp=timestamp)


def speech(count: int, *, first: int = 100, ssrc: int = 77) -> list[Packet]:
    return [Packet(0, first + n & 0xFFFF, 160 * n, ssrc, bytes(160)) for n in range(count)]


@pytest.fixture(params=["shared", "own"])
def own_port(request: pytest.FixtureRequest) -> bool:
    """On both kinds of ports."""
    return bool(request.param == "own")


def test_hears_each_call_s_own_keys(turned: TurnedMedia, phones: Phones, own_port: bool) -> None:
    """Sixty calls on shared ports are told apart by where they come from."""
    pressed = {}
    for call in range(60):
        phone, digits = phones(), "".join(random.Random(call).choices("0123456789*#", k=3))
        port = turned.media.open(call, HERE, own_port=own_port)
        turned.media.connect(call, far_of(phone))
        for number, digit in enumerate(digits):
            phone.send(port, *key(digit, timestamp=2000 * number))
        pressed[call] = digits
    turned.run(40)
    assert turned.told.keys == pressed
    assert sorted(turned.told.all) == [("heard", call) for call in range(60)]


def test_counts_what_comes(turned: TurnedMedia, phones: Phones, own_port: bool) -> None:
    """Audio, lost audio, keys in between, and a second source."""
    phone = phones()
    port = turned.media.open(1, HERE, own_port=own_port)
    turned.media.connect(1, far_of(phone))
    sent = speech(300)
    del sent[150:160]
    for start in range(0, len(sent), 10):
        phone.send(port, *sent[start : start + 10])
        turned.run(20)
    figures = turned.media.figures(1)
    assert (figures.packets_received, figures.lost_of_theirs) == (290, 10)
    phone.send(port, *speech(20, ssrc=78))
    turned.run(20)
    figures = turned.media.stop(1)
    assert (figures.packets_received, figures.lost_of_theirs) == (310, 10)


# Strangers.


def test_a_stranger_presses_no_key_on_a_shared_port(turned: TurnedMedia, phones: Phones) -> None:
    """He knows our port, and even the SSRC; what he lacks is the far end's address."""
    phone, other, stranger = phones(), phones(), phones(ANYWHERE)
    port = called(turned, phone, 1)
    called(turned, other, 2)
    for number in range(5):
        stranger.send(port, *speech(20), *key(str(number), timestamp=9000 * number))
        turned.run(20)
    phone.send(port, *key("4"))
    turned.run(20)
    assert turned.told.keys == {1: "4"}
    assert turned.media.figures(2).packets_received == 0
    turned.run(40)
    assert stranger.datagrams() == [], "nothing is sent to him"


def test_one_on_the_far_end_s_own_host_cannot_speak_for_it_once_it_spoke(
    turned: TurnedMedia, phones: Phones, own_port: bool
) -> None:
    """After the named address was heard, no other one is taken for it."""
    phone, neighbour = phones(), phones()
    port = turned.media.open(1, HERE, own_port=own_port)
    turned.media.connect(1, far_of(phone))
    phone.send(port, speech(1)[0])
    turned.run(20)
    phone.datagrams()
    neighbour.send(port, *speech(50), *key("9"))
    turned.run(60)
    assert turned.told.keys == {}
    assert len(phone.datagrams()) == 3
    assert neighbour.datagrams() == []


def test_sends_back_to_where_a_far_end_behind_a_nat_sends_from(
    turned: TurnedMedia, phones: Phones, own_port: bool
) -> None:
    """RFC 4961: the address that it named is of its own network, its signalling's host is the way to it."""
    named, nat = phones(), phones(THERE)
    port = turned.media.open(1, HERE, own_port=own_port)
    turned.media.connect(1, far_of(named, may_come_from=(THERE,)))
    turned.run(40)
    assert len(named.datagrams()) == 2
    nat.send(port, speech(1)[0])
    turned.run(20)
    assert nat.datagrams() == [], "one packet proves nothing"
    nat.send(port, *speech(2, first=101), *key("7"))
    turned.run(41)
    assert len(nat.datagrams()) >= 2
    assert turned.told.keys == {1: "7"}
    named.datagrams()
    turned.run(40)
    assert named.datagrams() == []
    named.send(port, *speech(2, ssrc=5))
    turned.run(40)
    nat.datagrams(), named.datagrams()
    turned.run(40)
    assert (len(named.datagrams()), len(nat.datagrams())) == (2, 0), "the named address wins"


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (speech(1) + speech(1, first=300), "not in order"),
        ([Packet(3, n, 0, 1, b"") for n in range(5)], "a payload type that nobody offered"),
        (speech(1) + speech(1, first=101, ssrc=5), "two sources"),
    ],
)
def test_takes_no_other_source_without_proof(
    turned: TurnedMedia, phones: Phones, sent: list[Packet], why: str
) -> None:
    """Two packets in order, of one source, of the negotiated type."""
    named, nat = phones(), phones()
    port = called(turned, named)
    nat.send(port, *sent)
    turned.run(60)
    assert nat.datagrams() == [], why
    assert turned.media.figures(1).packets_received == 0


def test_takes_no_source_that_two_calls_might_mean(turned: TurnedMedia, phones: Phones) -> None:
    """Two calls of one port whose far ends are on one host and silent: neither may have it."""
    one, other, nat = phones(), phones(), phones()
    port = called(turned, one, 1)
    assert called(turned, other, 2) == port
    nat.send(port, *speech(5), *key("3"))
    turned.run(40)
    assert turned.told.keys == {}
    other.send(port, speech(1)[0])
    nat.send(port, *speech(5), *key("3"))
    turned.run(40)
    assert turned.told.keys == {1: "3"}, "now only one is silent"


def test_an_address_of_two_calls_is_nobody_s(turned: TurnedMedia, phones: Phones) -> None:
    """On one port they cannot be told apart; on ports of their own they can."""
    phone = phones()
    port = called(turned, phone, 1)
    assert called(turned, phone, 2) == port
    phone.send(port, *key("3"))
    turned.run(40)
    assert turned.told.keys == {}
    turned.media.stop(2)
    phone.send(port, *key("5"))
    turned.run(40)
    assert turned.told.keys == {1: "5"}
    for call in (3, 4):
        own = turned.media.open(call, HERE, own_port=True)
        turned.media.connect(call, far_of(phone))
        phone.send(own, *key(str(call)))
    turned.run(40)
    assert turned.told.keys == {1: "5", 3: "3", 4: "4"}


def test_a_key_of_the_call_before_is_not_the_next_call_s(turned: TurnedMedia, phones: Phones) -> None:
    """The far end uses its port again; what it sent before was for somebody else."""
    phone = phones()
    port = called(turned, phone, 1)
    turned.media.stop(1)
    phone.send(port, *key("1"))
    assert called(turned, phone, 2) == port
    turned.run(40)
    assert turned.told.keys == {}


def test_a_far_end_that_moved_is_heard_at_its_new_address_only(turned: TurnedMedia, phones: Phones) -> None:
    """A re-INVITE named another port."""
    before, after = phones(), phones()
    port = called(turned, before)
    before.send(port, *speech(5))
    turned.run(20)
    turned.media.connect(1, far_of(after))
    before.send(port, *key("1"))
    after.send(port, *key("2"))
    turned.run(40)
    assert turned.told.keys == {1: "2"}


def test_hears_no_key_that_was_not_negotiated(turned: TurnedMedia, phones: Phones) -> None:
    """Four null octets of another type would be a 0."""
    phone = phones()
    port = turned.media.open(1, HERE)
    turned.media.connect(1, Far(address=phone.address))
    phone.send(port, *key("1"), Packet(97, 1, 1, 1, bytes(4)))
    turned.run(40)
    assert turned.told.keys == {}


@pytest.mark.parametrize("host", ["::1"])
def test_speaks_ipv6(host: str) -> None:
    """Whatever way the address is written."""
    with closing(TurnedMedia()) as turned, closing(Phone(host)) as phone:
        port = turned.media.open(1, host)
        turned.media.connect(1, Far(address=("0:0:0:0:0:0:0:1", phone.address[1]), event_type=101))
        phone.send(port, *key("6"), host=host)
        turned.run(100)
        assert len(phone.packets()) == 5
        assert turned.told.keys == {1: "6"}


# Reports.


def test_takes_loss_and_jitter_from_reports_about_itself(turned: TurnedMedia, phones: Phones) -> None:
    """Of its far end's host, about its SSRC; of others, about others, and empty ones it takes nothing."""
    phone, report_phone, stranger = phones(), phones(), phones(ANYWHERE)
    port = called(turned, phone, rtcp=report_phone.address)
    turned.run(40)
    ours = phone.packets()[0].ssrc

    def told(about: int, lost: int) -> bytes:
        return rtcp.encode(rtcp.ReceiverReport(9, (rtcp.Block(about, lost=lost, jitter=80),)), "x")

    stranger.send(port + 1, told(ours, 1000))
    report_phone.send(port + 1, told(0, 500), told(ours ^ 1, 400), rtcp.encode(rtcp.ReceiverReport(9), "x"))
    turned.run(40)
    assert turned.media.figures(1).packets_lost == 0
    report_phone.send(port + 1, told(ours, 3), b"\0\1" + bytes(18))
    turned.run(40)
    figures = turned.media.stop(1)
    assert (figures.packets_lost, figures.jitter_ms) == (3, 10.0)


def test_reports_what_it_sent_and_heard(turned: TurnedMedia, phones: Phones) -> None:
    """Within 8 s, with the timestamp of that moment; and says goodbye."""
    phone, reports = phones(), phones()
    port = called(turned, phone, rtcp=reports.address)
    sent = speech(40)
    del sent[20:30]
    phone.send(port, *sent)
    turned.run(8000)
    turned.media.stop(1)
    came, audio = [rtcp.parse(datagram) for datagram in reports.datagrams()], phone.packets()
    first, last = came[0][0], came[-1][0]
    assert isinstance(first, rtcp.SenderReport)
    assert isinstance(last, rtcp.SenderReport)
    assert came[-1][1] == rtcp.Goodbye((audio[0].ssrc,))
    assert first.ssrc == audio[0].ssrc
    assert (last.packets, last.octets) == (400, 64_000)
    assert abs((last.timestamp - audio[-1].timestamp) & 0xFFFFFFFF) <= 160
    (block,) = first.blocks
    assert (block.ssrc, block.lost, block.fraction_lost) == (77, 10, 64)


def test_knows_the_round_trip_by_the_far_end_s_answer(turned: TurnedMedia, phones: Phones) -> None:
    """The far end names our report, and how long it kept it; where it sends from, ours go."""
    phone, reports, moved = phones(), phones(), phones()
    port = called(turned, phone, rtcp=reports.address)
    turned.run(4000)
    ours = rtcp.parse(reports.datagrams()[0])[0]
    assert isinstance(ours, rtcp.SenderReport)
    block = rtcp.Block(ours.ssrc, last_report=rtcp.middle(ours.ntp))
    moved.send(port + 1, rtcp.encode(rtcp.SenderReport(5, 7 << 16, 0, 1, 1, (block,)), "x"))
    turned.run(8000)
    trip = turned.media.figures(1).round_trip_ms
    assert trip is not None
    assert 0 <= trip < 60_000
    assert reports.datagrams() == []
    assert moved.datagrams()


def test_reads_reports_on_the_port_of_the_audio(turned: TurnedMedia, phones: Phones) -> None:
    """RFC 5761: both on one port, there and back."""
    phone = phones()
    port = called(turned, phone, rtcp=phone.address)
    turned.run(20)
    ours = phone.packets()[0].ssrc
    phone.send(port, rtcp.encode(rtcp.ReceiverReport(9, (rtcp.Block(ours, lost=2),)), "x"))
    turned.run(7000)
    assert turned.media.figures(1).packets_lost == 2
    assert any(rtcp.parse(datagram) for datagram in phone.datagrams() if datagram[1] == rtcp.SR)


def test_a_far_end_without_a_port_for_reports_takes_none_from_the_others(
    turned: TurnedMedia, phones: Phones
) -> None:
    """ICMP refuses ours for hours; what other far ends report on the same port is read all the same."""
    phone, other, gone = phones(), phones(), phones()
    called(turned, phone, 1, rtcp=gone.address)
    port = called(turned, other, 2, rtcp=other.address)
    gone.close()
    for _ in range(40):
        turned.run(8_000)
    ours = other.packets()[0].ssrc
    other.send(port + 1, rtcp.encode(rtcp.ReceiverReport(9, (rtcp.Block(ours, lost=4),)), "x"))
    turned.run(40)
    assert turned.media.figures(2).packets_lost == 4


# Nobody there, and too much.


def test_says_once_that_nobody_listens(turned: TurnedMedia, phones: Phones, own_port: bool) -> None:
    """After a second of refused packets nothing more is sent, the message ends when it would have, others go on."""
    phone, gone = phones(), phones()
    turned.media.learn(1, bytes(160 * 100))
    turned.media.open(1, HERE, own_port=own_port)
    turned.media.open(2, HERE, own_port=own_port)
    turned.media.connect(1, far_of(gone))
    turned.media.connect(2, far_of(phone))
    turned.media.play(1, [1])
    gone.close()
    turned.run(1900)
    assert turned.told.all == [("refused", 1)]
    turned.run(300)
    assert turned.told.all == [("refused", 1), ("played", 1)]
    assert len(phone.packets()) == 110
    assert 50 <= turned.media.figures(1).packets_sent <= 53


def test_a_far_end_that_is_heard_again_is_sent_to_again(turned: TurnedMedia, phones: Phones) -> None:
    """It opened its port late."""
    gone = phones()
    address = gone.address
    port = called(turned, gone)
    gone.close()
    turned.run(1100)
    late = Phone()
    late.close()
    late.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    late.udp.bind(address)
    late.udp.setblocking(False)
    turned.run(40)
    assert late.datagrams() == []
    late.send(port, speech(1)[0])
    turned.run(60)
    assert len(late.datagrams()) >= 2
    late.close()


@given(
    st.lists(st.binary(max_size=80) | st.binary(max_size=60).map(lambda end: b"\x80\x00" + end), max_size=30)
)
def test_arbitrary_datagrams_do_no_harm(datagrams: list[bytes]) -> None:
    """From the far end and from strangers, on both ports, while a call plays."""
    with closing(TurnedMedia()) as turned, closing(Phone()) as phone, closing(Phone()) as stranger:
        port = called(turned, phone, rtcp=phone.address)
        turned.media.learn(1, bytes(160 * 3))
        turned.media.play(1, [1])
        for sender in (phone, stranger):
            sender.send(port, *datagrams)
            sender.send(port + 1, *datagrams)
        turned.run(80)
        assert ("played", 1) in turned.told.all
        assert turned.media.stop(1).packets_sent == 4


def test_a_flood_of_strangers_is_not_read_one_by_one(phones: Phones) -> None:
    """What is looked at of it has a limit, and the far end is heard all the same."""
    heard: list[str] = []

    def nothing(*_: object) -> None:
        """Somebody else's test."""

    told = Heard(
        key=lambda _, key: heard.append(key), first=nothing, latched=nothing, refused=nothing, listens=nothing
    )
    receive = system_call("recvmmsg")
    assert receive is not None
    pair = Ports(PortRange(), random.randrange(8000)).bind(HERE)
    port = Port(pair, told, lambda: 0, Batch(receive))
    phone, stranger = phones(), phones(ANYWHERE)
    listener = Listener(1, Stream(1, 2, 3, 4), port)
    port.add(listener)
    port.name(listener, Far(address=phone.address, event_type=101))
    for _ in range(500):
        stranger.send(pair.port, *speech(2))
    phone.send(pair.port, *key("5"))
    for _ in range(3):
        port.drain(0)
    assert heard == ["5"]
    assert port.looked_at < 120
    pair.close()
