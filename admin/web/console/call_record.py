"""A stored call as a person reads it: what was said, what was keyed, how it went on; PIN digits were never stored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from ivr.codec import Unreadable, from_json, unpack_action, unpack_event
from ivr.dialogue.actions import HangUp, PlayPrompts, TransferCall
from ivr.dialogue.events import KeyPressed, LineLost, LineResumed, TransferFailed
from orders.models import CallEvent
from orders.values import Language
from speech.wording import Wording, WordingError

HIDDEN = "●"
Kind = Literal["said", "keyed", "event"]


@dataclass(frozen=True, slots=True)
class Heard:
    """One line of the transcript; for an event `text` is our word for it and `about` its cause."""

    kind: Kind
    at: datetime
    text: str
    about: str = ""


def transcript_of(events: Iterable[CallEvent], wording: Wording) -> tuple[Heard, ...]:
    """In the order of the call. A record of another version shows what of it can still be read."""
    lines: list[Heard] = []
    for event in events:
        happened = _happened(event)
        if happened is not None and happened.kind == "keyed" and lines and lines[-1].kind == "keyed":
            lines[-1] = replace(lines[-1], text=lines[-1].text + happened.text)
        elif happened is not None:
            lines.append(happened)
        lines += _done(event, wording)
    return tuple(lines)


def _happened(event: CallEvent) -> Heard | None:
    try:
        told = unpack_event(from_json(event.event))
    except Unreadable:
        return Heard("event", event.at, "unreadable")
    match told:
        case KeyPressed(key) if key:
            return Heard("keyed", event.at, HIDDEN if key == "?" else key)
        case LineLost(cause):
            return Heard("event", event.at, "line_lost", cause)
        case LineResumed(cause):
            return Heard("event", event.at, "line_resumed", cause)
        case TransferFailed(cause):
            return Heard("event", event.at, "transfer_failed", cause)
    return None


def _done(event: CallEvent, wording: Wording) -> list[Heard]:
    done: list[Heard] = []
    try:
        actions = [unpack_action(packed) for packed in from_json(event.actions)["line"]]
    except (Unreadable, KeyError, TypeError):
        return [Heard("event", event.at, "unreadable")]
    for action in actions:
        match action:
            case PlayPrompts(prompts, language):
                said = [_written(wording, prompt, language) for prompt in prompts]
                done.append(Heard("said", event.at, "".join(said) if language == "zh" else " ".join(said)))
            case TransferCall():
                done.append(Heard("event", event.at, "transferring"))
            case HangUp():
                done.append(Heard("event", event.at, "hung_up"))
    return done


def _written(wording: Wording, prompt: object, language: Language) -> str:
    try:
        return wording.written(prompt, language)  # type: ignore[arg-type]
    except WordingError:
        return f"[{getattr(prompt, 'name', '?')}]"
