"""A scripted conversation for the browser phone: greets, asks for a PIN, takes an order's quantity, says good-bye.

Stands where the exchange stands. It holds what the line reported, in order, so that tests can say what must be there.
"""

from __future__ import annotations

import math
import struct
import threading
import wave
from collections.abc import Callable
from pathlib import Path

from ivr.lines.browser import BrowserLine
from ivr.lines.browser_terms import BrowserSettings
from ivr.lines.port import Arrived, Gone, Key, LineEvent, PlayEnded
from speech.prompt import Clip

TEXTS = {
    "welcome": "您好，烟草订货热线。",
    "shop_choice": "阳光便利店请按1。",
    "pin_wanted": "请输入密码，按井号。",
    "main_menu": "订货按1，查订单按2，查货源按3，应急和投诉按4，人工按0。",
    "quantity_wanted": "白沙尚品蓝，几条？",
    "order_placed": "订单已收，尾号0372。",
    "goodbye": "Thank you for your order. Goodbye.",
}


def write_clip(folder: Path, name: str, ms: int, hertz: float) -> Clip:
    """A real WAV of a tone, 16 bits at 8 kHz, under the key `clip-<name>`."""
    path = folder / f"clip-{name}.wav"
    frames = [int(6000 * math.sin(2 * math.pi * hertz * at / 8000)) for at in range(ms * 8)]
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(struct.pack(f"<{len(frames)}h", *frames))
    return Clip(f"clip-{name}", name, path, path, path, ms)


class Conversation:
    """A dialogue of four steps: shop (1), PIN (1234#), menu (1), quantity (any digits and #)."""

    def __init__(self, folder: Path, ms: int = 400) -> None:
        self.clips = {name: write_clip(folder, name, ms, 300 + 60 * at) for at, name in enumerate(TEXTS)}
        self.line: BrowserLine | None = None
        self.heard: list[tuple[str, LineEvent]] = []
        self.changed = threading.Condition()
        self._entries: dict[str, str] = {}
        self._stages: dict[str, str] = {}
        self._tags: dict[str, int] = {}
        self._folder = folder

    def open_line(self, settings: BrowserSettings | None = None) -> BrowserLine:
        self.line = BrowserLine(settings or BrowserSettings(), self.report, written=lambda clip: TEXTS[clip.name])
        return self.line

    def clip_file(self, key: str) -> Path | None:
        return next((clip.wav for clip in self.clips.values() if clip.key == key), None)

    def wait_for(self, wanted: Callable[[list[LineEvent]], bool], seconds: float = 10) -> list[LineEvent]:
        """Everything reported, once it is as wanted; fails after this many seconds."""
        with self.changed:
            assert self.changed.wait_for(lambda: wanted([event for _, event in self.heard]), timeout=seconds), (
                self.heard
            )
            return [event for _, event in self.heard]

    def report(self, call: str, event: LineEvent) -> None:
        with self.changed:
            self.heard.append((call, event))
            self.changed.notify_all()
        assert self.line is not None
        match event:
            case Arrived():
                self.line.answer(call)
                self._go(call, "shop", "welcome", "shop_choice")
            case Key(key):
                self._entered(call, key)
            case PlayEnded() if self._stages[call] == "over":
                self.line.hang_up(call)
            case Gone():
                self._stages.pop(call, None)

    def _go(self, call: str, stage: str, *names: str) -> None:
        assert self.line is not None
        self._stages[call], self._entries[call] = stage, ""
        self._tags[call] = self._tags.get(call, 0) + 1
        self.line.play(call, [self.clips[name] for name in names], self._tags[call])

    def _entered(self, call: str, key: str) -> None:
        entry = self._entries[call] = self._entries[call] + key
        match self._stages[call], entry:
            case "shop", "1":
                self._go(call, "pin", "pin_wanted")
            case "pin", "1234#":
                self._go(call, "menu", "main_menu")
            case "menu", "1":
                self._go(call, "quantity", "quantity_wanted")
            case "quantity", _ if key == "#":
                self._go(call, "over", "order_placed", "goodbye")
