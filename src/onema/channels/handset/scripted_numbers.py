"""Phones that behave badly on purpose, so that integrators can test every path. All other numbers just work.

The table is docs/handset.md's and the handset page's too. The numbers are whole national numbers: Vietnamese
ones for the dialects whose national numbers are Vietnamese, Chinese ones for the others.
"""

import enum


class Script(enum.Enum):
    DELIVERED = "delivered at once"
    UNDELIVERED = "accepted by the carrier, then reported undelivered"
    SLOW = "arrives after 10 seconds"
    RECEIPT_LOST = "arrives, but no receipt ever comes"
    BUSY = "a call finds the line busy; an SMS arrives"
    NO_ANSWER = "a call rings and nobody answers; an SMS arrives"
    DECLINED = "a call is declined; an SMS arrives"
    VOICEMAIL = "a call is answered by voicemail; an SMS arrives"


_LAST_DIGIT = {
    1: Script.DELIVERED,
    2: Script.UNDELIVERED,
    3: Script.SLOW,
    4: Script.RECEIPT_LOST,
    5: Script.BUSY,
    6: Script.NO_ANSWER,
    7: Script.DECLINED,
    8: Script.VOICEMAIL,
}

BLOCKS = ("+8499000000", "+861990000000")
"""The scripted numbers of Vietnam (0990000001..8) and China (19900000001..8), without their last digit."""

SCRIPTS: dict[str, Script] = {
    f"{block}{digit}": script for block in BLOCKS for digit, script in _LAST_DIGIT.items()
}

SLOW_SECONDS = 10.0
