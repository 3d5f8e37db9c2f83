"""Which text an account may send under a brandname; those that fit no template are counted, and a few are kept.

Looking for a template costs more than anything else that is refused, so a text is looked at once, and none of an
account that sent too many which fit nothing.
"""

from collections.abc import Iterable

from onema.domain.codes import limits, refused_text
from onema.domain.codes.accept_message import Accepted, Send, message_row
from onema.domain.configuration.brandname_view import AllowedText, BrandnameView
from onema.domain.configuration.directory import AccountView
from onema.domain.decision import Context, Decision, World
from onema.domain.records import Channel, Key, Window
from onema.domain.refusals import Refusal, Refused

REFUSED_TEXTS = "refused text"
REFUSED_TEXTS_LIMITS = ((60, 300),)
"""After how many texts that fit no template in so many seconds an account's texts are not looked at any more, those
aside which it sent before.
"""

KEPT_TEXTS = "kept text"
KEPT_TEXTS_LIMITS = ((3_600, 100),)
"""How many of them an account has written down: enough to see what is wrong, and nobody who sends for nothing can
fill the store.
"""


def text_keys(account: AccountView, brandname: str, text: str, code_length: int) -> Iterable[Key]:
    view = account.brandnames.get(brandname)
    if view is not None and view.remembered(text, code_length) is not None:
        return ()
    return [(Window, account.id, scope, "") for scope in (REFUSED_TEXTS, KEPT_TEXTS)]


def usable_brandname(account: AccountView, name: str, now: int) -> BrandnameView:
    """Raises Refused(BRANDNAME_UNKNOWN) also for one that is switched off or has expired."""
    brandname = account.brandnames.get(name)
    if brandname is None or not brandname.is_usable(now):
        raise Refused(Refusal.BRANDNAME_UNKNOWN)
    return brandname


def allowed_text(
    send: Send, world: World, brandname: BrandnameView, text: str, code_length: int
) -> AllowedText | None:
    """The text as a template allows it; None for one that fits none. Raises Refused(RATE_LIMITED)."""
    known = brandname.remembered(text, code_length)
    if known is not None:
        return known
    for seconds, limit in REFUSED_TEXTS_LIMITS:
        refused = world.get(Window, send.account, REFUSED_TEXTS, "")
        if limits.used_now(refused, seconds, send.now) >= limit:
            raise Refused(Refusal.RATE_LIMITED, f"{REFUSED_TEXTS}: {limit} per {seconds} s")
    return brandname.allowed(text, code_length)


def refuse_text(
    send: Send, world: World, context: Context, brandname: str, text: str, code_length: int
) -> Decision:
    """Count it, in the first of the puts, and write down the refused message with its text while there are few."""
    mismatch = Refusal.TEMPLATE_MISMATCH
    refused = Accepted(send.id, mismatch)
    counted = limits.count(_window(send, world, REFUSED_TEXTS), REFUSED_TEXTS_LIMITS, send.now)
    try:
        kept = limits.count(_window(send, world, KEPT_TEXTS), KEPT_TEXTS_LIMITS, send.now)
    except Refused:
        return Decision(refused, puts=(counted,))
    message = message_row(send, Channel.SMS, brandname, refusal=mismatch)
    note = refused_text.note(send.account, send.id, text, code_length, context.keyring, send.nonce)
    return Decision(refused, puts=(counted, kept), inserts=(message, note))


def _window(send: Send, world: World, scope: str) -> Window:
    return world.get(Window, send.account, scope, "") or Window(send.account, scope, "", "", 0)
