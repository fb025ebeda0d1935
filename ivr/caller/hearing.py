"""The caller's ear: frames become named prompts with their times, and the script learns when a new one begins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ivr.caller.clip_index import ClipIndexes, KnownClip
from ivr.caller.listening import Began, Ended, Listener, Named, Sound
from ivr.caller.plan import HeardPrompt, Moment
from speech.prompt import Prompt
from speech.wording import Wording, WordingError, load_wording

SHORTEST_UNKNOWN_MS = 100
"""A click is not worth a line of the transcript."""
OLD_ANNOUNCEMENT_MS = 200
"""For so long after a key the line may still send the next prompt of the announcement that the key interrupts."""


class Hearing:
    """All that is heard in one call. On the event loop of the call."""

    def __init__(self, indexes: ClipIndexes, on_moment: Callable[[Moment], None]) -> None:
        self._indexes = indexes
        self._tell = on_moment
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()
        self._listeners: dict[str, Listener] = {}
        self._current: Listener | None = None
        self._heard: list[HeardPrompt] = []
        self._last_name = ""
        self._new_since: float | None = None
        self._keys_at = -1.0
        self._news = asyncio.Event()
        self._wording: Wording | None = None

    def start(self) -> None:
        """The call was answered now."""
        self._start = self._loop.time()

    def now_ms(self) -> int:
        return int((self._loop.time() - self._start) * 1000)

    def take(self, law: str, frame: bytes, lost: int) -> None:
        """A frame came, after so many lost ones."""
        listener = self._listeners.get(law)
        if listener is None:
            listener = self._listeners[law] = Listener(self._indexes.of(law))
        if self._current is not listener and self._current is not None:
            self._note(self._current.stop())
        self._current = listener
        if lost:
            listener.lose(lost)
        self._note(listener.hear(frame, self.now_ms()))

    def finish(self) -> tuple[HeardPrompt, ...]:
        """Nothing more is heard; all that was."""
        if self._current is not None:
            self._note(self._current.stop())
            self._current = None
        return tuple(self._heard)

    # -- what the script wants to know

    async def wait_for_new(self, patience_s: float) -> bool:
        """Whether a prompt has begun since the last keys, within so long."""
        if self._new_since is None:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), patience_s)
            except TimeoutError:
                return False
        return True

    def since_new_s(self) -> float:
        """How long the new prompt has been heard."""
        return self._loop.time() - self._new_since if self._new_since is not None else 0.0

    def keys_begin(self) -> None:
        """Keys are being pressed: only what begins from now on is new."""
        self._new_since = None
        self._keys_at = self._loop.time()

    def masked(self, keys: str) -> str:
        """Keys as they may be shown: the digits of a PIN are dots."""
        if not self._last_name.startswith("pin_"):
            return keys
        return "".join("•" if key.isdigit() else key for key in keys)

    # -- sounds

    def _note(self, sounds: list[Sound]) -> None:
        for sound in sounds:
            match sound:
                case Began(_, follows_on):
                    self._began(follows_on)
                case Named(clip):
                    self._named(clip)
                case Ended(at_ms, clip, ms, whole):
                    self._ended(at_ms, clip, ms, whole)

    def _began(self, follows_on: bool) -> None:
        now = self._loop.time()
        if follows_on and 0 <= now - self._keys_at < OLD_ANNOUNCEMENT_MS / 1000:
            return
        if self._new_since is None:
            self._new_since = now
            self._news.set()

    def _named(self, clip: KnownClip) -> None:
        """Told as soon as it is known, so that the transcript shows the question before its answer."""
        self._last_name = str(clip.about["name"])
        self._tell(Moment(self.now_ms(), "HEARD", f"{self._last_name}  {self._text(clip)}".strip()))

    def _ended(self, at_ms: int, clip: KnownClip | None, ms: int, whole: bool) -> None:
        if clip is not None:
            arguments = tuple(sorted(_arguments(clip).items()))
            language = str(clip.about.get("language", ""))
            heard = HeardPrompt(at_ms, str(clip.about["name"]), arguments, language, self._text(clip), ms, whole)
            self._heard.append(heard)
        elif ms >= SHORTEST_UNKNOWN_MS:
            self._heard.append(HeardPrompt(at_ms, "", (), "", "", ms, whole))
            self._tell(Moment(at_ms, "HEARD", f"unknown sound {ms / 1000:.1f} s"))

    def _text(self, clip: KnownClip) -> str:
        """The wording with digits, as a screen shows it; else the words as they were spoken."""
        language = clip.about.get("language")
        if language in ("zh", "en"):
            try:
                self._wording = self._wording or load_wording()
                prompt = Prompt(str(clip.about["name"]), tuple(sorted(_arguments(clip).items())))
                return self._wording.written(prompt, language)
            except WordingError:
                pass  # rendered from other wording files than ours
        return str(clip.about.get("text", ""))


def _arguments(clip: KnownClip) -> dict[str, str | int]:
    given = clip.about.get("arguments")
    if not isinstance(given, dict):
        return {}
    return {str(name): value for name, value in given.items() if isinstance(value, str | int)}
