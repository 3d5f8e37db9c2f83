"""Jobs end: what a job that fails is told, and when it is given up."""

TRIES = 6
"""A job that raised has had a try."""
RETRY_AFTER_SECONDS = (10, 60, 300, 900, 3600)
"""Five more tries, as the vendors do with callbacks."""
LEASES = 100
"""So often a job is leased at most, whatever became of its leases: a worker that dies tells nothing. A message that
waits for a carrier which nobody runs is leased every half minute until its code has expired, for a quarter of an hour.
"""


class GivenUp(Exception):
    """The job has no use any more; the text is the reason."""
