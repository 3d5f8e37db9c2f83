"""What is sent of a text that its brandname may send: signed where its country wants that, with what is registered
about it, and only where some carrier takes it so.
"""

import msgspec

from onema.domain.codes.accept_message import Send
from onema.domain.configuration import documents as doc
from onema.domain.configuration.brandname_view import BrandnameView, name_of
from onema.domain.configuration.directory import AccountView
from onema.domain.configuration.message_template import place_code
from onema.domain.configuration.registered import SIGNATURE
from onema.domain.decision import Context
from onema.domain.delivery.papers import papers_of
from onema.domain.delivery.routing import plan_route
from onema.domain.records import Channel
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.last_line import with_last_line
from onema.domain.values.signature import signature_in, signed
from onema.domain.values.sms_text import segments


class TextToSend(msgspec.Struct, frozen=True, gc=False):
    """`text` may still have its marker, `segments` counts it with a code. `facts` are what is registered about it,
    `template` is the name of what allowed it.
    """

    text: str
    segments: int
    facts: dict[str, str]
    template: str = ""

    def with_last_line(self, line: str, code_length: int) -> "TextToSend":
        """`line` may have the marker, too."""
        text = with_last_line(self.text, line)
        return TextToSend(
            text, segments(place_code(text, "0" * code_length)).count, self.facts, self.template
        )


def text_to_send(
    send: Send,
    context: Context,
    account: AccountView,
    text: str,
    count: int,
    brandname: BrandnameView | None,
    template: doc.Template | None,
    code_length: int = 0,
) -> TextToSend:
    """What becomes of `text`, which has `count` segments; a number of the account's own is no brandname.

    Raises Refused(NOT_REGISTERED) where every carrier that could take it would need what is not registered.
    """
    facts = account.facts(send.application, brandname, template)
    own = signature_in(text)
    if own:
        facts = {**facts, SIGNATURE: own}
    elif SIGNATURE in facts and send.phone.startswith(brandname.sign_to if brandname else doc.SIGNED):
        text = signed(text, facts[SIGNATURE], behind=brandname.signs_behind if brandname else False)
        count = segments(place_code(text, "0" * code_length)).count
    papers = papers_of(context.directory, brandname, facts, send.now)
    if papers is not None:
        plan = plan_route(context.directory, Channel.SMS, send.phone, send.id, papers=papers)
        lacking = [f"{one.carrier}: {one.why}" for one in plan.skipped if one.unregistered]
        if lacking and not plan.choices:
            raise Refused(Refusal.NOT_REGISTERED, "; ".join(lacking))
    return TextToSend(text, count, facts, name_of(template) if template else "")
