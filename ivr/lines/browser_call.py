"""One call of the browser phone: its numbered commands and where its page stands. Plain state under one lock.

Decides nothing: `ivr.lines.browser` does. Commands are what the page is told, as values; their JSON is `as_json`.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Sound:
    """One clip for the page: the prompt's name, where to fetch it, what a person reads, how long it is."""

    name: str
    url: str
    text: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class AnswerCommand:
    """The call is picked up."""

    number: int = 0


@dataclass(frozen=True, slots=True)
class PlayCommand:
    """Play these in place of what is playing. `secret`: keys pressed from now on are not to be shown."""

    tag: int
    sounds: tuple[Sound, ...]
    secret: bool
    number: int = 0


@dataclass(frozen=True, slots=True)
class StopCommand:
    """Fall silent."""

    number: int = 0


@dataclass(frozen=True, slots=True)
class HangUpCommand:
    """The call is over, for this cause (one of `port.Gone`, or the cause of a refusal). Always the last command."""

    cause: str
    number: int = 0


Command = AnswerCommand | PlayCommand | StopCommand | HangUpCommand
Json = dict[str, object]


def as_json(command: Command) -> Json:
    """A command as the page reads it: {"n": number, "do": …} and its fields."""
    match command:
        case AnswerCommand(number=number):
            return {"n": number, "do": "answer"}
        case PlayCommand(tag, sounds, secret, number):
            clips = [{"name": one.name, "url": one.url, "text": one.text, "ms": one.duration_ms} for one in sounds]
            return {"n": number, "do": "play", "tag": tag, "secret": secret, "clips": clips}
        case StopCommand(number=number):
            return {"n": number, "do": "stop"}
        case HangUpCommand(cause, number):
            return {"n": number, "do": "hang_up", "cause": cause}


@dataclass(slots=True)
class PageCall:
    """A call in progress or just over. Everything is read and written under `changed`, but for `seen_at`.

    playing        the tag of the sound the page was last told to play, None when silent
    playing_until  when, by the line's clock, its end is taken for granted
    keys           how many keys have come
    questions      how often the page has asked: only the newest question is answered
    """

    id: str
    seen_at: float
    most_commands: int
    answered: bool = False
    gone: bool = False
    ended_at: float = 0.0
    secret: bool = False
    playing: int | None = None
    playing_s: float = 0.0
    playing_until: float = 0.0
    keys: int = 0
    questions: int = 0
    told: int = 0
    commands: deque[Command] = field(default_factory=deque)
    changed: threading.Condition = field(default_factory=lambda: threading.Condition(threading.RLock()))

    def tell(self, command: Command) -> bool:
        """Number and queue a command; False when the page has left too many unread."""
        if len(self.commands) >= self.most_commands:
            return False
        self.told += 1
        self.commands.append(replace(command, number=self.told))
        self.changed.notify_all()
        return True

    def end(self, last: HangUpCommand, at: float) -> None:
        """Over: nothing is to be played any more; the last command always finds room."""
        self.gone, self.ended_at, self.playing = True, at, None
        self.told += 1
        self.commands.append(replace(last, number=self.told))
        self.changed.notify_all()

    def forget_until(self, number: int) -> None:
        """The page has these commands."""
        while self.commands and self.commands[0].number <= number:
            self.commands.popleft()
