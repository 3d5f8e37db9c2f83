"""What the scripts of all simulators have in common: TOML tables, whose rules change what stands at the top."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from onema.domain.configuration.carrier_settings import CarrierSettings
from onema.domain.configuration.document_fields import read_fields
from onema.domain.configuration.problems import Problem

S = TypeVar("S", bound=CarrierSettings)


class ScriptRefused(ValueError):
    """A script that cannot be used; its text says all that is wrong."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))


def read_script(
    kind: type[S],
    reaction: type[Any],
    table: Mapping[str, Any],
    problems_of: Callable[[S], Iterable[Problem]],
) -> S:
    """The script that a table says. What it has of a `reaction` at its top is what its rules change; `problems_of` says
    what the fields' types do not. Raises ScriptRefused.
    """
    inherited = {name: table[name] for name in reaction.__struct_fields__ if name in table}
    rules = _with_inherited_rules(table.get("rules", ()), inherited)
    script, problems = read_fields(kind, {**table, "rules": rules})
    if script is None:
        raise ScriptRefused(problems)
    if found := list(problems_of(script)):
        raise ScriptRefused(found)
    return script


def _with_inherited_rules(rules: Any, inherited: Mapping[str, Any]) -> Any:
    """Rules whose `then`, which says what differs only, has the rest too."""
    if not isinstance(rules, list | tuple):
        return rules
    return [_with_inherited(rule, inherited) for rule in rules]


def _with_inherited(rule: Any, inherited: Mapping[str, Any]) -> Any:
    if not isinstance(rule, Mapping) or not isinstance(rule.get("then", {}), Mapping):
        return rule
    return {**rule, "then": {**inherited, **rule.get("then", {})}}
