"""The scores of a trie are those of summing over every alignment by hand, in one piece or chunk by chunk."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
import pytest

from speech.recognition.transducer.free_decoding import FreeDecoder
from speech.recognition.transducer.model import NO_CONTEXT
from speech.recognition.transducer.scoring import PhraseScorer, scoring_plan
from speech.recognition.transducer.trie import phrase_trie

TOKENS = 6
PHRASES = [(1,), (1, 2), (1, 2, 3), (2, 2), (3, 1, 3, 1), (5,)]


class DiceModel:
    """Stands in for the networks: probabilities thrown by dice, fixed for each time and context."""

    def __init__(self) -> None:
        self.contexts: list[tuple[int, int]] = []

    def label_vectors(self, contexts: list[tuple[int, int]]) -> np.ndarray:
        return np.array(contexts, np.float32)

    def log_probabilities(self, acoustic: np.ndarray, labels: np.ndarray, penalty: float) -> np.ndarray:
        chances = np.empty((len(acoustic), len(labels), TOKENS), np.float32)
        for time, vector in enumerate(acoustic):
            for place, (before, last) in enumerate(labels):
                seed = [int(vector[0]), int(before) + 1, int(last) + 1]
                chances[time, place] = np.log(np.random.default_rng(seed).dirichlet(np.ones(TOKENS)))
        return chances


MODEL = DiceModel()
TIMES = np.arange(5, dtype=np.float32)[:, None]


def by_hand(phrase: tuple[int, ...], heard_as: dict[int, tuple[int, ...]], cost: float) -> float:
    """Sum over the times at which each token is said; after the last token of a time comes its blank."""
    history = (*NO_CONTEXT, *phrase)
    total = 0.0
    for said_at in combinations_with_replacement(range(len(TIMES)), len(phrase)):
        chance = 0.0
        spoken = 0
        for time in range(len(TIMES)):
            for token, when in zip(phrase, said_at, strict=True):
                if when == time:
                    row = MODEL.log_probabilities(TIMES[time : time + 1], np.array([history[spoken : spoken + 2]]), 0)
                    group = heard_as.get(token, (token,))
                    weights = [1.0] + [np.exp(-cost)] * (len(group) - 1)
                    chance += np.log(np.sum(np.exp(row[0, 0, list(group)]) * weights))
                    spoken += 1
            row = MODEL.log_probabilities(TIMES[time : time + 1], np.array([history[spoken : spoken + 2]]), 0)
            chance += row[0, 0, 0]
        total += np.exp(chance)
    return float(np.log(total))


@pytest.mark.parametrize("chunk", [1, 2, 5])
@pytest.mark.parametrize("variants", [{1: (1,)}, {1: (1, 4), 4: (4, 1), 2: (2,)}])
def test_every_phrase_scores_what_all_alignments_sum_to(chunk: int, variants: dict[int, tuple[int, ...]]) -> None:
    plan = scoring_plan(phrase_trie(PHRASES), MODEL, variants, cost=1.5)  # type: ignore[arg-type]
    scorer = PhraseScorer(MODEL, plan)  # type: ignore[arg-type]
    for at in range(0, len(TIMES), chunk):
        scorer.add(TIMES[at : at + chunk])
    assert scorer.scores() == pytest.approx([by_hand(phrase, variants, 1.5) for phrase in PHRASES], abs=1e-4)


def test_all_that_can_be_said_sums_to_one() -> None:
    every = [(), *((a,) for a in range(1, TOKENS)), *((a, b) for a in range(1, TOKENS) for b in range(1, TOKENS))]
    plan = scoring_plan(phrase_trie(every), MODEL, {1: (1,)}, cost=0)  # type: ignore[arg-type]
    scorer = PhraseScorer(MODEL, plan)  # type: ignore[arg-type]
    scorer.add(TIMES[:1])
    assert 0.3 < np.exp(scorer.scores()).sum() < 1.0


def test_the_free_path_is_the_greedy_one() -> None:
    whole, pieces = FreeDecoder(MODEL), FreeDecoder(MODEL)  # type: ignore[arg-type]
    whole.add(TIMES)
    for at in range(len(TIMES)):
        pieces.add(TIMES[at : at + 1])
    assert whole.said == pieces.said
    assert whole.score == pytest.approx(pieces.score)
    assert whole.score < 0
    assert whole.said


def test_the_trie_shares_beginnings() -> None:
    trie = phrase_trie(PHRASES)
    assert len(trie.parents) == 1 + len({phrase[: n + 1] for phrase in PHRASES for n in range(len(phrase))})
    assert [trie.labels[end] for end in trie.ends] == [phrase[-1] for phrase in PHRASES]
    assert trie.contexts[0] == NO_CONTEXT
    assert trie.contexts[trie.context_of[trie.ends[4]]] == (3, 1)
