"""pyVoIP is never exposed; when it is missing or another one, the message says what to do."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from typing import Any

import pytest

from ivr.lines.pyvoip.library import LibraryMissing, load_phone
from ivr.lines.pyvoip.settings import PyVoipSettings

pytest.importorskip("pyVoIP", reason="the extra orderline[pyvoip] is not installed", exc_type=ImportError)

from tests.lines.pyvoip.bench import PyVoipBench

Benches = Callable[..., PyVoipBench]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"host": "0.0.0.0"}, "pyvoip.host"),
        ({"host": "8.8.8.8"}, "pyvoip.host.*private"),
        ({"server": ("203.0.113.9", 5060), "host": "8.8.4.4"}, "private"),
        ({"server": ("8.8.8.8", 5060)}, "pyvoip.server.*trusted PBX"),
        ({"server": ("pbx.example", 5060)}, "pyvoip.server"),
        ({"server": ("127.0.0.1", 0)}, "no port"),
        ({"username": ""}, "pyvoip.username"),
        ({"username": "6\r\n00"}, "pyvoip.username"),
        ({"laws": ()}, "pyvoip.laws"),
    ],
)
def test_it_is_never_exposed(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PyVoipSettings(**({"server": ("127.0.0.1", 5060), "username": "600", "password": "x"} | settings))


def without(monkeypatch: pytest.MonkeyPatch, *missing: str) -> None:
    real = builtins.__import__

    def importing(name: str, *rest: Any) -> Any:
        if name in missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest)

    for name in [*sys.modules]:
        if name.split(".")[0] in {"pyVoIP", *missing}:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", importing)
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)


def test_when_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "pyVoIP")
    with pytest.raises(LibraryMissing, match=r"pip install 'orderline\[pyvoip\]'"):
        load_phone()


def test_on_a_python_without_audioop(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "audioop")
    with pytest.raises(LibraryMissing, match="has no audioop"):
        load_phone()


def test_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    import pyVoIP  # noqa: PLC0415

    monkeypatch.setattr(pyVoIP, "__version__", "2.0.0a4")
    with pytest.raises(LibraryMissing, match=r"pyVoIP==1\.6\.8"):
        load_phone()
