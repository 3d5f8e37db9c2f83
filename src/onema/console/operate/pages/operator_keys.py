"""Keys of operators' programs, a part of the page about people: made and shown this once, changed, forgotten."""

from typing import Any, get_args

import msgspec
from starlette.responses import Response

from onema.administration.requests import ReadDocuments
from onema.console.operate.forms import Unfit
from onema.console.operate.frame import Action, Page, Visit
from onema.domain.configuration.documents import OperatorKey, OperatorScope
from onema.domain.configuration.key_lengths import OPERATOR_SECRET_BYTES, operator_secret_hash

ROLES = ("owner", "operator", "viewer")
SCOPES: tuple[OperatorScope, ...] = get_args(OperatorScope)


async def shown(visit: Visit) -> dict[str, Any]:
    """What the part needs; nothing of it is a customer's business."""
    if visit.viewer.account:
        return {"operator_keys": None}
    found = await visit.ask(ReadDocuments(kind="operator_key"))
    return {
        "operator_keys": [one for one in found.documents if isinstance(one, OperatorKey)],
        "makes_keys": visit.viewer.role == "owner",
        "key_roles": [(one, one) for one in ROLES],
        "key_scopes": SCOPES,
        "made": visit.outcome,
    }


def make(page: Page) -> Action:
    """Makes a key, and shows the page with its secret, this once."""

    async def make_key(visit: Visit) -> Response:
        form = visit.form
        secret = visit.token(OPERATOR_SECRET_BYTES).hex()
        made = form.document(
            visit.words,
            OperatorKey,
            name=form.text("name"),
            secret_hash=operator_secret_hash(secret.encode()),
            role=form.text("role"),
            scopes=form.several("scopes"),
        )
        found = await visit.ask(ReadDocuments(kind=made.kind, identity=made.identity))
        if found.documents:
            form.errors["name"] = visit.words.say("There is a key of this name already.")
            raise Unfit
        await visit.put(made, revision=found.revision)
        visit.outcome = (made.name, secret)
        visit.form = type(form)()
        return await page(visit)

    return make_key


async def switch(visit: Visit) -> str:
    """Off, or on again."""
    one, revision = await visit.document(OperatorKey, visit.form.text("key"))
    state = "inactive" if one.state == "active" else "active"
    await visit.put(msgspec.structs.replace(one, state=state), revision=revision)
    return "/console/people?done=1"


async def forget(visit: Visit) -> str:
    one, revision = await visit.document(OperatorKey, visit.form.text("key"))
    await visit.put(remove=((one.kind, one.identity),), revision=revision)
    return "/console/people?done=1"


ACTIONS = {"key-switch": switch, "key-forget": forget}
