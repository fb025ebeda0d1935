"""The dialogue stays pure: read from its imports, so that a clock or a database can't slip in unseen."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import ivr.dialogue

FOLDER = Path(ivr.dialogue.__file__).parent
VALUES = ("ivr.dialogue", "orders.values", "speech.prompt")
IMPURE = {"time", "random", "secrets", "logging", "os", "socket", "threading", "asyncio", "datetime", "sqlite3", "io"}


def imports_of(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def forbidden(source: str) -> set[str]:
    bad = set()
    for name in imports_of(source):
        top = name.split(".")[0]
        pure_library = top in sys.stdlib_module_names and top not in IMPURE
        if not pure_library and not name.startswith(VALUES):
            bad.add(name)
    return bad


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.name)
def test_a_module_imports_values_and_nothing_else(path: Path) -> None:
    assert forbidden(path.read_text("utf-8")) == set()


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "from datetime import datetime",
        "import sqlalchemy",
        "from orders.models import Order",
        "import ivr.runner",
    ],
)
def test_the_rule_finds_what_it_is_for(source: str) -> None:
    assert forbidden(source)
