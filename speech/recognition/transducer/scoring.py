"""Exact RNN-T forward log-probability of every phrase of a trie, chunk by chunk while the caller speaks.

alpha[t, n] sums all ways of having said exactly the tokens up to node n before the blank of time t:
    alpha[t, n] = alpha[t−1, n] · blank(t−1, n) + alpha[t, parent] · label(t, parent → n)
which along time is one running log-sum per node after taking out the summed blanks, so each depth of the trie is a
handful of array operations. What a chunk ends with is carried into the next, and is all that a listening keeps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from speech.recognition.transducer.model import BLANK, TransducerModel, Vectors
from speech.recognition.transducer.trie import PhraseTrie

_NEVER = -1e9
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ScoringPlan:
    """A trie with what scoring looks up again and again.

    `labels` are the vectors of the trie's contexts; `heard_as` and `costs`, shape (nodes, variants), are the tokens
    that count for a node and the logarithm of how much each counts.
    """

    trie: PhraseTrie
    labels: Vectors
    heard_as: NDArray[np.int64]
    costs: NDArray[np.float32]
    blank_penalty: float


def scoring_plan(
    trie: PhraseTrie,
    model: TransducerModel,
    variants: dict[int, tuple[int, ...]],
    *,
    cost: float,
    blank_penalty: float = 0.0,
) -> ScoringPlan:
    """`variants` are the tokens that may be heard for a token, itself first; the others count e^−cost."""
    widest = max(map(len, variants.values()))
    heard_as = np.zeros((len(trie.labels), widest), np.int64)
    costs = np.full(heard_as.shape, _NEVER, np.float32)
    for node, label in enumerate(trie.labels):
        group = variants.get(int(label), (int(label),))
        heard_as[node, : len(group)] = group
        costs[node, : len(group)] = -cost
        costs[node, 0] = 0
    return ScoringPlan(trie, model.label_vectors(list(trie.contexts)), heard_as, costs, blank_penalty)


class PhraseScorer:
    """One listening's way through a plan."""

    def __init__(self, model: TransducerModel, plan: ScoringPlan) -> None:
        self._model, self._plan = model, plan
        self._carried: Scores = np.full(len(plan.trie.parents), _NEVER)
        self._carried[0] = 0.0

    def add(self, acoustic: Vectors) -> None:
        """The next acoustic vectors, in order."""
        trie = self._plan.trie
        chances = self._model.log_probabilities(acoustic, self._plan.labels, self._plan.blank_penalty)
        blanks = chances[:, trie.context_of, BLANK].astype(np.float64)
        passed = np.concatenate([np.zeros((1, blanks.shape[1])), np.cumsum(blanks, axis=0)])
        alpha = np.empty(blanks.shape)
        alpha[:, 0] = self._carried[0] + passed[:-1, 0]
        for first, last in trie.levels:
            nodes = slice(first, last)
            entered = alpha[:, trie.parents[nodes]] + self._said(chances, nodes)
            entered[0] = np.logaddexp(entered[0], self._carried[nodes])
            alpha[:, nodes] = np.logaddexp.accumulate(entered - passed[:-1, nodes], axis=0) + passed[:-1, nodes]
        self._carried = alpha[-1] + blanks[-1]

    def _said(self, chances: Vectors, nodes: slice) -> Scores:
        """The log-probability of each node's label from its parent, at each time, tones softened."""
        trie = self._plan.trie
        contexts = trie.context_of[trie.parents[nodes]]
        heard = chances[:, contexts[:, None], self._plan.heard_as[nodes]] + self._plan.costs[nodes]
        result: Scores = np.logaddexp.reduce(heard, axis=2).astype(np.float64)
        return result

    def scores(self) -> Scores:
        """Of each phrase, in the menu's order: natural log-probability of having said it and nothing else."""
        result: Scores = self._carried[self._plan.trie.ends]
        return result
