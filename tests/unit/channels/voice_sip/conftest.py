from collections.abc import Callable, Iterator

import pytest

from tests.unit.channels.voice_sip.far_end import HERE, Phone, TurnedMedia

Phones = Callable[..., Phone]


@pytest.fixture
def turned() -> Iterator[TurnedMedia]:
    """Media that a test turns."""
    turned = TurnedMedia()
    yield turned
    turned.media.close()


@pytest.fixture
def phones() -> Iterator[Phones]:
    """Makes far ends."""
    made: list[Phone] = []

    def make(host: str = HERE) -> Phone:
        made.append(Phone(host))
        return made[-1]

    yield make
    for phone in made:
        phone.close()
