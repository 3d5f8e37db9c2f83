"""The client has all that openapi.yaml has, and brings nothing of the server with it."""

import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from onema.client import AsyncClient, Client
from onema.dialects.native.routes import description

LEFT_OUT: dict[str, str] = {}
"""Operations that need no method, with the reason."""


def operations() -> Iterator[dict[str, Any]]:
    for item in yaml.safe_load(description())["paths"].values():
        for method, operation in item.items():
            if method in ("get", "post", "put", "patch", "delete"):
                yield operation


OPERATIONS = {operation["operationId"]: operation for operation in operations()}


def method_of(operation: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation)


@pytest.mark.parametrize("operation", sorted(OPERATIONS.keys() - LEFT_OUT.keys()))
def test_every_operation_has_a_method(operation: str) -> None:
    """In both clients, with its summary and the same parameters; nothing that a caller may tell is left out."""
    blocking, awaiting = (getattr(client, method_of(operation)) for client in (Client, AsyncClient))
    assert inspect.iscoroutinefunction(awaiting)
    assert not inspect.iscoroutinefunction(blocking)
    assert str(inspect.signature(blocking)) == str(inspect.signature(awaiting))
    assert blocking.__doc__.startswith(OPERATIONS[operation]["summary"])
    taken = {name.rstrip("_") for name in inspect.signature(blocking).parameters}
    assert members_of(OPERATIONS[operation]) <= taken


def members_of(operation: dict[str, Any]) -> set[str]:
    """What a request of it may hold."""
    parameters = operation.get("parameters", ())
    names = {each.get("name") or each["$ref"].rpartition("/")[2] for each in parameters}
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" in schema:
        schema = yaml.safe_load(description())["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return {name.lower().replace("-", "_") for name in (*names, *schema.get("properties", ()))}


def test_every_method_is_an_operation() -> None:
    """None is there that the server has no more."""
    names = {method_of(operation) for operation in OPERATIONS}
    assert {name for name in vars(Client.__base__) if not name.startswith("_")} == names
    assert LEFT_OUT.keys() <= OPERATIONS.keys()


def test_importing_it_loads_nothing_of_the_server() -> None:
    """A program that asks for codes pays for no store, no engine, no web framework."""
    program = "import json, sys, onema.client; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(
        subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
    )
    ours = {name.split(".")[1] for name in loaded if name.startswith("onema.")}
    assert ours <= {"client", "http", "domain", "secret"}
    domain = {name for name in loaded if name.startswith("onema.domain.")}
    assert domain <= {
        "onema.domain.configuration",
        "onema.domain.configuration.callback_target",
        "onema.domain.configuration.documents",
    }
    server = {"apsw", "asyncpg", "argon2", "cryptography", "jinja2", "numpy", "phonenumbers", "starlette"}
    assert server & set(loaded) == set()
