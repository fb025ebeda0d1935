"""The stage table: every stage of the conversation by name. The drawing, the tests and the step read this one table."""

from __future__ import annotations

from ivr.dialogue.stage import Stage
from ivr.dialogue.stages import agents, basket, beginning, identifying, main_menu, reminding, review

STAGES: dict[str, Stage] = {
    stage.name: stage
    for part in (reminding, identifying, main_menu, beginning, basket, review, agents)
    for stage in part.STAGES
}

EVERYWHERE: tuple[tuple[str, str], ...] = (
    ("0, or three misses", "awaiting_callback_choice"),
    ("0, or three misses, with agents", "transferring"),
    ("three misses, no number known", "ending"),
    ("draft taken over", "awaiting_main_choice"),
    ("line lost", "ended"),
)
"""Where every stage can lead besides its own leads: (on, to)."""
