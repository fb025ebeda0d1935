"""What is read while a clip is heard: the written form, from what the prompt store left beside the clip."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from admin.web.captions import Captions
from orders.values import Language
from speech.prompt import Prompt, prompt
from speech.prompt_store import PromptStore
from speech.wording import load_wording

WORDING = load_wording()


class Hum:
    """A voice that hums: this is about writing."""

    key = "hum"

    def say(self, text: str, language: Language, pace: str) -> np.ndarray:
        return (8000 * np.sin(np.arange(1600) / 3)).astype(np.int16)


@pytest.fixture
def store(tmp_path: Path) -> PromptStore:
    return PromptStore(tmp_path, WORDING, Hum())


@pytest.mark.parametrize(
    ("said", "language", "text"),
    [
        (prompt("line_noted", cartons=10), "zh", "10条，已记。"),
        (prompt("licence_tail_wanted"), "en", WORDING.written(prompt("licence_tail_wanted"), "en")),
        (Prompt("english_hint", language="en"), "zh", WORDING.written(prompt("english_hint"), "en")),
    ],
)
def test_a_clip_is_captioned_in_figures_and_in_its_own_language(
    store: PromptStore, said: Prompt, language: Language, text: str
) -> None:
    assert Captions(WORDING)(store.clip(said, language, "normal")) == text


@pytest.mark.parametrize("broken", [b"", b"{}", b"[1]", b'{"name": "none", "arguments": {}, "language": "zh"}', None])
def test_what_cannot_be_read_leaves_the_call_without_words(store: PromptStore, broken: bytes | None) -> None:
    clip = store.clip(prompt("welcome"), "zh", "normal")
    beside = clip.wav.with_suffix(".json")
    assert msgspec.json.decode(beside.read_bytes())["name"] == "welcome"
    if broken is None:
        beside.unlink()
    else:
        beside.write_bytes(broken)
    assert Captions(WORDING)(clip) == ""
