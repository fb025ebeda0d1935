"""The vosk engine: one Kaldi model a process, one recogniser a listening with the menu as its grammar.

Traps this code goes round: vosk's grammar is a bigram over words, so what it returns need not be a phrase of the menu
and is looked up; words out of the vocabulary are dropped with a warning, so each is asked for first; a grammar set on a
running recogniser kills the process, so each listening has its own; audio stays 8 kHz, for vosk resamples itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from orders.values import Language
from speech.g711 import Samples
from speech.recognition.gated_listening import GatedListening
from speech.recognition.port import Candidate, Codec, Grammar, Menu, MenuNotSpoken, Phrase, RecognitionMissing
from speech.recognition.tuning import MenuTuning, tuning
from speech.recognition.voice_activity import VoiceModel
from speech.recognition.vosk.segmenting import segmented

_ALTERNATIVES = 10
_UNKNOWN = "[unk]"


@dataclass(frozen=True, slots=True)
class VoskGrammar:
    """`words` is the list vosk wants, as JSON; `phrases` finds a phrase by the text vosk returns for it."""

    menu: Menu
    left_out: tuple[Phrase, ...]
    words: str
    phrases: dict[str, Phrase]
    tuning: MenuTuning


class VoskEngine:
    """Implements `port.Engine`. Raises RecognitionMissing where library or model are missing or don't fit."""

    name = "vosk"

    def __init__(self, folder: Path, language: Language) -> None:
        self._language = language
        self._library = _library()
        self._model = _model(self._library, folder)
        self._voice = VoiceModel()

    def prepare(self, menu: Menu) -> VoskGrammar:
        if menu.language != self._language:
            raise MenuNotSpoken(f"this model speaks {self._language}, not {menu.language}: the menu goes on by keys")
        spoken = {phrase: segmented(phrase.text, self._knows) for phrase in menu.phrases}
        phrases = {" ".join(words): phrase for phrase, words in spoken.items() if words}
        if not phrases:
            raise MenuNotSpoken(f"the model knows no phrase of this {menu.kind} menu: use a larger model")
        left_out = tuple(phrase for phrase, words in spoken.items() if not words)
        words = json.dumps([*phrases, _UNKNOWN], ensure_ascii=False)
        return VoskGrammar(menu, left_out, words, phrases, tuning(self.name, menu.kind))

    def _knows(self, word: str) -> bool:
        return int(self._model.vosk_model_find_word(word)) >= 0

    def listen(self, grammar: Grammar, codec: Codec) -> GatedListening:
        if not isinstance(grammar, VoskGrammar):
            raise ValueError("this grammar was prepared by another engine; prepare the menu with this one")
        recogniser = self._library.KaldiRecognizer(self._model, 8000, grammar.words)
        recogniser.SetMaxAlternatives(_ALTERNATIVES)
        return GatedListening(VoskEar(recogniser, grammar), codec, grammar.tuning, self._voice)


class VoskEar:
    """Implements `gated_listening.Ear`."""

    def __init__(self, recogniser: Any, grammar: VoskGrammar) -> None:
        self._recogniser, self._grammar = recogniser, grammar
        self._parts: list[list[tuple[str, float]]] = []

    def begin(self, quiet: Samples, onset: Samples) -> None:
        self.hear(np.concatenate([quiet, onset]))

    def hear(self, samples: Samples) -> None:
        if self._recogniser.AcceptWaveform(samples.astype("<i2").tobytes()):
            self._keep(self._recogniser.Result())

    def _keep(self, result: str) -> None:
        """vosk ends a part at each pause it sees; the gate alone knows when the caller is done."""
        part = [(str(one["text"]), float(one["confidence"])) for one in json.loads(result)["alternatives"]]
        if any(text for text, _ in part):
            self._parts.append(part)

    def candidates(self) -> tuple[list[Candidate], str]:
        """Scores are nats behind the best that vosk heard, in the menu or not."""
        self._keep(self._recogniser.FinalResult())
        if not self._parts:
            return [], ""
        heard = [
            (" ".join(text for text, _ in parts).strip(), sum(score for _, score in parts))
            for parts in product(*(part[:_ALTERNATIVES] for part in self._parts[:2]))
        ]
        heard.sort(key=lambda one: -one[1])
        best: dict[str, Candidate] = {}
        for text, score in heard:
            phrase = self._grammar.phrases.get(text)
            if phrase is not None and phrase.value not in best:
                best[phrase.value] = Candidate(phrase.value, phrase.text, score - heard[0][1])
        return list(best.values()), heard[0][0]


def _library() -> Any:
    try:
        import vosk  # noqa: PLC0415 (an optional extra: keys work without it)
    except (ImportError, OSError) as error:
        raise RecognitionMissing("vosk is not installed: pip install 'orderline[vosk]'") from error
    vosk.SetLogLevel(-1)
    return vosk


def _model(library: Any, folder: Path) -> Any:
    wanted = ("am/final.mdl", "graph/HCLr.fst", "graph/Gr.fst")
    missing = [name for name in wanted if not (folder / name).is_file()]
    if missing:
        raise RecognitionMissing(
            f"{folder} is no vosk model that takes menus ({', '.join(missing)} missing): unpack a small model "
            "there, such as vosk-model-small-cn-0.22; large ones have a fixed graph"
        )
    try:
        return library.Model(str(folder))
    except Exception as error:  # vosk raises nothing more exact
        raise RecognitionMissing(f"{folder} can't be loaded ({error}): unpack the model anew") from error
