"""Prompts as ready audio: rendered once, kept by content, found again by every process that shares the folder.

A clip's key is the hash of all that changes its sound (voice or recording, language, pace, words). Files appear whole
or not at all; a damaged one is rendered again. Recorded prompts win over the synthetic voice.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import threading
import wave
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path

from orders.values import Language
from speech.g711 import FRAME_BYTES, Samples, encode_alaw, encode_ulaw
from speech.prompt import Clip, Prompt
from speech.sound import RATE, telephone
from speech.voices.port import Pace, Voice, VoiceMissing
from speech.voices.recorded import Recording, recording_of
from speech.wording import Wording

SUFFIXES = (".ul", ".al", ".wav", ".json")
MOST_IN_MEMORY = 5000
SPARED_S = 3600.0
"""Who asked for a clip may still be about to play it; nobody takes so long."""


class PromptStore:
    """The prompts' audio under one folder. Safe from any thread; the same clip is rendered once at a time."""

    def __init__(self, folder: Path, wording: Wording, voice: Voice, recordings: Path | None = None) -> None:
        self._folder = folder
        self._wording = wording
        self._voice = voice
        self._recordings = recordings
        self._known: dict[tuple[Prompt, Language, Pace], Clip] = {}
        self._rendering: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def clip(self, prompt: Prompt, language: Language, pace: Pace) -> Clip:
        """The audio of a prompt, rendered now if it never was.

        Raises WordingError, VoiceMissing, BadRecording, OSError (disk full, folder not writable).
        """
        asked = (prompt, language, pace)
        if (known := self._known.get(asked)) is not None:
            return known
        text = self._wording.spoken(prompt, language)
        spoken_in: Language = prompt.language or language
        recording = recording_of(self._recordings, prompt.name, spoken_in) if not prompt.arguments else None
        key = _key(recording.key if recording else self._voice.key, spoken_in, pace, text)
        with self._one_at_a_time(key):
            if not self._whole(key):
                self._render(key, prompt, spoken_in, pace, text, recording)
            else:
                # Its time of last use, for `sweep`.
                os.utime(self._path(key, ".json"))
        clip = self._clip_of(key, prompt.name)
        with self._lock:
            if len(self._known) >= MOST_IN_MEMORY:
                self._known.clear()
            self._known[asked] = clip
        return clip

    def warm(
        self, wanted: Iterable[tuple[Prompt, Language, Pace]], progress: Callable[[Prompt], None] = lambda _: None
    ) -> int:
        """Render what is missing; returns how many clips there are. Raises what `clip` raises."""
        count = 0
        for prompt, language, pace in wanted:
            self.clip(prompt, language, pace)
            progress(prompt)
            count += 1
        return count

    def file(self, key: str, suffix: str = ".wav") -> Path | None:
        """The file of a clip by its key, for a web server; None for a key that is none."""
        if suffix not in SUFFIXES or len(key) != 32 or not all(character in "0123456789abcdef" for character in key):
            return None
        path = self._path(key, suffix)
        return path if path.is_file() else None

    def sweep(self, most_bytes: int, now: float) -> int:
        """Remove clips of prompts with values (totals, order numbers), longest unused first, until the folder is small
        enough; returns how many. What this process has in mind or touched within the hour stays, whatever its size.

        Raises OSError when the folder can't be read.
        """
        with self._lock:
            in_mind = {clip.key for clip in self._known.values()}
        clips = [(path.stat().st_mtime, path.stem) for path in self._folder.glob("*/*.json")]
        sizes = {key: sum(file.stat().st_size for file in self._files(key)) for _, key in clips}
        excess, removed = sum(sizes.values()) - most_bytes, 0
        for used, key in sorted(clips):
            if excess <= 0 or used > now - SPARED_S:
                break
            if key not in in_mind and self._has_values(key):
                for file in self._files(key):
                    file.unlink(missing_ok=True)
                excess, removed = excess - sizes[key], removed + 1
        return removed

    def _files(self, key: str) -> list[Path]:
        # The description last: while it is there, a sweep that was broken off finds the rest.
        paths = (self._path(key, suffix) for suffix in (".ul", ".al", ".wav", ".json"))
        return [path for path in paths if path.is_file()]

    def _has_values(self, key: str) -> bool:
        try:
            return bool(json.loads(self._path(key, ".json").read_text("utf-8"))["arguments"])
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def check(self) -> None:
        """Whether the voice can speak here and the folder be written. Raises VoiceMissing, OSError."""
        self._voice.say("一二三", "zh", "normal")
        self._folder.mkdir(parents=True, exist_ok=True)
        probe = self._folder / f".probe-{secrets.token_hex(4)}"
        probe.write_bytes(b"x")
        probe.unlink()

    def _one_at_a_time(self, key: str) -> threading.Lock:
        with self._lock:
            if len(self._rendering) > MOST_IN_MEMORY:
                self._rendering.clear()
            return self._rendering.setdefault(key, threading.Lock())

    def _path(self, key: str, suffix: str) -> Path:
        return self._folder / key[:2] / f"{key}{suffix}"

    def _whole(self, key: str) -> bool:
        """Both laws there, of the same whole frames: a power cut leaves empty files, a full disk short ones."""
        try:
            sizes = {self._path(key, suffix).stat().st_size for suffix in (".ul", ".al")}
            wav = self._path(key, ".wav").stat().st_size
        except OSError:
            return False
        size = sizes.pop()
        return not sizes and size > 0 and size % FRAME_BYTES == 0 and wav >= 2 * size

    def _render(
        self, key: str, prompt: Prompt, language: Language, pace: Pace, text: str, recording: Recording | None
    ) -> None:
        samples = recording.samples if recording else self._voice.say(text, language, pace)
        try:
            samples = telephone(samples)
        except ValueError as error:
            raise VoiceMissing(f"prompt {prompt.name} can't be said: {error}") from error
        about = {"name": prompt.name, "arguments": dict(prompt.arguments), "language": language, "text": text}
        self._path(key, "").parent.mkdir(parents=True, exist_ok=True)
        self._write(key, ".json", json.dumps(about, ensure_ascii=False).encode())
        self._write(key, ".wav", _wav(samples))
        self._write(key, ".al", encode_alaw(samples))
        self._write(key, ".ul", encode_ulaw(samples))

    def _write(self, key: str, suffix: str, data: bytes) -> None:
        path = self._path(key, suffix)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            temporary.write_bytes(data)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    def _clip_of(self, key: str, name: str) -> Clip:
        ulaw = self._path(key, ".ul")
        duration_ms = ulaw.stat().st_size * 1000 // RATE
        return Clip(key, name, ulaw, self._path(key, ".al"), self._path(key, ".wav"), duration_ms)


def _key(voice: str, language: Language, pace: Pace, text: str) -> str:
    return hashlib.sha256("\0".join((voice, language, pace, text)).encode()).hexdigest()[:32]


def _wav(samples: Samples) -> bytes:
    buffer = BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return buffer.getvalue()
