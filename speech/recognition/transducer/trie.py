"""The phrases of a menu as a prefix trie, laid out in arrays so that scoring needs no loop over phrases. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from speech.recognition.transducer.model import NO_CONTEXT, Context

Indexes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PhraseTrie:
    """Nodes are ordered by depth; node 0 is the beginning.

    `levels` are the node ranges of depth 1, 2, …; `parents` and `labels` have an entry a node (0 for the beginning);
    `context_of` points into `contexts`; `ends` has the last node of each phrase, in the menu's order.
    """

    levels: tuple[tuple[int, int], ...]
    parents: Indexes
    labels: Indexes
    context_of: Indexes
    contexts: tuple[Context, ...]
    ends: Indexes


def phrase_trie(phrases: list[tuple[int, ...]]) -> PhraseTrie:
    """Built once a menu; each phrase is its tokens."""
    prefixes = sorted({phrase[:length] for phrase in phrases for length in range(len(phrase) + 1)}, key=_by_depth)
    number = {prefix: index for index, prefix in enumerate(prefixes)}
    contexts = list(dict.fromkeys(_context(prefix) for prefix in prefixes))
    place = {context: index for index, context in enumerate(contexts)}
    depths = np.array([len(prefix) for prefix in prefixes])
    bounds = np.searchsorted(depths, np.arange(1, depths[-1] + 2))
    return PhraseTrie(
        tuple((int(first), int(last)) for first, last in pairwise(bounds)),
        np.array([number[prefix[:-1]] for prefix in prefixes]),
        np.array([prefix[-1] if prefix else 0 for prefix in prefixes]),
        np.array([place[_context(prefix)] for prefix in prefixes]),
        tuple(contexts),
        np.array([number[phrase] for phrase in phrases]),
    )


def _by_depth(prefix: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    return len(prefix), prefix


def _context(prefix: tuple[int, ...]) -> Context:
    before, last = (*NO_CONTEXT, *prefix)[-2:]
    return before, last
