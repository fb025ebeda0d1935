"""A caller who listens: keys pressed while the question asked last is being heard."""

from __future__ import annotations

from ivr.dialogue.events import KeyPressed
from ivr.dialogue.state import CallState


def answering(state: CallState, key: str, at_ms: int) -> KeyPressed:
    """This key after three seconds of what `state` says."""
    return KeyPressed(key, at_ms, 3000, 3000, state.generation)
