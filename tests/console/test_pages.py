"""Every page in both languages shows without a fault, with every text it needs."""

from __future__ import annotations

import pytest

from tests.console.conftest import Console

PAGES = {
    "supervisor": (
        "/live",
        "/live/part",
        "/pictures",
        "/pictures?first=2026-10-01&last=2026-11-30",
        "/desk",
        "/desk/1",
        "/desk/5",
        "/account",
        "/account/second-factor",
        "/callbacks",
        "/callbacks?show=done",
        "/orders?dead",
    ),
    "information_centre": (
        "/retailers",
        "/retailers?q=bld",
        "/retailers/new",
        "/retailers/1",
        "/orders",
        "/orders?no=0001&status=accepted",
        "/goods",
        "/goods/101",
        "/goods/new",
        "/allocation",
        "/allocation?period=2026-12",
        "/days",
        "/imports",
    ),
    "administrator": ("/tokens", "/users", "/users/agent", "/audit", "/audit?about=user"),
}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("role", "path"), [(role, path) for role, paths in PAGES.items() for path in paths])
def test_it_shows(console: Console, role: str, path: str, language: str) -> None:
    answer = console.as_(role).get(f"{path}{'&' if '?' in path else '?'}lang={language}")
    assert answer.status_code == 200, answer.text[:500]
    if not path.endswith("/part"):
        assert f'<html lang="{"zh-CN" if language == "zh" else "en"}">' in answer.text
    assert "form-action 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] in ("no-store", "private, no-cache")
