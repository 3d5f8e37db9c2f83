"""Requests that make a server send codes, each to another phone, as the dialects' samples write them."""

from onema.dialects.contract import SampleRequests

ALL_PHONES = 10_000_000
STRIDE = 6_180_339  # shares no factor with their number, so that it visits each once, in no order


def spread(number: int) -> int:
    """Another below 10 million for each: phones in a row would share the store's pages."""
    return number * STRIDE % ALL_PHONES


class CodeRequests:
    """Requests of one customer through one dialect."""

    def __init__(self, samples: SampleRequests, host: str) -> None:
        """`host` is the Host header."""
        self._samples = samples
        self._host = host
        self.accepted = samples.accepted

    def send(self, number: int) -> bytes:
        """A request for a phone of its own, for `number` from 0 to 10 million."""
        return self._samples.send_code(spread(number)).as_bytes(self._host)

    def classify(self, status: int, body: bytes) -> str:
        """The vendor's own code of an answer."""
        return self._samples.answered(status, body)
