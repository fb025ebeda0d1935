"""The most likely tokens without any menu, step by step: the yardstick that phrases are measured against."""

from __future__ import annotations

import numpy as np

from speech.recognition.transducer.model import BLANK, NO_CONTEXT, TransducerModel, Vectors

_MOST_A_STEP = 3
"""Tokens in one 40 ms step; a syllable has two."""


class FreeDecoder:
    """One listening's greedy path."""

    def __init__(self, model: TransducerModel, blank_penalty: float = 0.0) -> None:
        self._model, self._blank_penalty = model, blank_penalty
        self._said: list[int] = []
        self.score = 0.0
        """Natural log-probability of the greedy path."""

    @property
    def said(self) -> tuple[int, ...]:
        return tuple(self._said)

    def add(self, acoustic: Vectors) -> None:
        """The next acoustic vectors, in order."""
        at = 0
        while at < len(acoustic):
            chances = self._chances(acoustic[at:])[:, 0]
            spoken = np.flatnonzero(chances.argmax(axis=1) != BLANK)
            quiet = int(spoken[0]) if len(spoken) else len(chances)
            self.score += float(chances[:quiet, BLANK].sum())
            at += quiet
            if at < len(acoustic):
                self._speak(acoustic[at])
                at += 1

    def _speak(self, vector: Vectors) -> None:
        """All tokens of one step and the blank that ends it."""
        for _ in range(_MOST_A_STEP):
            chances = self._chances(vector[None])[0, 0]
            best = int(chances.argmax())
            if best == BLANK:
                break
            self.score += float(chances[best])
            self._said.append(best)
        self.score += float(self._chances(vector[None])[0, 0, BLANK])

    def _chances(self, acoustic: Vectors) -> Vectors:
        before, last = (*NO_CONTEXT, *self._said)[-2:]
        label = self._model.label_vectors([(before, last)])
        return self._model.log_probabilities(acoustic, label, self._blank_penalty)
