"""What the guard counts is exact over nodes, without anything being shared out among them."""

import secrets

from onema.domain.configuration import documents as doc
from onema.domain.configuration.configure import Configure
from onema.domain.guard import country
from onema.domain.guard.rows import GuardSubject

from .conftest import StartNode
from .node import ACCOUNT, PRICE, Node, accepted

BUDGET = 7


async def guarded(start_node: StartNode, **guard: object) -> list[Node]:
    """Two nodes under a guard that enforces."""
    nodes = [await start_node(), await start_node()]
    await nodes[0].configure()
    await nodes[0].top_up(1_000 * PRICE)
    document = doc.Guard(name="*", mode="block", rules={"number_range": "off"}, **guard)  # type: ignore[arg-type]  # each test gives fields that fit
    await nodes[0].committer.execute(Configure(entropy=secrets.token_bytes(32), documents=(document,)))
    await nodes[1].committer.refresh_directory()
    return nodes


async def test_a_country_s_budget_is_exact_over_two_nodes(start_node: StartNode) -> None:
    """200 parallel codes to as many strangers: exactly so many go out as the country's budget holds."""
    nodes = await guarded(start_node, country_hour=BUDGET, country_day=BUDGET)
    sent = await accepted(nodes[number % 2].send(f"+8490{number:07}") for number in range(200))
    assert len(sent) == BUDGET
    key = (GuardSubject, ACCOUNT, "codes VN")
    row = (await nodes[1].storage.read([key]))[key]
    assert isinstance(row, GuardSubject)
    state = country.packed.of(row)
    assert (BUDGET - 1) * country.HOUR_MS < state.hour_level <= BUDGET * country.HOUR_MS


async def test_a_limit_of_the_operator_s_own_is_exact_over_two_nodes(start_node: StartNode) -> None:
    """The same of a bucket for the whole account."""
    limits = (doc.GuardLimit(per="account", seconds=86_400, limit=11),)
    nodes = await guarded(start_node, country_hour=10**6, country_day=10**6, limits=limits)
    sent = await accepted(nodes[number % 2].send(f"+8490{number:07}") for number in range(200))
    assert len(sent) == 11


async def test_a_code_that_one_node_verified_is_no_stranger_s_on_the_other(start_node: StartNode) -> None:
    """It takes its drop out of the budget, and its number is known everywhere."""
    nodes = await guarded(start_node, country_hour=1, country_day=1)
    phone = "+84901888484"
    (first,) = await accepted([nodes[0].send(phone)])
    await nodes[0].check(phone, await nodes[0].sent_code(first.message))
    # What follows from the check is decided before whatever comes after it on its node.
    await nodes[0].top_up(1, "next")
    assert len(await accepted([nodes[1].send(phone)])) == 1
    assert len(await accepted([nodes[1].send("+84912345678")])) == 1
    assert await accepted([nodes[1].send("+84913456789")]) == []
