"""The sections of the console, in the order of the navigation: a page is a module in pages/, named here, and its
template.
"""

from onema.console.operate.frame import Section
from onema.console.operate.pages import (
    applications,
    callbacks,
    calls,
    carriers,
    guard,
    messages,
    money,
    now,
    overview,
    people,
    refusals,
    senders,
    statistics,
    system,
    voice,
)

SECTIONS: tuple[Section, ...] = (
    overview.SECTION,
    now.SECTION,
    statistics.SECTION,
    messages.SECTION,
    calls.SECTION,
    callbacks.SECTION,
    refusals.SECTION,
    guard.SECTION,
    applications.SECTION,
    senders.SECTION,
    money.SECTION,
    voice.SECTION,
    carriers.SECTION,
    people.SECTION,
    system.SECTION,
)
