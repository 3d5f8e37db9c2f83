from hypothesis import given
from hypothesis import strategies as st

from onema.protocols.rtp.statistics import Reception

FIRST = st.integers(0, 0xFFFF)


def received(sequences: list[int], first: int = 0) -> Reception:
    reception = Reception(1)
    for sequence in sequences:
        number = (first + sequence) & 0xFFFF
        reception.receive(number, 160 * sequence, 160 * sequence)
    return reception


@given(FIRST, st.sets(st.integers(2, 400), max_size=200))
def test_counts_what_is_missing(first: int, missing: set[int]) -> None:
    """Whatever the first number is."""
    came = [number for number in range(402) if number not in missing]
    reception = received(came, first)
    assert reception.lost == len([number for number in missing if number < max(came)])
    assert reception.received == reception.in_all == len(came)


@given(FIRST)
def test_counts_past_the_wrap(first: int) -> None:
    """Sequence numbers have 16 bits, calls do not end with them."""
    reception = received(list(range(70_000)), first)
    assert reception.lost == 0
    assert reception.expected == 70_000
    assert reception.highest_sequence == first + 69_999


def test_late_packets_are_no_loss_and_duplicates_are_less() -> None:
    """Appendix A.3: the number lost may be negative."""
    assert received([0, 1, 2, 4, 3, 5]).lost == 0
    assert received([0, 1, 2, 2, 2, 3]).lost == -2


def test_one_packet_alone_is_no_source() -> None:
    """Appendix A.1: two in order are."""
    reception = received([5])
    assert not reception.is_valid
    assert reception.report() is None
    assert not received([5, 9, 20]).is_valid
    assert received([5, 9, 10]).is_valid


def test_two_packets_after_a_jump_begin_anew() -> None:
    """A far end that started again lost nothing of 10,000 packets; one stray number is dropped."""
    assert received([0, 1, 2, 30_000, 3, 4]).lost == 0
    reception = received([0, 1, 2, 30_000, 30_001, 30_002])
    assert (reception.lost, reception.received, reception.in_all) == (0, 2, 5)


# RFC 3550 §6.4.1
def test_reports_losses_since_the_report_before() -> None:
    """The fraction is of the interval, the number of all."""
    reception = received([0, 1, 2, 4])
    block = reception.report(7, 8)
    assert block is not None
    assert (block.fraction_lost, block.lost, block.last_report, block.since_last_report) == (51, 1, 7, 8)
    for sequence in (5, 6, 7):
        reception.receive(sequence, 160 * sequence, 160 * sequence)
    again = reception.report()
    assert again is not None
    assert (again.fraction_lost, again.lost, again.highest_sequence) == (0, 1, 7)


# RFC 3550 §6.4.1
def test_jitter_is_the_smoothed_deviation() -> None:
    """A constant delay has none; a single deviation of 160 counts a sixteenth of it."""
    reception = received([0, 1, 2, 3])
    assert reception.jitter == 0
    reception.receive(4, 640, 640 + 160)
    assert reception.jitter == 10
    reception.receive(5, 800, 800 + 160)
    assert reception.jitter == 10 - 10 / 16


@given(st.lists(st.tuples(FIRST, st.integers(0, 0xFFFFFFFF), st.integers(0, 1 << 40)), max_size=60))
def test_arbitrary_numbers_do_no_harm(packets: list[tuple[int, int, int]]) -> None:
    """Jitter stays what a block can hold."""
    reception = Reception(1)
    for sequence, timestamp, arrival in packets:
        reception.receive(sequence, timestamp, arrival)
    block = reception.report()
    assert block is None or (0 <= block.fraction_lost <= 255 and 0 <= block.jitter <= 0xFFFFFFFF)
