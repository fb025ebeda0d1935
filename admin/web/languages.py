"""In which language a page is shown, and its texts: `?lang=` decides, else what was chosen before, else the browser.

The texts are data (`texts/*.json`, read once); that both files hold the same names is checked when they are read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import get_args

from flask import Request, session

from orders.values import Language

LANGUAGES: tuple[Language, ...] = get_args(Language)
SUBJECTS = ("", "console.")
"""Files of texts: `zh.json`, `console.zh.json` and the same in English."""


@dataclass(frozen=True, slots=True)
class PageTexts:
    """A page's language and texts; `t("phone.dial")` in templates. `tag` is what stands in <html lang>."""

    language: Language
    texts: Mapping[str, str]

    @property
    def tag(self) -> str:
        return "zh-CN" if self.language == "zh" else "en"

    @property
    def other(self) -> Language:
        return "en" if self.language == "zh" else "zh"

    def t(self, name: str, /, **values: object) -> str:
        return self.texts[name].format(**values) if values else self.texts[name]

    def part(self, prefix: str) -> dict[str, str]:
        """The texts under "prefix.", without it: what a page's script needs."""
        start = prefix + "."
        return {name.removeprefix(start): text for name, text in self.texts.items() if name.startswith(start)}


@cache
def load_texts() -> dict[Language, dict[str, str]]:
    """Both text files. Raises ValueError when one lacks what the other has."""
    folder = resources.files("admin.web") / "texts"
    texts: dict[Language, dict[str, str]] = {language: {} for language in LANGUAGES}
    for subject in SUBJECTS:
        for language in LANGUAGES:
            texts[language] |= json.loads((folder / f"{subject}{language}.json").read_text("utf-8"))
    if different := set(texts["zh"]) ^ set(texts["en"]):
        raise ValueError(f"admin/web/texts: only one language has {', '.join(sorted(different))}")
    return texts


def page_texts(request: Request) -> PageTexts:
    """The texts for this request's page."""
    wanted = request.args.get("lang", "")
    if wanted not in LANGUAGES:
        wanted = session.get("lang", "")
    if wanted not in LANGUAGES:
        best = request.accept_languages.best_match(["zh", "zh-CN", "zh-Hans", "en", "en-US", "en-GB"], default="zh")
        wanted = (best or "zh")[:2]
    language: Language = "en" if wanted == "en" else "zh"
    return PageTexts(language, load_texts()[language])
