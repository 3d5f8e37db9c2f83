"""Answers of vendors that mean something else than SIP says, each with where its vendor says so.

A row names what it hangs on, so that it does no harm to trunks of others.
"""

from dataclasses import dataclass

from onema.domain.delivery.outcome import Ending


@dataclass(frozen=True)
class Answer:
    """A row of the table of outcomes.py: what a final answer must have, and how the call ended then."""

    words: str
    """For operators."""
    ending: Ending
    status: str = ""
    """As `603`, or `5xx` for any of these; empty: any."""
    protocol: str = ""
    """Of a Reason header (RFC 3326), in lower case; empty: with or without one."""
    cause: int = 0
    """Of that header; 0: any."""
    header: str = ""
    """One that must be there."""
    says: str = ""
    """A pattern, in any case, in that header's value, else in the reason phrase or a Reason's text."""
    shown: str = ""
    """That pattern, as people read it."""
    wait: bool = False
    """Whether it must ask us to wait for a short time (Retry-After)."""


VENDOR_ANSWERS: tuple[Answer, ...] = (
    # https://github.com/livekit/sip/pull/737 (2026-07): a 603, and not a person who declines.
    Answer("a fraud block", Ending.BLOCKED, header="X-Twilio-Error", says=r"^\s*32203\b", shown="32203"),
    # https://www.twilio.com/docs/api/errors/31603 (seen 2026-11): a 603 of an account that is closed or has no funds.
    Answer(
        "the account is not active",
        Ending.CARRIER_DOWN,
        header="X-Twilio-Error",
        says=r"^\s*10001\b",
        shown="10001",
    ),
    # https://www.twilio.com/docs/api/errors/32201 (seen 2026-11)
    Answer(
        "our address is not on its list",
        Ending.CARRIER_DOWN,
        header="X-Twilio-Error",
        says=r"^\s*32201\b",
        shown="32201",
    ),
    # https://developers.telnyx.com/docs/voice/sip-trunking/troubleshooting/response-codes (seen 2026-11): codes at the
    # end of the reason phrase, as in `403 Caller Origination Number is Invalid D35`.
    Answer(
        "a limit of calls at once",
        Ending.OUR_LIMIT,
        status="403",
        says=r"\bD(1|2|3|22)$",
        shown="... D1, D2, D3, D22",
    ),
    Answer(
        "the connection is off",
        Ending.CARRIER_DOWN,
        status="403",
        says=r"\bD(1[0-7]|2[5-9])$",
        shown="... D10 to D17, D25 to D29",
    ),
    Answer(
        "the account is off or blocked",
        Ending.CARRIER_DOWN,
        status="404",
        says=r"\bD1[89]$",
        shown="... D18, D19",
    ),
)
