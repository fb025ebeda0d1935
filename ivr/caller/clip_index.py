"""The prompts' files, found by how they begin: what turns heard frames back into names.

Lines send prompts as ready bytes, so a heard frame equals a frame of the file, byte for byte. Each clip is indexed by
its first sounding frames only; the rest is read when it is being heard. New files are found while a call goes on.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from speech.g711 import FRAME_BYTES, decode_alaw, decode_ulaw

SUFFIXES = {"ulaw": ".ul", "alaw": ".al"}
INDEXED_FRAMES = 8
"""A start is found even when the first packets of a prompt are lost."""
_LOOKED_AT = 25 * FRAME_BYTES
_QUIET = 32
"""Samples up to this (of 32768) are silence, as after a pause that was coded and decoded."""


@dataclass(eq=False)
class KnownClip:
    """One prompt's file in one law."""

    path: Path
    _about: dict[str, Any] | None = field(default=None, repr=False)

    @cached_property
    def frames(self) -> tuple[bytes, ...]:
        """Its 20 ms frames; () when the file has gone."""
        try:
            data = self.path.read_bytes()
        except OSError:
            return ()
        return tuple(data[at : at + FRAME_BYTES] for at in range(0, len(data), FRAME_BYTES))

    @property
    def about(self) -> dict[str, Any]:
        """What stands beside it: name, arguments, language, text. Without that, its key is its name."""
        if self._about is None:
            try:
                told = json.loads(self.path.with_suffix(".json").read_bytes())
                self._about = told if isinstance(told, dict) and isinstance(told.get("name"), str) else {}
            except (OSError, ValueError):
                self._about = {}
            self._about.setdefault("name", f"clip-{self.path.stem[:8]}")
        return self._about


class ClipIndex:
    """All clips of one law below a folder. Cheap to build: reads half a second of each clip."""

    def __init__(self, folder: Path | None, law: str) -> None:
        self._folder = folder
        self._suffix = SUFFIXES[law]
        self._quiet = quiet_bytes(law)
        self._known: set[str] = set()
        self._changed: dict[str, int] = {}
        self._starts: dict[bytes, list[tuple[KnownClip, int]]] = {}
        self.look_again()

    def is_quiet(self, frame: bytes) -> bool:
        """Whether nothing can be heard in it."""
        return not frame.translate(None, self._quiet)

    def starting_with(self, frame: bytes) -> list[tuple[KnownClip, int]]:
        """Clips among whose first sounding frames this one is, and its position in each."""
        return self._starts.get(frame, [])

    def look_again(self) -> bool:
        """Take in files that have come since; True when there were any."""
        if self._folder is None:
            return False
        before = len(self._known)
        for folder in (self._folder, *_folders_in(self._folder)):
            try:
                changed = folder.stat().st_mtime_ns
                if self._changed.get(str(folder)) == changed:
                    continue
                names = os.listdir(folder)
            except OSError:
                continue
            self._changed[str(folder)] = changed
            for name in names:
                if name.endswith(self._suffix) and not name.startswith("."):
                    self._take_in(folder / name)
        return len(self._known) > before

    def _take_in(self, path: Path) -> None:
        if str(path) in self._known:
            return
        try:
            with path.open("rb") as file:
                data = file.read(_LOOKED_AT)
        except OSError:
            return
        self._known.add(str(path))
        clip = KnownClip(path)
        found = 0
        for at in range(0, len(data) - FRAME_BYTES + 1, FRAME_BYTES):
            frame = data[at : at + FRAME_BYTES]
            if self.is_quiet(frame):
                continue
            self._starts.setdefault(frame, []).append((clip, at // FRAME_BYTES))
            found += 1
            if found == INDEXED_FRAMES:
                return


class ClipIndexes:
    """The indexes of one folder, one a law, made when first wanted. Many calls may share them: it is read but once."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._by_law: dict[str, ClipIndex] = {}

    def of(self, law: str) -> ClipIndex:
        index = self._by_law.get(law)
        if index is None:
            index = self._by_law[law] = ClipIndex(self._folder, law)
        return index


def _folders_in(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir()]
    except OSError:
        return []


def quiet_bytes(law: str) -> bytes:
    """The G.711 bytes of samples that can't be heard."""
    values = (decode_ulaw if law == "ulaw" else decode_alaw)(bytes(range(256)))
    return bytes(byte for byte in range(256) if abs(int(values[byte])) <= _QUIET)
