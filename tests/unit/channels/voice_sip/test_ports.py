import contextlib
import random
import socket
from contextlib import closing

import pytest

from onema.channels.voice_sip.ports import NoPort, PortRange, Ports
from tests.unit.channels.voice_sip.conftest import Phones
from tests.unit.channels.voice_sip.far_end import HERE, TurnedMedia, far_of


@pytest.fixture
def free() -> int:
    """An even port that is free, as are the next five; no test elsewhere takes one there."""
    while True:
        first = random.randrange(11_000, 16_000, 6)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first - first % 2, first - first % 2 + 6):
                udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                udp.bind((HERE, port))
            return first - first % 2


def test_pairs_are_an_even_port_and_the_next(free: int) -> None:
    """RFC 3550 §11; one after the other, through the whole range, then from its beginning."""
    ports = Ports(PortRange(free - 1, free + 4))
    pairs = [ports.bind(HERE) for _ in range(2)]
    assert [(pair.rtp.getsockname()[1], pair.rtcp.getsockname()[1]) for pair in pairs] == [
        (free, free + 1),
        (free + 2, free + 3),
    ]
    with pytest.raises(NoPort, match="no free pair"):
        ports.bind(HERE)
    pairs[1].close()
    with closing(ports.bind(HERE)) as again:
        assert again.port == free + 2
    pairs[0].close()


def test_passes_over_ports_that_others_have(free: int) -> None:
    """Also where only that of RTCP is taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HERE, free + 1))
        with closing(Ports(PortRange(free, free + 3)).bind(HERE)) as pair:
            assert pair.port == free + 2


@pytest.mark.parametrize(("lowest", "highest"), [(16384, 16384), (16385, 16386), (80, 90), (60_000, 70_000)])
def test_refuses_a_range_without_a_pair(lowest: int, highest: int) -> None:
    """Or one that no process of ours may have."""
    with pytest.raises(ValueError, match="ports for media"):
        PortRange(lowest, highest)


def test_calls_that_want_ports_of_their_own_get_them_and_give_them_back(free: int, phones: Phones) -> None:
    """One pair is the lane's; when the range is used up that is said, and a call that ends makes room."""
    with closing(TurnedMedia(ports=PortRange(free, free + 5))) as turned:
        own = [turned.media.open(call, HERE, own_port=True) for call in (1, 2)]
        assert len({*own}) == 2
        with pytest.raises(NoPort):
            turned.media.open(3, HERE, own_port=True)
        turned.media.connect(1, far_of(phones()))
        turned.media.stop(1)
        assert turned.media.open(3, HERE, own_port=True) == own[0]
        assert turned.media.open(4, HERE) not in own, "it shares the lane's"
