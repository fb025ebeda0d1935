"""What a webhook comes to: the events of the dialogue it stands for, which are taken all or none. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ivr.call_record import CallRecord
from ivr.dialogue import events as told
from ivr.dialogue.actions import ArmTimer, HangUp, LineAction, TransferCall
from ivr.dialogue.events import Event
from ivr.dialogue.state import CallState
from ivr.dialogue.step import step

KEY_GAP_MS = 250
"""Twilio tells no times of keys: a human's pace is assumed. A key that bounced can't be told from one pressed twice."""


def keys_pressed(
    record: CallRecord, keys: str, now: datetime, *, pause_s: int, notices_ms: int = 0
) -> tuple[Event, ...]:
    """The keys of a burst, with when each was probably pressed, and how much had been heard by then.

    Only the first one can have interrupted what the caller was hearing, whose notices last `notices_ms`; the others
    were dialled ahead of all answers.
    """
    since_ms = _ms(record.started_at, now)
    ago_ms = [pause_s * 1000 + (len(keys) - 1 - index) * KEY_GAP_MS for index in range(len(keys))]
    ahead = [told.KeyPressed(key, max(0, since_ms - ago)) for key, ago in zip(keys, ago_ms, strict=True)]
    if record.state.heard or not keys:
        return tuple(ahead)
    heard_ms = max(0, _ms(record.stood_since, now) - ago_ms[0])
    asked_ms = max(0, heard_ms - notices_ms)
    first = replace(ahead[0], heard_ms=heard_ms, asked_ms=asked_ms, playing=record.state.generation)
    return (first, *ahead[1:])


def silence(state: CallState) -> tuple[Event, ...]:
    """What a caller's silence comes to: what was said was heard, then the time for an answer ran out.

    A prompt that only had to be heard makes the call go on by itself: then there is no time to run out.
    """
    ran_out = told.TimerExpired(state.generation)
    if state.heard:
        return (ran_out,)
    heard = told.PromptsEnded(state.generation)
    return (heard,) if after_hearing(state) is None else (heard, ran_out)


def after_hearing(state: CallState) -> int | None:
    """How long, in ms, the dialogue will wait for a key once what it says has been heard; None when it won't wait.

    The step is pure: it can be asked what it would do.
    """
    _, actions = step(state, told.PromptsEnded(state.generation))
    return actions[0].after_ms if len(actions) == 1 and isinstance(actions[0], ArmTimer) else None


def ended_by_us(actions: tuple[LineAction, ...]) -> bool:
    """Whether we have asked for the end of this call."""
    return any(isinstance(action, HangUp) for action in actions)


def is_leaving(actions: tuple[LineAction, ...]) -> bool:
    """Whether the caller is on the way out of the dialogue: no key counts any more."""
    return any(isinstance(action, HangUp | TransferCall) for action in actions)


def _ms(since: datetime, now: datetime) -> int:
    return int((now - since).total_seconds() * 1000)
