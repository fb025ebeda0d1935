"""What prompts say: texts with slots, one file a language, and their two forms, spoken (words) and written (digits).

The files are data (`speech/texts/*.toml`): a trainer edits them. They are checked whole when loaded: same names, same
slots, same kinds in every language.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import get_args

from orders.values import Language
from speech import numerals
from speech.prompt import Argument, Prompt

LANGUAGES: tuple[Language, ...] = get_args(Language)
KINDS = ("count", "number", "digits", "money", "day", "time", "text")
_Fill = Callable[[str, Argument, Language], str]
"""(kind, value, language) -> text."""
_SLOT = re.compile(r"\{(\w+):(\w+)\}")


class WordingError(ValueError):
    """A wording file that can't be used: which file, which prompt, what to write instead."""


@dataclass(frozen=True, slots=True)
class Wording:
    """All texts. `one` is how a 1 is said in a row of Chinese digits (幺 or 一)."""

    texts: Mapping[Language, Mapping[str, str]]
    one: str = "幺"

    @property
    def names(self) -> tuple[str, ...]:
        """Every prompt's name, in the order of the file."""
        return tuple(self.texts["zh"])

    def slots(self, name: str) -> dict[str, str]:
        """A prompt's slots and their kinds. Raises WordingError for an unknown name."""
        return dict(_SLOT.findall(self._text(name, "zh")))

    def spoken(self, prompt: Prompt, language: Language) -> str:
        """What a voice is to say: everything in words. Raises WordingError."""
        return self._filled(prompt, language, self._speak)

    def written(self, prompt: Prompt, language: Language) -> str:
        """What a screen or a transcript shows: numbers as digits. Raises WordingError."""
        return self._filled(prompt, language, _write)

    def _text(self, name: str, language: Language) -> str:
        try:
            return self.texts[language][name]
        except KeyError:
            raise WordingError(f"there is no prompt {name!r} in {language}.toml") from None

    def _filled(self, prompt: Prompt, language: Language, fill: _Fill) -> str:
        spoken_in: Language = prompt.language or language
        arguments = dict(prompt.arguments)

        def slot(found: re.Match[str]) -> str:
            name, kind = found.groups()
            if name not in arguments:
                raise WordingError(f"prompt {prompt.name!r} needs a value for {name!r}")
            try:
                return fill(kind, arguments[name], spoken_in)
            except (ValueError, IndexError) as error:
                raise WordingError(f"prompt {prompt.name!r}: {arguments[name]!r} is no {kind}") from error

        return _SLOT.sub(slot, self._text(prompt.name, spoken_in))

    def _speak(self, kind: str, value: Argument, language: Language) -> str:
        if language == "zh":
            return _speak_zh(kind, value, self.one)
        return _speak_en(kind, value)


def _speak_zh(kind: str, value: Argument, one: str) -> str:
    match kind:
        case "count":
            return numerals.count_zh(int(value))
        case "number":
            return numerals.number_zh(int(value))
        case "digits":
            return numerals.digits_zh(str(value), one=one)
        case "money":
            return numerals.money_zh(int(value))
        case "day":
            return numerals.day_zh(date.fromisoformat(str(value)))
        case "time":
            return numerals.time_zh(str(value))
    return str(value)


def _speak_en(kind: str, value: Argument) -> str:
    match kind:
        case "count" | "number":
            return numerals.number_en(int(value))
        case "digits":
            return numerals.digits_en(str(value))
        case "money":
            return numerals.money_en(int(value))
        case "day":
            return numerals.day_en(date.fromisoformat(str(value)))
        case "time":
            return numerals.time_en(str(value))
    return str(value)


def _write(kind: str, value: Argument, language: Language) -> str:
    match kind:
        case "money":
            yuan, fen = divmod(int(value), 100)
            amount = f"{yuan}.{fen:02d}" if fen else str(yuan)
            return f"{amount}元" if language == "zh" else f"{amount} yuan"
        case "day":
            day = date.fromisoformat(str(value))
            return numerals.written_day_zh(day) if language == "zh" else numerals.written_day_en(day)
    return str(value)


def load_wording(files: Mapping[Language, str] | None = None, *, one: str = "幺") -> Wording:
    """Read and check the wording files (TOML text by language; the package's own when none are given).

    Raises WordingError.
    """
    if files is None:
        folder = resources.files("speech") / "texts"
        files = {language: (folder / f"{language}.toml").read_text("utf-8") for language in LANGUAGES}
    texts = {language: _read(language, text) for language, text in files.items()}
    _compare(texts)
    return Wording(texts, one)


def _read(language: Language, text: str) -> dict[str, str]:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WordingError(f"{language}.toml is no TOML: {error}") from error
    for name, wording in table.items():
        if not isinstance(wording, str) or not wording.strip():
            raise WordingError(f'{language}.toml: {name} must be a text, as in {name} = "…"')
        for _, kind in _SLOT.findall(wording):
            if kind not in KINDS:
                raise WordingError(f"{language}.toml: {name}: unknown kind {kind!r}; use one of {', '.join(KINDS)}")
        if "{" in _SLOT.sub("", wording):
            raise WordingError(f"{language}.toml: {name}: a slot is written {{name:kind}}")
    return table


def _compare(texts: Mapping[Language, Mapping[str, str]]) -> None:
    reference = texts["zh"]
    for language, table in texts.items():
        if missing := sorted(set(reference) - set(table)):
            raise WordingError(f"{language}.toml lacks {', '.join(missing)}")
        if extra := sorted(set(table) - set(reference)):
            raise WordingError(f"zh.toml lacks {', '.join(extra)}")
        for name, wording in table.items():
            if sorted(_SLOT.findall(wording)) != sorted(_SLOT.findall(reference[name])):
                raise WordingError(f"{language}.toml: {name} must have the same slots as in zh.toml")
