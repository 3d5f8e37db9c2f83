import random
import socket

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from onema.channels.voice_sip.datagrams import system_call
from onema.channels.voice_sip.reading import Batch, Settled, source_number, stamp_arrivals
from onema.protocols.rtp.packets import Packet, parse
from onema.protocols.rtp.statistics import Reception
from tests.unit.channels.voice_sip.conftest import Phones
from tests.unit.channels.voice_sip.far_end import HERE, Phone

STEPS = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from([1, 1, 1, 1, 2, 5, 0, -1, -3, 4000]), st.integers(0, 900)),
    max_size=200,
)
"""Which source sends, how far its sequence number goes, and how late the packet comes."""


def batch() -> Batch:
    receive = system_call("recvmmsg")
    assert receive is not None
    return Batch(receive)


@given(STEPS, st.integers(0, 0xFFFF))
def test_counts_as_one_by_one(steps: list[tuple[int, int, int]], first: int) -> None:
    """Whatever is lost, late or repeated: all that a report says is what RFC 3550 reckons."""
    here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    here.bind((HERE, 0))
    phones = [Phone() for _ in range(5)]
    one_by_one = [Reception(number) for number in range(5)]
    at_once = [Reception(number) for number in range(5)]
    settled, reading = Settled(), batch()
    sequences = [first] * 5
    arrivals: list[int] = []
    try:
        for number, reception in enumerate(at_once):
            for prelude in (first - 1, first):
                one_by_one[number].receive(prelude & 0xFFFF, 0, 0)
                reception.receive(prelude & 0xFFFF, 0, 0)
            settled.settle(source_number(phones[number].address), reception, 0)
        for number, step, late in steps:
            sequences[number] = sequences[number] + step & 0xFFFF
            packet = Packet(0, sequences[number], 160 * len(arrivals) & 0xFFFFFFFF, number, b"")
            arrivals.append(160 * len(arrivals) + late)
            one_by_one[number].receive(packet.sequence, packet.timestamp, arrivals[-1])
            phones[number].send(here.getsockname()[1], packet)
        read = 0
        while read < len(steps):
            came = reading.read(here.fileno())
            counted = settled.count(reading, np.array(arrivals[read : read + came], np.int64))
            for place in np.flatnonzero(~counted):
                other = parse(reading.datagram(int(place)))
                assert other is not None
                source = source_number(reading.source(int(place)))
                settled.take_back(source)
                at_once[other.ssrc].receive(other.sequence, other.timestamp, arrivals[read + int(place)])
                settled.settle(source, at_once[other.ssrc], 0)
            read += came
        for number, phone in enumerate(phones):
            settled.take_back(source_number(phone.address))
            assert at_once[number].report() == one_by_one[number].report()
            assert at_once[number].in_all == one_by_one[number].in_all
    finally:
        for udp in (here, *(phone.udp for phone in phones)):
            udp.close()


def test_keeps_apart_as_many_sources_as_there_are(phones: Phones) -> None:
    """Sources come and go in any order, past the room that there is at first."""
    settled = Settled()
    receptions = {
        ("10.1.2.3", port): Reception(port) for port in random.Random(2).sample(range(1, 65536), 200)
    }
    for address, reception in receptions.items():
        settled.settle(source_number(address), reception, 0)
    assert len(settled) == 200
    for address in list(receptions)[::2]:
        settled.take_back(source_number(address))
        settled.take_back(source_number(address))
    assert len(settled) == 100


def test_knows_when_a_datagram_came(phones: Phones) -> None:
    """Not when it was read: the kernel's time stamp, in samples; of a socket without, the time of reading."""
    reading, phone = batch(), phones()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.bind((HERE, 0))
        phone.send(here.getsockname()[1], b"x")
        assert reading.read(here.fileno()) == 1
        assert reading.arrivals(2_000_000_000).tolist() == [16_000]
        stamp_arrivals(here)
        phone.send(here.getsockname()[1], b"x", b"y")
        assert reading.read(here.fileno()) == 2
        one, other = reading.arrivals(0).tolist()
        assert 0 <= other - one < 8_000
        assert one > 1_700_000_000 * 8_000
        assert [reading.datagram(0), reading.datagram(1)] == [b"x", b"y"]
        assert reading.source(1) == phone.address
