"""Which article a written name means: by sound (pinyin) where it is Chinese, by letters else, with a score. Pure.

Homophones are equal (玉溪, 遇袭); what southern speakers and telephones merge (zh/z, n/l, -ng/-n) costs little; short
forms match (软中 for 软中华). Two articles as near as each other are both returned, for the caller to choose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pypinyin import Style, lazy_pinyin
from rapidfuzz import fuzz, process

from orders.values import Language, Names

_LEAST = 65.0
"""Of 100; below it a name is not this article's."""
_TIE = 4.0
"""Matches this near to the best are as good as it."""
_MERGED = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ng", "n"))
_FILLERS = re.compile(r"^(我要|来|订|要|那个|就|再来|给我)+|(香烟|牌|吧|的)+$")
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class NamedArticle:
    """What an article is called; `aliases` are short forms in use, in either language."""

    code: str
    names: Names
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ArticleMatch:
    """`score` of 100; 100 is the same sound."""

    code: str
    score: float


class ArticleNames:
    """The catalogue by sound. Built when the catalogue changes, then only read."""

    def __init__(self, articles: Iterable[NamedArticle]) -> None:
        self._keys: dict[Language, list[str]] = {"zh": [], "en": []}
        self._codes: dict[Language, list[str]] = {"zh": [], "en": []}
        for article in articles:
            self._add("zh", article.code, article.names.zh)
            self._add("en", article.code, article.names.en)
            for alias in article.aliases:
                self._add("en" if alias.isascii() else "zh", article.code, alias)

    def _add(self, language: Language, code: str, name: str) -> None:
        if key := _key(name, language):
            self._keys[language].append(key)
            self._codes[language].append(code)

    def find(self, text: str, language: Language, most: int = 5) -> tuple[ArticleMatch, ...]:
        """Best first, each article once; empty when nothing is near."""
        said = _key(_FILLERS.sub("", text.strip()) if language == "zh" else text, language)
        if not said or len(text) > _LONGEST:
            return ()
        scorer = _likeness_zh if language == "zh" else fuzz.token_sort_ratio
        best: dict[str, float] = {}
        for _, score, place in process.extract(
            said, self._keys[language], scorer=scorer, score_cutoff=_LEAST, limit=most * 4
        ):
            code = self._codes[language][place]
            best[code] = max(best.get(code, 0.0), score)
        ranked = sorted(best.items(), key=lambda item: (-item[1], item[0]))
        return tuple(ArticleMatch(code, score) for code, score in ranked[:most])


def as_good_as_the_best(matches: tuple[ArticleMatch, ...]) -> tuple[ArticleMatch, ...]:
    """One match is an answer; two or more are a question back."""
    return tuple(match for match in matches if match.score >= matches[0].score - _TIE)


def _key(name: str, language: Language) -> str:
    """Syllables without tones, one space between; English in lower case without marks."""
    if language == "en":
        return " ".join(re.findall(r"[a-z0-9]+", name.lower()))
    syllables = lazy_pinyin(re.sub(r"[\s，。（）()]", "", name), style=Style.NORMAL)
    return " ".join(_merged(syllable) for syllable in syllables)


def _merged(syllable: str) -> str:
    for full, plain in _MERGED:
        syllable = syllable.replace(full, plain)
    return "l" + syllable[1:] if syllable.startswith("n") and len(syllable) > 1 else syllable


def _likeness_zh(said: str, name: str, *, score_cutoff: float | None = None, **_: object) -> float:
    """Of 100: the whole name alike, or what was said is a beginning or a part of the name (a little less)."""
    whole = fuzz.ratio(said, name)
    inside = fuzz.partial_ratio(said, name) - 8 if " " in said and len(said) < len(name) else 0.0
    score = max(whole, inside)
    return score if score_cutoff is None or score >= score_cutoff else 0.0
