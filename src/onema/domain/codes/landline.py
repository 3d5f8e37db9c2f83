"""A fixed-line number shows no SMS: where the guard enforces its rule `landline`, a code that calls may say too is said
by one at once.
"""

import msgspec

from onema.domain.codes.channel_plan import HowToSend
from onema.domain.configuration.guard_rules import ENFORCED, Rule
from onema.domain.configuration.guard_view import GuardView
from onema.domain.records import Channel
from onema.domain.values.destinations import is_landline
from onema.domain.values.phone import Phone, country_of


def begin_with_a_call(how: HowToSend, phone: Phone, guard: GuardView) -> HowToSend:
    """The same without its SMS, where they would reach nobody; a plan that has no call stays as it is."""
    calls = [step for step in how.steps if step.channel == Channel.CALL]
    if len(calls) in (0, len(how.steps)) or guard.modes[Rule.LANDLINE] not in ENFORCED:
        return how
    if not is_landline(phone) or guard.lets_through(phone, country_of(phone), how.person_ip):
        return how
    steps = (msgspec.structs.replace(calls[0], after_ms=0), *calls[1:])
    return msgspec.structs.replace(how, steps=steps, job=how.job if calls[1:] else 0)
