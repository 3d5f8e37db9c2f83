"""Brandnames and the texts that they may send: what is registered, and what would become of a text."""

from collections.abc import Sequence
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from onema.administration import customer_requests as theirs
from onema.administration import requests as ask
from onema.console.operate.forms import Unfit
from onema.console.operate.frame import Section, Visit
from onema.console.operate.viewer import NotForThem
from onema.domain.configuration import documents as doc
from onema.domain.configuration.documents import Account
from onema.domain.refusals import Refusal, Refused

_STATUSES = ("pending", "filed", "approved", "refused", "none")
_COUNTED = {"gsm7": "GSM 7-bit", "ucs2": "UCS-2"}


async def senders(visit: Visit) -> Response:
    accounts = await visit.accounts()
    account = visit.chosen(accounts)
    brandnames, templates = await _registered(visit, account)
    tried, problem = await _tried(visit, account, brandnames)
    return visit.render(
        "senders.html",
        accounts=accounts,
        account=account,
        brandnames=brandnames,
        templates=templates,
        tried=tried,
        problem=problem,
        counted=_COUNTED,
        named=[(one.name, one.name) for one in brandnames],
        carriers=[] if visit.viewer.account else [(one, one) for one in await _carriers(visit)],
        statuses=[(one, one) for one in _STATUSES],
        command=f"onema template test {account.name} {visit.told('brandname')} TEXT"
        if tried and account
        else f"onema brandname list {account.name if account else ''}",
    )


async def _carriers(visit: Visit) -> list[str]:
    found = await visit.ask(ask.ReadDocuments(kind="carrier"))
    return [one.identity for one in found.documents]


async def _registered(
    visit: Visit, account: Account | None
) -> tuple[list[doc.Brandname], dict[str, list[doc.Template]]]:
    """The account's brandnames, and their templates by brandname."""
    if account is None:
        return [], {}
    found = await visit.ask(ask.ReadDocuments(account=account.name))
    templates: dict[str, list[doc.Template]] = {}
    for one in found.documents:
        if isinstance(one, doc.Template):
            templates.setdefault(one.brandname, []).append(one)
    return [one for one in found.documents if isinstance(one, doc.Brandname)], templates


async def _tried(
    visit: Visit, account: Account | None, brandnames: Sequence[doc.Brandname]
) -> tuple[theirs.TriedText | None, str]:
    """What would become of the text that the address names, and why that cannot be said."""
    # Not `told`, which is for names: a text is longer, and its spaces count.
    text = visit.request.query_params.get("text", "")
    if account is None or not brandnames or not text.strip():
        return None, ""
    order = theirs.TryText(
        account=account.name,
        brandname=visit.told("brandname") or brandnames[0].name,
        text=text,
        to=visit.told("to"),
    )
    try:
        return await visit.ask(order), ""
    except Refused as refused:
        why = {
            Refusal.PHONE_INVALID: visit.words.say(
                "This is not a phone number. Write it as +84901888484, or as it is dialled at home."
            ),
            Refusal.PRICE_MISSING: visit.words.say("There is no price for this number."),
            Refusal.TEXT_NOT_SENDABLE: visit.words.say("The text is too long or cannot be sent."),
        }
        if refused.refusal is Refusal.STORE_UNAVAILABLE:
            raise
        return None, why.get(refused.refusal, refused.detail)


async def ask_for_brandname(visit: Visit) -> str:
    """Made by an operator it may be sent from; asked for by a customer it waits for one."""
    account = await _account(visit)
    form = visit.form
    wanted = form.document(
        visit.words,
        doc.Brandname,
        account=account.name,
        name=form.text("name"),
        expires_at=form.text("expires_at"),
        **_asked(visit),
    )
    await _put_new(visit, wanted, "name")
    return _back(account)


async def ask_for_template(visit: Visit) -> str:
    account = await _account(visit)
    form = visit.form
    wanted = form.document(
        visit.words,
        doc.Template,
        account=account.name,
        brandname=form.text("brandname"),
        text=form.text("text"),
        name=form.text("name"),
        fold=form.is_on("fold"),
        spoken=form.is_on("spoken"),
        **_asked(visit),
    )
    await _put_new(visit, wanted, "text")
    return _back(account)


async def approve(visit: Visit) -> str:
    return await _change(visit, approval="approved", state="active", refused_because="")


async def refuse(visit: Visit) -> str:
    why = visit.form.text("because")
    if not why:
        visit.form.errors["because"] = visit.words.say("Say why, for whoever asked.")
        raise Unfit
    return await _change(visit, approval="refused", state="inactive", refused_because=why)


async def switch_on(visit: Visit) -> str:
    return await _change(visit, state="active")


async def switch_off(visit: Visit) -> str:
    return await _change(visit, state="inactive")


async def remove(visit: Visit) -> str:
    account = await _account(visit)
    document, revision = await _meant(visit, account)
    await visit.put(remove=((document.kind, document.identity),), revision=revision)
    return _back(account)


async def register(visit: Visit) -> str:
    """Say how far the brandname is in a country's registry, at one carrier or at all."""
    account = await _account(visit)
    form = visit.form
    document, revision = await visit.document(doc.Brandname, f"{account.name}/{form.text('brandname')}")
    where = (form.text("country").upper(), form.text("carrier"))
    told = {
        "country": where[0],
        "carrier": where[1],
        "status": form.text("status"),
        "expires_at": form.text("expires_at"),
    }
    kept = [msgspec.to_builtins(one) for one in document.registrations if (one.country, one.carrier) != where]
    registrations = kept if form.text("status") == "none" else [*kept, told]
    changed = form.document(
        visit.words, doc.Brandname, **{**msgspec.structs.asdict(document), "registrations": registrations}
    )
    await visit.put(changed, revision=revision)
    return _back(account)


async def _account(visit: Visit) -> Account:
    """Whose page the form stands on. Raises NotForThem."""
    account = visit.chosen(await visit.accounts())
    if account is None:
        raise NotForThem
    return account


def _asked(visit: Visit) -> dict[str, str]:
    """What a new brandname or template of this viewer is."""
    if visit.viewer.account:
        return {"approval": "requested", "state": "inactive"}
    return {"approval": "approved", "state": "active"}


async def _put_new(visit: Visit, document: doc.Brandname | doc.Template, field: str) -> None:
    """Raises Unfit where it is there already."""
    found = await visit.ask(ask.ReadDocuments(kind=document.kind, identity=document.identity))
    if found.documents:
        visit.form.errors[field] = visit.words.say("This is there already.")
        raise Unfit
    await visit.put(document, revision=found.revision)


async def _meant(visit: Visit, account: Account) -> tuple[doc.Brandname | doc.Template, int]:
    """The brandname that the form names, or the template where it has a text too. Raises NotForThem."""
    # Not `text`, which would take spaces off: a template's own text names it.
    text, name = visit.form.values.get("text", ""), visit.form.text("brandname")
    if text:
        return await visit.document(doc.Template, f"{account.name}/{name}/{text}")
    return await visit.document(doc.Brandname, f"{account.name}/{name}")


async def _change(visit: Visit, **fields: str) -> str:
    account = await _account(visit)
    document, revision = await _meant(visit, account)
    await visit.put(msgspec.structs.replace(document, **fields), revision=revision)
    return _back(account)


def _back(account: Account) -> str:
    return f"/console/senders?account={quote(account.name)}&done=1"


SECTION = Section(
    "senders",
    "Brandnames",
    {"": senders},
    actions={
        "": {
            "brandname": ask_for_brandname,
            "template": ask_for_template,
            "approve": approve,
            "refuse": refuse,
            "on": switch_on,
            "off": switch_off,
            "remove": remove,
            "register": register,
        }
    },
)
