"""The way to a person: transfer where there are agents, a stored call-back request where there is none; and goodbye.

Every stage can lead here (`0`, three misses, a locked account). What was ordered so far stays in the draft.
"""

from __future__ import annotations

from dataclasses import replace

from ivr.dialogue.actions import HangUp, RequestCallback, TransferCall
from ivr.dialogue.collectors import YES_NO, Chosen, Heard, JustListen, WentBack
from ivr.dialogue.events import CallbackStored, TransferFailed
from ivr.dialogue.stage import Lead, Move, Stage, Told, ask, go
from ivr.dialogue.state import CallState
from speech.prompt import Prompt, prompt


def reach_agent(state: CallState, reason: str, *notices: Prompt) -> Move:
    """To an agent; where there is none, whoever asked may choose a call-back, whoever is stuck gets one."""
    back_to = state.back_to if state.stage in _OWN_STAGES else state.stage
    if state.settings.agents:
        return go(state, "transferring", *notices, back_to=back_to, reason=reason, transfer_asked=False)
    return _without_agents(state, reason, back_to, notices)


def _without_agents(state: CallState, reason: str, back_to: str, notices: tuple[Prompt, ...]) -> Move:
    if not state.caller and not state.retailer_id:
        return go(state, "ending", *notices, prompt("callback_impossible"), reason=reason)
    if reason == "asked":
        return go(state, "awaiting_callback_choice", *notices, surprised=True, back_to=back_to, reason=reason)
    request = RequestCallback(state.retailer_id, state.caller, reason, back_to)
    return ask(state, request, at="awaiting_callback_choice", back_to=back_to, reason=reason, notices=notices)


def _transferring_decides(state: CallState, told: Told) -> Move | None:
    match told:
        case Heard() if state.transfer_asked:
            return Move(state)  # A key while agents are being called changes nothing.
        case Heard():
            return Move(replace(state, transfer_asked=True), line=(TransferCall(state.settings.agents),))
        case TransferFailed():
            return _without_agents(replace(state, transfer_asked=False), state.reason, state.back_to, ())
    return None


def _callback_decides(state: CallState, told: Told) -> Move | None:
    match told:
        case Chosen("1"):
            return ask(state, RequestCallback(state.retailer_id, state.caller, state.reason, state.back_to))
        case Chosen("2") | WentBack():
            return go(state, state.back_to)
        case CallbackStored(number):
            stored = prompt("callback_stored", number=str(number))
            kept = (prompt("basket_kept"),) if state.basket.lines and state.owns_draft else ()
            return go(state, "ending", *state.notices, stored, *kept, notices=())
    return None


def _ending_decides(state: CallState, told: Told) -> Move | None:
    return Move(state, line=(HangUp(),)) if isinstance(told, Heard) else None


_OWN_STAGES = ("transferring", "awaiting_callback_choice")

STAGES = (
    Stage(
        "transferring",
        "agent",
        says=lambda _: (prompt("to_agent"),),
        listens=lambda _: JustListen(),
        decides=_transferring_decides,
        leads=(
            Lead("no agent", "awaiting_callback_choice"),
            Lead("no agent, no number", "ending"),
        ),
    ),
    Stage(
        "awaiting_callback_choice",
        "agent",
        says=lambda _: (prompt("agents_busy"), prompt("callback_choice")),
        listens=lambda _: YES_NO,
        decides=_callback_decides,
        leads=(Lead("call-back stored", "ending"), Lead("2", "(back)")),
    ),
    Stage(
        "ending",
        "agent",
        says=lambda _: (prompt("goodbye"),),
        listens=lambda _: JustListen(),
        decides=_ending_decides,
        leads=(),
    ),
)
