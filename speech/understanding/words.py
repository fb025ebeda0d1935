"""The answers and wishes every stage knows (yes, no, again, agent, …) and the words for them, from words.toml. Pure."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import Literal, cast, get_args

from orders.values import Language
from speech.recognition.port import Phrase

Wish = Literal["yes", "no", "remove", "repeat", "back", "agent", "done", "usual"]
_POLITE = {
    "zh": re.compile(r"^(那就|那|就|请|我要|我想|嗯|啊|哦|麻烦|帮我|给我)+(?=.)|(?<=.)(吧|啊|呀|了吧|谢谢|哦|嘛|呢)+$"),
    "en": re.compile(r"^(please|well|um|uh|i want|i'd like|can i have|give me)\s+|\s+(please|thanks|thank you)$"),
}


def phrases_for(language: Language, *wishes: Wish) -> tuple[Phrase, ...]:
    """What a recogniser listens for; the value is the wish."""
    return tuple(Phrase(text, wish) for wish in wishes for text in words(language)[wish])


def wish_in(text: str, language: Language) -> Wish | None:
    """The wish a written text is, as a whole; None for anything else."""
    said = re.sub(r"[，。！？、,.!?\s]+" if language == "zh" else r"[,.!?]+", "", text.lower()).strip()
    known = {word: wish for wish, spoken in words(language).items() for word in spoken}
    for _ in range(3):
        if said in known:
            return known[said]
        said = _POLITE[language].sub("", said).strip()
    return known.get(said)


@cache
def words(language: Language) -> dict[Wish, tuple[str, ...]]:
    """Checked when first read: every wish has words, and no word has two wishes. Raises ValueError."""
    table = tomllib.loads((resources.files("speech.understanding") / "words.toml").read_text(encoding="utf-8"))[
        language
    ]
    wishes = get_args(Wish)
    spoken = [word for words in table.values() for word in words]
    if set(table) != set(wishes) or len(set(spoken)) != len(spoken) or not all(table.values()):
        raise ValueError(f"words.toml [{language}] must have {', '.join(wishes)}, each with words of its own")
    return {cast(Wish, wish): tuple(table[wish]) for wish in wishes}
