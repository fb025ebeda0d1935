"""The pure step: (state, event) → (state, actions). Retries, timers and type-ahead live here, once.

Nothing here knows a particular stage; stages know nothing of timers. Nothing that a line or a timer tells makes this
raise, whatever the stage; an answer of the domain comes only where it was asked for.
"""

from __future__ import annotations

from dataclasses import replace

from ivr.dialogue.actions import Action, AnswerCall, ArmTimer, PlayPrompts, ReleaseDraft, SettleErrand
from ivr.dialogue.collectors import Collector, Heard, JustListen, Keyed, Silent, Spoken
from ivr.dialogue.events import (
    CallArrived,
    DraftLost,
    Event,
    KeyPressed,
    LineLost,
    LineResumed,
    PromptsEnded,
    TimerExpired,
)
from ivr.dialogue.flow import STAGES
from ivr.dialogue.stage import Move, Stage, Told, go
from ivr.dialogue.stages.agents import reach_agent
from ivr.dialogue.stages.identifying import begin
from ivr.dialogue.stages.reminding import begin_errand, result_of
from ivr.dialogue.state import CallState
from speech.prompt import Prompt, prompt

Stepped = tuple[CallState, tuple[Action, ...]]

UNHEARD_MS = 30_000
"""When the end of what is said was not reported so long after it, the line is asked again rather than left silent."""


def step(state: CallState, event: Event) -> Stepped:
    """Take one event. The returned actions are to be done in order, after the returned state is safely stored."""
    if state.ended:
        return state, ()
    match event:
        case CallArrived():
            return _arrive(state, event)
        case KeyPressed():
            return _on_key(state, event)
        case PromptsEnded(generation):
            return _on_heard(state) if generation == state.generation else (state, ())
        case TimerExpired(generation):
            return _on_timer(state) if generation == state.generation else (state, ())
        case LineLost():
            settled = (SettleErrand(result_of(state)),) if state.errand else ()
            return replace(state, stage="ended", entry="", owns_draft=False), (ReleaseDraft(), *settled)
        case LineResumed():
            return _say(replace(state, entry=""), state.said, state.said_notices) if state.said else (state, ())
        case DraftLost():
            return _do(
                go(replace(state, owns_draft=False), "awaiting_main_choice", prompt("draft_lost"), surprised=True)
            )
    return _decide(state, event)


def _arrive(state: CallState, event: CallArrived) -> Stepped:
    if state.stage != "arriving" or state.called or state.line:
        return state, ()
    state = replace(state, settings=event.settings, caller=event.caller, called=event.called, line=event.line)
    if event.errand is not None:
        return _do(begin_errand(replace(state, errand=event.errand), event.errand))
    after, actions = _do(begin(state))
    return after, (AnswerCall(), *actions)


def _on_key(state: CallState, event: KeyPressed) -> Stepped:
    stage = _stage(state)
    collector = stage.listens(state)
    if _too_early(state, collector, event):
        return _say(state, state.said, state.said_notices)
    state = replace(state, heard=True, surprised=False)
    return _on_keyed(state, stage, collector.key(state.entry, event.key))


def _too_early(state: CallState, collector: Collector, event: KeyPressed) -> bool:
    """A key from before the caller could know what is being asked is no answer to it: the question is said again.

    After a surprise its notice is enough to know that something is different; a total must itself have begun.
    """
    if state.entry or state.heard or isinstance(collector, JustListen):
        return False
    enough, of_this = state.settings.heard_enough_ms, event.playing == state.generation
    if collector.must_hear:
        return not (of_this and event.asked_ms >= enough)
    return state.surprised and not (of_this and event.heard_ms >= enough)


def _on_keyed(state: CallState, stage: Stage, keyed: Keyed) -> Stepped:
    if keyed.answer is not None:
        return _decide(replace(state, entry=""), keyed.answer)
    if keyed.wish == "agent":
        return _do(reach_agent(replace(state, entry=""), "asked"))
    if keyed.wish:
        return _enter(state, stage.name, ())
    if keyed.miss:
        return _missed(state, (prompt(keyed.miss),))
    state = replace(state, entry=keyed.entry, generation=state.generation + 1)
    return state, (ArmTimer(state.generation, _paced(state, state.settings.between_keys_ms)),)


def _on_heard(state: CallState) -> Stepped:
    state = replace(state, heard=True)
    if isinstance(_stage(state).listens(state), JustListen):
        return _decide(state, Heard())
    return state, (ArmTimer(state.generation, _paced(state, state.settings.first_key_ms)),)


def _on_timer(state: CallState) -> Stepped:
    stage = _stage(state)
    return _on_keyed(state, stage, stage.listens(state).timeout(state.entry))


def _decide(state: CallState, told: Told) -> Stepped:
    stage = _stage(state)
    move = stage.decides(state, told)
    if move is not None:
        if isinstance(told, Spoken) and not isinstance(told, Silent) and move.to and not move.missed:
            # Understood: what went wrong before is no longer "in a row".
            move = replace(move, state=replace(move.state, misses=0))
        return _do(move)
    # A spoken answer without a meaning here is answered by asking again; a late word of the domain by nothing.
    return _enter(state, stage.name, ()) if isinstance(told, Spoken) else (state, ())


def _do(move: Move) -> Stepped:
    if move.missed:
        return _missed(move.state, move.notices)
    if move.to:
        return _enter(move.state, move.to, move.notices, surprised=move.surprised, known=move.known)
    state = replace(move.state, stage=move.at or move.state.stage)
    if move.notices:
        state = replace(state, notices=move.notices)
    return state, (*move.asks, *move.line)


def _missed(state: CallState, notices: tuple[Prompt, ...]) -> Stepped:
    state = replace(state, misses=state.misses + 1, entry="")
    if state.misses >= state.settings.misses_allowed:
        return _do(reach_agent(state, "misses"))
    if state.misses > 1 and not isinstance(_stage(state).listens(state), JustListen):
        notices = (*notices, *_agent_hint(_stage(state).listens(state)))
    return _enter(state, state.stage, notices, surprised=True, known=True)


def _agent_hint(collector: Collector) -> tuple[Prompt, ...]:
    hinted = collector.key("0", "#")
    return (prompt("agent_hint"),) if hinted.wish == "agent" else ()


def _enter(
    state: CallState, name: str, notices: tuple[Prompt, ...], *, surprised: bool = False, known: bool = False
) -> Stepped:
    misses = state.misses if name == state.stage else 0
    state = replace(state, stage=name, entry="", misses=misses, surprised=surprised)
    return _say(state, (*notices, *_stage(state).says(state)), 0 if known else len(notices))


def _say(state: CallState, prompts: tuple[Prompt, ...], notices: int) -> Stepped:
    generation = state.generation + 1
    state = replace(state, said=prompts, said_notices=notices, heard=False, generation=generation)
    play = PlayPrompts(prompts, state.language, state.pace, generation, notices)
    return state, (play, ArmTimer(generation, UNHEARD_MS, after_sound=True))


def _paced(state: CallState, ms: int) -> int:
    return ms * state.settings.slow_factor_percent // 100 if state.pace == "slow" else ms


def _stage(state: CallState) -> Stage:
    return STAGES[state.stage]
