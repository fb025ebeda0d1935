"""What a webhook comes to: the events of the dialogue it stands for, of which some may be stored already.

Pure. A webhook may come again, because its answer was lost, or because the node that took it died half-way: then what
is stored of it is passed over, and the rest is taken. One that others have overtaken comes to nothing.
"""

from __future__ import annotations

from datetime import datetime

from ivr.call_record import CallRecord
from ivr.dialogue import events as told
from ivr.dialogue.actions import ArmTimer, HangUp
from ivr.dialogue.collectors import LONE_DIGITS
from ivr.dialogue.events import Event
from ivr.dialogue.state import SECRET_DIGIT, CallState
from ivr.dialogue.step import step
from ivr.lines.twilio.deliveries import Delivery
from ivr.pin_keeping import is_secret

KEY_GAP_MS = 250
"""Twilio tells no times of keys: a human's pace is assumed. A key that bounced can't be told from one pressed twice."""


KEYS_LOST = "keys lost"
"""Digits of a PIN were keyed to a process that is gone: they are nowhere but in the webhook, should that come again."""


def keys_left(delivery: Delivery, since: tuple[Event, ...]) -> str | None:
    """The keys of this delivery that are still to be taken, after those stored; None when others have overtaken it."""
    taken = masked = 0
    for event in since:
        if event == told.LineResumed(KEYS_LOST):
            taken, masked = taken - masked, 0
            continue
        if taken == len(delivery.keys) or not isinstance(event, told.KeyPressed):
            return None
        lone = event.key in LONE_DIGITS and delivery.keys[taken] == "#"
        if not lone and event.key not in (delivery.keys[taken], SECRET_DIGIT):
            return None
        taken, masked = taken + 1, masked + 1 if event.key == SECRET_DIGIT else 0
    return delivery.keys[taken:] or None


def has_lost_keys(record: CallRecord) -> bool:
    """Whether digits of a PIN were stored, masked, of a delivery whose rest is still to be taken."""
    return bool(record.since) and is_secret(record.state) and bool(record.state.entry)


def pressed(record: CallRecord, left: str, index: int, now: datetime, pause_s: int, notices_ms: int) -> told.KeyPressed:
    """The `index`-th of the keys left, with when it was probably pressed, and how much had been heard by then.

    Only the first one can have interrupted what the caller was hearing; the others were dialled ahead of all answers.
    """
    ago_ms = pause_s * 1000 + (len(left) - 1 - index) * KEY_GAP_MS
    at_ms = max(0, _ms(record.started_at, now) - ago_ms)
    if index or record.since:
        return told.KeyPressed(left[index], at_ms)
    heard_ms = max(0, _ms(record.stood_since, now) - ago_ms)
    return told.KeyPressed(left[index], at_ms, heard_ms, max(0, heard_ms - notices_ms), record.state.generation)


def silence(state: CallState, since: tuple[Event, ...]) -> Event | None:
    """The next event that a caller's silence comes to: what was said was heard, then the time for an answer ran out.

    None when nothing is left of this silence.
    """
    if any(not isinstance(event, told.PromptsEnded | told.TimerExpired) for event in since):
        return None
    if any(isinstance(event, told.TimerExpired) for event in since):
        return None
    if not state.heard:
        # A prompt that was heard made the call go on by itself: what is being said now is another one.
        return None if since else told.PromptsEnded(state.generation)
    return told.TimerExpired(state.generation)


def after_hearing(state: CallState) -> int | None:
    """How long, in ms, the dialogue will wait for a key once what it says has been heard; None when it won't wait.

    The step is pure: it can be asked what it would do.
    """
    _, actions = step(state, told.PromptsEnded(state.generation))
    return actions[0].after_ms if len(actions) == 1 and isinstance(actions[0], ArmTimer) else None


def ended_by_us(record: CallRecord) -> bool:
    """Whether we have asked for the end of this call."""
    return any(isinstance(action, HangUp) for action in record.actions)


def _ms(since: datetime, now: datetime) -> int:
    return int((now - since).total_seconds() * 1000)
