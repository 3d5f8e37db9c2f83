"""Keys of an account, or of one of its applications: made, moved from one to the next, and shown how to use."""

import re
from collections.abc import Sequence
from typing import Any, get_args
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from onema.administration import requests as ask
from onema.console.operate.forms import Unfit
from onema.console.operate.frame import Action, Page, Visit
from onema.console.operate.viewer import NotForThem
from onema.domain.configuration import documents as doc
from onema.domain.configuration.key_lengths import SECRET_BYTES
from onema.domain.configuration.rules import LIVE_CREDENTIALS
from onema.http.client_address import FORWARDED_HOST

_SEED_BYTES = 16
_SEED = re.compile(f"[0-9a-f]{{{2 * _SEED_BYTES}}}")
SCOPES: tuple[doc.Scope, ...] = get_args(doc.Scope)
_WITHOUT_ANY: tuple[doc.Scope, ...] = ("verify", "read")
"""What a key without scopes may do."""
HIDDEN = "YOUR_SECRET"
"""Stands for a secret that is not shown any more."""


def shown(
    visit: Visit, account: str, application: str, documents: Sequence[doc.AnyDocument]
) -> dict[str, Any]:
    """What the part about keys of a page needs; `application` is empty for those of the account itself."""
    found = [one for one in documents if isinstance(one, doc.Credential) and one.application == application]
    made = visit.outcome if isinstance(visit.outcome, doc.Credential) else None
    samples = visit.samples
    # A key that may ask more than codes is no key to paste into a program.
    ours = made or next((one for one in found if one.state == "active" and _is_ours(visit, one)), None)
    shows = samples is not None and ours is not None and _is_ours(visit, ours)
    return {
        "keys": found,
        "made": made,
        "seed": visit.token(_SEED_BYTES).hex(),
        "apis": [(one, one) for one in samples.apis] if samples else [],
        "scopes": SCOPES,
        "scopes_of": {one.key: one.scopes or _WITHOUT_ANY for one in found if _is_ours(visit, one)},
        "live": LIVE_CREDENTIALS,
        "example_key": ours.key if ours else "",
        "examples": samples.examples(_url(visit), ours.key, made.secret if made else HIDDEN)
        if samples is not None and ours is not None and shows
        else (),
        "languages": samples.languages if samples else {},
        "key_account": account,
        "key_application": application,
    }


def make(page: Page) -> Action:
    """Makes a key for what the page is about, and shows the page with its secret, this once."""

    async def make_key(visit: Visit) -> Response:
        account, application = await _whose(visit)
        form = visit.form
        # The page chose what the key is made of, so that a form that is sent twice makes one key.
        seed, dialect = form.text("seed"), form.text("dialect")
        if not _SEED.fullmatch(seed) or visit.samples is None or dialect not in visit.samples.apis:
            raise NotForThem
        made = form.document(
            visit.words,
            doc.Credential,
            account=account,
            application=application,
            dialect=dialect,
            key=visit.samples.key(dialect, seed),
            secret=visit.token(SECRET_BYTES).hex().upper(),
            # Other APIs know no scopes.
            scopes=form.several("scopes") if dialect == visit.samples.apis[0] else (),
        )
        found = await visit.ask(ask.ReadDocuments(kind=made.kind, identity=made.identity))
        if found.documents:
            form.fault = visit.words.say("This key was made already; its secret is not shown again.")
            raise Unfit
        await visit.put(made, revision=found.revision)
        visit.outcome = made
        return await page(visit)

    return make_key


async def switch_off(visit: Visit) -> str:
    return await _change(visit, "inactive")


async def switch_on(visit: Visit) -> str:
    return await _change(visit, "active")


async def set_scopes(visit: Visit) -> str:
    """What our own API lets the key do; with no box ticked it is what one without scopes may."""
    one, revision = await _meant(visit)
    if not _is_ours(visit, one):
        raise NotForThem
    fields = {name: msgspec.to_builtins(getattr(one, name)) for name in one.__struct_fields__}
    wanted = visit.form.document(
        visit.words, doc.Credential, **{**fields, "scopes": visit.form.several("scopes")}
    )
    await visit.put(wanted, revision=revision)
    return await _back(visit)


async def forget(visit: Visit) -> str:
    one, revision = await _meant(visit)
    await visit.put(remove=((one.kind, one.identity),), revision=revision)
    return await _back(visit)


async def postman(visit: Visit) -> Response:
    """Every request of our own API as a collection, with a key in it and a place for its secret."""
    if visit.samples is None:
        raise NotForThem
    account = visit.chosen(await visit.accounts())
    key = visit.told("key")
    one, _ = await visit.document(doc.Credential, f"{visit.samples.apis[0]}/{key}")
    if account is None or one.account != account.name:
        raise NotForThem
    headers = {"content-disposition": 'attachment; filename="onema.postman_collection.json"'}
    content = visit.samples.postman(_url(visit), one.key, HIDDEN)
    return Response(content, media_type="application/json", headers=headers)


async def _whose(visit: Visit) -> tuple[str, str]:
    """The account and the application that the address is about; "" for the account itself. Raises NotForThem."""
    parameters = visit.request.path_params
    if "name" in parameters:
        one, _ = await visit.document(doc.Application, f"{parameters['account']}/{parameters['name']}")
        return one.account, one.name
    account = visit.chosen(await visit.accounts())
    if account is None:
        raise NotForThem
    return account.name, ""


async def _meant(visit: Visit) -> tuple[doc.Credential, int]:
    """The key that the form names, if it is one of the page's. Raises NotForThem."""
    form = visit.form
    found = await visit.document(doc.Credential, f"{form.text('dialect')}/{form.text('key')}")
    if (found[0].account, found[0].application) != await _whose(visit):
        raise NotForThem
    return found


async def _change(visit: Visit, state: doc.State) -> str:
    one, revision = await _meant(visit)
    await visit.put(msgspec.structs.replace(one, state=state), revision=revision)
    return await _back(visit)


async def _back(visit: Visit) -> str:
    account, application = await _whose(visit)
    if application:
        return f"/console/applications/{quote(account)}/{quote(application)}?done=1"
    return f"/console/applications?account={quote(account)}&done=1"


def _is_ours(visit: Visit, one: doc.Credential) -> bool:
    return visit.samples is not None and one.dialect == visit.samples.apis[0]


def _url(visit: Visit) -> str:
    """Where the API is, as the browser reached the console."""
    request = visit.request
    host = request.scope.get(FORWARDED_HOST) or request.headers.get("host", "")
    return f"{request.url.scheme}://{host}"
