"""One event taken to its end: step, let the domain answer, step again, until only the line has something to do.

Shared by the runner (in its transaction), by the golden transcripts (in memory) and by the replay (with the answers
that were recorded), so that all three run the same conversation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ivr.dialogue.actions import Ask, LineAction
from ivr.dialogue.events import Event
from ivr.dialogue.state import CallState
from ivr.dialogue.step import step

MOST_ANSWERS = 32
"""More questions than this from one event would be a loop between two stages: a fault of ours, to be seen at once."""

Answering = Callable[[Ask], Event | None]


@dataclass(frozen=True, slots=True)
class Taken:
    """What one event came to: the new state, what was asked and answered, and what the line is to do."""

    state: CallState
    asked: tuple[tuple[Ask, Event | None], ...]
    line: tuple[LineAction, ...]


def take(state: CallState, event: Event, answering: Answering) -> Taken:
    """Step until nothing is left to ask. Raises RuntimeError when that does not come to an end."""
    asked: list[tuple[Ask, Event | None]] = []
    line: list[LineAction] = []
    waiting: list[Event] = [event]
    while waiting:
        if len(asked) > MOST_ANSWERS:
            raise RuntimeError(f"the conversation does not come to rest at stage {state.stage}")
        state, actions = step(state, waiting.pop(0))
        for action in actions:
            if isinstance(action, LineAction):
                line.append(action)
                continue
            reply = answering(action)
            asked.append((action, reply))
            if reply is not None:
                waiting.append(reply)
    return Taken(state, tuple(asked), tuple(line))
