"""The prompts' folder is kept small: what was said long ago goes, what everybody hears stays."""

from __future__ import annotations

import os
import time
from pathlib import Path

from speech.prompt import prompt
from speech.prompt_store import PromptStore
from speech.voices.espeak import EspeakVoice
from speech.wording import Wording


def test_sweeping_keeps_the_folder_small_and_the_common_prompts(tmp_path: Path, wording: Wording) -> None:
    store = PromptStore(tmp_path, wording, EspeakVoice())
    common = store.clip(prompt("main_menu"), "zh", "normal")
    said = [store.clip(prompt("order_accepted", tail=f"{number:04d}"), "zh", "normal") for number in range(6)]
    long_ago = time.time() - 90_000
    for clip in (common, *said):
        os.utime(tmp_path / clip.key[:2] / f"{clip.key}.json", (long_ago, long_ago))
    assert store.sweep(0, time.time()) == 0, "what this process has in mind stays"
    other = PromptStore(tmp_path, wording, EspeakVoice())
    kept = other.clip(prompt("order_accepted", tail="0003"), "zh", "normal")
    half = sum(path.stat().st_size for path in tmp_path.glob("*/*")) // 2
    removed = other.sweep(half, time.time())
    assert 0 < removed < 5
    assert other.sweep(0, time.time()) == 5 - removed
    assert {path.stem for path in tmp_path.glob("*/*")} == {common.key, kept.key}
    assert not store.file(said[0].key)
    again = PromptStore(tmp_path, wording, EspeakVoice()).clip(prompt("order_accepted", tail="0000"), "zh", "normal")
    assert again.ulaw.stat().st_size > 0
