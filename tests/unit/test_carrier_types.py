"""The registry of carrier types makes carriers, or says why not."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import pytest

from onema.channels.contract import Carrier
from onema.channels.voice_sip import configuration as sip
from onema.delivery.carriers import CarrierRefused
from onema.domain.configuration import documents as doc
from onema.domain.configuration.carrier_settings import CarrierSettings
from onema.domain.configuration.needs import Need
from onema.domain.configuration.problems import Problem
from onema.domain.configuration.rules import After
from onema.wiring.carriers import CARRIER_TYPES, CarrierType, Surroundings, carrier_factory, needs_of
from onema.wiring.installation import advice

NOTHING_AROUND = cast(Surroundings, None)


def fails(document: doc.Carrier, around: Surroundings) -> Carrier:
    raise OSError("the socket of s3cret is not there")


def fails_looking(document: doc.Carrier) -> Iterator[Problem]:
    raise LookupError("no s3cret")


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (CarrierType(fails, CarrierSettings), "OSError"),
        (CarrierType(fails, CarrierSettings, check=fails_looking), "LookupError"),
    ],
)
def test_a_type_that_raises_keeps_no_other_carrier_from_running(
    monkeypatch: pytest.MonkeyPatch, broken: CarrierType, fault: str
) -> None:
    """Operators are told where it failed, without words that may quote a secret."""
    monkeypatch.setitem(CARRIER_TYPES, "broken", broken)
    with pytest.raises(CarrierRefused, match=rf"Carrier 'gate': {fault} at .*\.py:") as refused:
        carrier_factory(NOTHING_AROUND)(doc.Carrier(name="gate", type="broken"))
    assert "s3cret" not in str(refused.value)


def needs_that_fail(document: doc.Carrier) -> Iterable[Need]:
    raise RuntimeError("a type's own fault")


@pytest.mark.parametrize(
    ("needs", "settings", "found"),
    [
        (lambda carrier: (Need("dlt_id", "+91"),), {}, (Need("dlt_id", "+91"),)),
        (lambda carrier: (Need("dlt_id", "+91"),), {"unknown": 1}, ()),
        (needs_that_fail, {}, ()),
    ],
)
def test_a_type_says_what_its_carriers_need(
    monkeypatch: pytest.MonkeyPatch,
    needs: Callable[[doc.Carrier], Iterable[Need]],
    settings: dict[str, Any],
    found: tuple[Need, ...],
) -> None:
    """Of settings that fit; one that fails keeps nobody from reading the configuration."""
    monkeypatch.setitem(CARRIER_TYPES, "needy", CarrierType(fails, CarrierSettings, needs=needs))
    assert tuple(needs_of(doc.Carrier(name="x", type="needy", settings=settings))) == found
    monkeypatch.delitem(CARRIER_TYPES, "needy")
    assert needs_of(doc.Carrier(name="x", type="needy")) == ()


def test_a_trunk_without_a_callers_number_is_told_of_before_calls_fail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of each application without a pool whose calls may take it, and of no other."""
    monkeypatch.setitem(CARRIER_TYPES, "trunk", CarrierType(fails, sip.Settings, advice=sip.advice_of))

    def told(*more: doc.Document, **settings: Any) -> list[str]:
        documents = [
            doc.Carrier(name="a", type="trunk", settings={"domain": "example.com", **settings}),
            doc.Account(name="acme"),
            doc.HotlinePool(name="numbers"),
            *more,
        ]
        found = advice(After({(one.kind, one.identity): one for one in documents}, {}), (), 0)
        return [problem.place for _, problem in found if "caller's number" in problem.sentence]

    application = doc.Application(account="acme", name="app")
    with_pool = doc.Application(account="acme", name="other", pool="numbers")
    route = doc.Route(channel="call", carrier="a")
    assert told(application, with_pool, route) == ["accounts[acme].applications[app].pool"]
    assert told(application) == []
    assert told(application, doc.Route(channel="sms", carrier="a")) == []
    assert told(application, route, caller="+842473000000") == []
    assert told(application, route, caller_required=False) == []
    assert told(application, route, unknown=1) == []
