"""Events, actions and states as JSON and back: the one place that knows how a conversation is stored.

Strict: what does not fit its type is refused, for it comes from a database that other versions wrote too.
"""

from __future__ import annotations

from typing import Any, cast, get_args

import msgspec

from ivr.dialogue import actions, events
from ivr.dialogue.actions import Action
from ivr.dialogue.events import Event
from ivr.dialogue.state import CallState


class Unreadable(ValueError):
    """Stored JSON that this version can't read; the message names what and why."""


_EVENTS: dict[str, type] = {kind.__name__: kind for kind in get_args(events.Event)}
_ACTIONS: dict[str, type] = {kind.__name__: kind for kind in get_args(actions.Action)}


def pack_event(event: Event) -> dict[str, Any]:
    """One event as plain JSON values: {"is": "KeyPressed", "key": …}."""
    return {"is": type(event).__name__, **cast("dict[str, Any]", msgspec.to_builtins(event))}


def pack_action(action: Action) -> dict[str, Any]:
    """One action as plain JSON values, the same way."""
    return {"is": type(action).__name__, **cast("dict[str, Any]", msgspec.to_builtins(action))}


def unpack_event(packed: object) -> Event:
    """The event of such a dict. Raises Unreadable."""
    return cast(Event, _unpack(packed, _EVENTS, "event"))


def unpack_action(packed: object) -> Action:
    """The action of such a dict. Raises Unreadable."""
    return cast(Action, _unpack(packed, _ACTIONS, "action"))


def _unpack(packed: object, kinds: dict[str, type], what: str) -> object:
    if not isinstance(packed, dict) or packed.get("is") not in kinds:
        raise Unreadable(f"no {what} of this version: {str(packed)[:80]}")
    fields = {name: value for name, value in packed.items() if name != "is"}
    try:
        return msgspec.convert(fields, kinds[packed["is"]], strict=True)
    except msgspec.ValidationError as error:
        raise Unreadable(f"{what} {packed['is']}: {error}") from error


def to_json(value: object) -> str:
    """Any JSON-able value as compact text."""
    return msgspec.json.encode(value).decode()


def from_json(text: str) -> Any:
    """Plain values of JSON text. Raises Unreadable."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise Unreadable(f"not JSON: {error}") from error


def state_to_json(state: CallState) -> str:
    """A state as stored with its call."""
    return to_json(state)


def state_from_json(text: str) -> CallState:
    """A stored state. Raises Unreadable."""
    try:
        return msgspec.json.decode(text, type=CallState, strict=True)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise Unreadable(f"call state: {error}") from error
