"""The engine of a house without speech: every listening hears silence, so that calls run on keys and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from speech.recognition.port import Codec, Grammar, Heard, Menu, Phrase, Progress


@dataclass(frozen=True, slots=True)
class KeypadGrammar:
    """A menu that nobody listens for."""

    menu: Menu

    @property
    def left_out(self) -> tuple[Phrase, ...]:
        return self.menu.phrases


class KeypadEngine:
    """Implements `port.Engine`; needs no model and never fails."""

    name = "keypad"

    def prepare(self, menu: Menu) -> KeypadGrammar:
        return KeypadGrammar(menu)

    def listen(self, grammar: Grammar, codec: Codec) -> KeypadListening:  # noqa: ARG002 (there is nothing to decode)
        if not isinstance(grammar, KeypadGrammar):
            raise ValueError("this grammar was prepared by another engine; prepare the menu with this one")
        return KeypadListening()


class KeypadListening:
    """Implements `port.Listening`."""

    def __init__(self) -> None:
        self._answered = False

    def feed(self, audio: bytes) -> Progress:  # noqa: ARG002 (nothing listens)
        return "ended" if self._answered else "waiting"

    def answer(self) -> Heard:
        self._answered = True
        return Heard("silence")
