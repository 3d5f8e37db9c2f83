"""What would become of a text: which template it fits, how it is sent, and what that costs. Nothing is sent."""

from onema.administration.customer_requests import TriedText, TryText
from onema.domain.codes.preview_sms import Customer, destination_of, preview_sms
from onema.domain.configuration.directory import Directory
from onema.domain.configuration.message_template import CODE_MARKER, MessageTemplate
from onema.domain.configuration.template_difference import nearest_difference
from onema.domain.refusals import Refusal, Refused
from onema.domain.values.written_form import text_form


def try_text(request: TryText, directory: Directory, now: int) -> TriedText:
    """Raises Refused: the account or brandname is not there, the phone or the text is none, there is no price."""
    account = directory.account_named.get(request.account)
    brandname = account.brandnames.get(request.brandname) if account else None
    if account is None or brandname is None:
        raise Refused(Refusal.CONFLICT, f"There is no brandname {request.account}/{request.brandname!r}.")
    to = destination_of(request.to, account) if request.to else ""
    length = request.code_length if CODE_MARKER in text_form(request.text) else 0
    # First, because it refuses what is too long to be compared.
    preview = preview_sms(
        request.text,
        code_length=request.code_length,
        sender=request.brandname,
        to=to,
        customer=Customer(directory, account, now),
    )
    allowed = brandname.allowed(request.text, length)
    if allowed is not None:
        sent = preview_sms(
            allowed.text,
            code_length=request.code_length,
            sender=request.brandname,
            to=to,
            customer=Customer(directory, account, now),
        )
        return TriedText(allowed.template.text, None, sent)
    parsed = [MessageTemplate.parse(one.text) for one in brandname.templates]
    return TriedText("", nearest_difference(request.text, parsed, length), preview)
