"""The few operations a drop folder needs, each durable when it returns. A class, so that tests can let any one fail."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class Disk:
    """Plain files. Every method raises OSError."""

    def make(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, path: Path, data: bytes) -> None:
        """The whole file or the one before, also after a power cut."""
        half = path.with_name(f".{path.name}.half")
        with half.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
        self._settle(path.parent)

    def link(self, path: Path, name: Path) -> None:
        """The same file under a second name; FileExistsError when that is taken."""
        os.link(path, name)
        self._settle(name.parent)

    def move(self, path: Path, name: Path) -> None:
        """From one folder to another in one step."""
        path.replace(name)
        self._settle(name.parent)
        self._settle(path.parent)

    def read(self, path: Path) -> bytes | None:
        """The content, None when there is no such file."""
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None

    def list(self, folder: Path) -> list[Path]:
        """The finished files of a folder by name; [] when there is no such folder."""
        if not folder.is_dir():
            return []
        return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))

    @contextlib.contextmanager
    def alone(self, folder: Path) -> Iterator[None]:
        """One at a time in this folder, on whatever process of this machine."""
        with (folder / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _settle(self, folder: Path) -> None:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
