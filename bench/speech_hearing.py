"""Each utterance fed to the real engine as a line would, 20 ms at a time, and what came of it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bench.speech_set import Item, Utterance
from speech.recognition.port import Engine, Grammar, Heard, Menu, MenuKind, Phrase
from speech.understanding.menus import digit_menu, quantity_menu, yes_no_menu
from speech.understanding.quantities import quantity_of

FRAME = 160
KINDS: dict[str, MenuKind] = {"yesno": "yes_no", "prod": "article", "qty": "quantity", "digit": "digit"}
_ZH_UNITS = {"carton": "条", "case": "件", "crate": "箱"}
_YES_NO = {"yes": "Y", "no": "N", "repeat": "R", "back": "B"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """`canonical` is the set's own writing of the best candidate, "" for none; times in seconds."""

    item: Item
    menu: str
    heard: Heard
    canonical: str
    ended: bool
    waited_s: float
    work_s: float
    audio_s: float

    @property
    def right(self) -> bool:
        return bool(self.canonical) and self.canonical == self.item.canonical


def menus(items: list[Item]) -> dict[str, Menu]:
    """The stages' own menus; article names are those that the set knows, for it names no catalogue."""
    names = {item.text: item.canonical for item in items if item.menu == "prod" and item.canonical}
    found = {"yesno": yes_no_menu("zh"), "qty": quantity_menu("zh"), "digit": digit_menu("zh", wishes=())}
    if names:
        found["prod"] = Menu("article", tuple(Phrase(text, value) for text, value in sorted(names.items())))
    return found


def canonical(menu: str, value: str) -> str:
    """A value of ours as the set writes it."""
    if menu == "yesno":
        return _YES_NO.get(value, value)
    if menu == "qty" and value[:1].isdigit():
        quantity = quantity_of(value)
        return f"{quantity.number}{_ZH_UNITS[quantity.unit]}"
    return value


def hear(engine: Engine, grammar: Grammar, menu: str, item: Item, said: Utterance) -> Outcome:
    """Feed until the engine has enough. `waited_s` is from the end of the words to the answer, work included."""
    listening = engine.listen(grammar, said.codec)
    began = time.thread_time()
    fed, ended, last_work = 0, False, 0.0
    while fed < len(said.audio) and not ended:
        before = time.monotonic()
        ended = listening.feed(said.audio[fed : fed + FRAME]) == "ended"
        last_work = time.monotonic() - before
        fed += FRAME
    before = time.monotonic()
    heard = listening.answer()
    last_work += time.monotonic() - before
    best = canonical(menu, heard.candidates[0].value) if heard.candidates else ""
    audio_s = fed / 8000
    work_s = time.thread_time() - began
    return Outcome(item, menu, heard, best, ended, audio_s - said.ends_s + last_work, work_s, audio_s)
