"""The baseline: what the model hears without a menu, and the phrase whose sounds are nearest (edit distance)."""

from __future__ import annotations

from rapidfuzz.distance import Levenshtein

from bench.speech_hearing import Outcome, canonical
from speech.recognition.port import Menu
from speech.recognition.transducer.spelling import syllables


class NearestPhrase:
    """One menu by the sounds of its phrases."""

    def __init__(self, name: str, menu: Menu) -> None:
        self._name = name
        self._phrases = [(syllables(phrase.text), phrase.value) for phrase in menu.phrases]

    def right(self, outcome: Outcome) -> bool:
        """Whether the phrase nearest to the free decoding has the right value."""
        said = tuple(outcome.heard.free.split())
        if not said:
            return False
        _, value = min(self._phrases, key=lambda phrase: Levenshtein.normalized_distance(said, phrase[0]))
        return canonical(self._name, value) == outcome.item.canonical
