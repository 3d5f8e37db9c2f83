"""What the scripts of all simulators have in common: TOML tables, whose rules change what stands at the top."""

from collections.abc import Iterable, Mapping
from typing import Any

from onema.domain.configuration.problems import Problem


class ScriptRefused(ValueError):
    """A script that cannot be used; its text says all that is wrong."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(map(str, self.problems)))


def with_inherited(rules: Any, inherited: Mapping[str, Any]) -> Any:
    """Rules whose `then`, which says what differs only, has the rest too."""
    if not isinstance(rules, list | tuple):
        return rules
    return [_with_inherited(rule, inherited) for rule in rules]


def _with_inherited(rule: Any, inherited: Mapping[str, Any]) -> Any:
    if not isinstance(rule, Mapping) or not isinstance(rule.get("then", {}), Mapping):
        return rule
    return {**rule, "then": {**inherited, **rule.get("then", {})}}
