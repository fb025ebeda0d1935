"""Naming what is heard, frame by frame: which prompt begins, which it turns out to be, how it ends.

A prompt is followed as long as its frames match its file. Prompts may begin alike, so that several are followed until
one is left. What matches no file is an unknown sound. Pure: frames and times in, sounds out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ivr.caller.clip_index import KnownClip

FRAME_MS = 20
SURE_AFTER_FRAMES = 3
"""Fewer matching frames may be chance: quiet beginnings resemble each other."""
PAUSE_MS = 200
"""An unknown sound has ended when it was silent for so long."""


class Index(Protocol):
    """`ivr.caller.clip_index.ClipIndex`, as it is used here."""

    def is_quiet(self, frame: bytes) -> bool: ...

    def starting_with(self, frame: bytes) -> list[tuple[KnownClip, int]]: ...

    def look_again(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Began:
    """A new sound. `follows_on`: the prompt before it was heard to its last frame just before (one announcement)."""

    at_ms: int
    follows_on: bool


@dataclass(frozen=True, slots=True)
class Named:
    """The sound that began is this clip."""

    clip: KnownClip


@dataclass(frozen=True, slots=True)
class Ended:
    """The sound is over; `clip` is None when it was unknown, `whole` when the clip came to its last frame."""

    at_ms: int
    clip: KnownClip | None
    ms: int
    whole: bool


Sound = Began | Named | Ended


class Listener:
    """Follows one direction of one call's sound, in one law."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._followed: list[tuple[KnownClip, int]] = []
        self._complete: KnownClip | None = None
        self._named = False
        self._matched = 0
        self._began_ms = -1
        self._unknown_frames = 0
        self._quiet_ms = PAUSE_MS
        self._just_ended = False

    def hear(self, frame: bytes, at_ms: int) -> list[Sound]:
        """The sounds that this frame tells of; `at_ms` is when it was heard."""
        sounds: list[Sound] = []
        if self._matched:
            if self._goes_on(frame, sounds):
                return sounds
            sounds += self._end()
        sounds += self._fresh(frame, at_ms)
        return sounds

    def lose(self, frames: int) -> None:
        """So many frames were lost on the way: what is followed has gone on without us."""
        moved = [(clip, at + frames) for clip, at in self._followed if at + frames < len(clip.frames)]
        if self._followed and not moved:
            self._complete = self._followed[0][0]
        self._followed = moved

    def stop(self) -> list[Sound]:
        """Nothing more will be heard."""
        return self._end() if self._matched or self._unknown_frames else []

    def _goes_on(self, frame: bytes, sounds: list[Sound]) -> bool:
        still = [(clip, at + 1) for clip, at in self._followed if clip.frames[at : at + 1] == (frame,)]
        if not still:
            return False
        self._matched += 1
        complete = [clip for clip, at in still if at == len(clip.frames)]
        self._complete = complete[0] if complete else None
        self._followed = [(clip, at) for clip, at in still if at < len(clip.frames)]
        clips = {clip.path for clip, _ in still}
        if not self._named and (len(clips) == 1 and self._matched >= SURE_AFTER_FRAMES):
            self._named = True
            sounds.append(Named(still[0][0]))
        if not self._followed:
            sounds += self._end()
        return True

    def _fresh(self, frame: bytes, at_ms: int) -> list[Sound]:
        """A frame that continues nothing."""
        if self._index.is_quiet(frame):
            self._quiet_ms += FRAME_MS
            self._just_ended = False
            return self._end() if self._unknown_frames and self._quiet_ms >= PAUSE_MS else []
        starts = self._index.starting_with(frame)
        if not starts and not self._unknown_frames and self._index.look_again():
            starts = self._index.starting_with(frame)
        if not starts:
            return self._unknown(at_ms)
        sounds = self._end() if self._unknown_frames else []
        sounds.append(Began(at_ms, self._just_ended))
        self._begin(at_ms)
        self._followed = [(clip, at + 1) for clip, at in starts]
        self._matched = 1
        return sounds

    def _unknown(self, at_ms: int) -> list[Sound]:
        sounds: list[Sound] = []
        if not self._unknown_frames:
            sounds.append(Began(at_ms, self._just_ended))
            self._begin(at_ms)
        self._quiet_ms = 0
        self._unknown_frames += 1
        return sounds

    def _begin(self, at_ms: int) -> None:
        self._began_ms = at_ms
        self._named = False
        self._complete = None
        self._quiet_ms = 0
        self._just_ended = False

    def _end(self) -> list[Sound]:
        if self._unknown_frames:
            ms, self._unknown_frames = self._unknown_frames * FRAME_MS, 0
            return [Ended(self._began_ms, None, ms, whole=False)]
        clip = self._complete or (self._followed[0][0] if self._followed else None)
        whole, self._just_ended = self._complete is not None, self._complete is not None
        sounds: list[Sound] = []
        sure = self._named or whole or self._matched >= SURE_AFTER_FRAMES
        if sure and clip is not None and not self._named:
            sounds.append(Named(clip))
        sounds.append(Ended(self._began_ms, clip if sure else None, self._matched * FRAME_MS, whole))
        self._followed, self._complete, self._matched = [], None, 0
        return sounds
