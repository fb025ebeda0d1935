"""What a person reads while a clip is heard: the written form (digits, not words) of the prompt it was made from.

The prompt store leaves beside each clip what it says (name, arguments, language); the wording turns that into writing.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

import msgspec
import structlog
from msgspec import Struct

from speech.prompt import Argument, Clip, Prompt
from speech.wording import Wording, WordingError

log = structlog.get_logger(__name__)

MOST_KNOWN = 5000


class _About(Struct):
    name: str
    arguments: dict[str, Argument]
    language: Literal["zh", "en"]


class Captions:
    """Call it with a clip: the text to show, or "" when what lies beside the clip can't be read."""

    def __init__(self, wording: Wording) -> None:
        self._wording = wording
        self._written = lru_cache(MOST_KNOWN)(self._read)

    def __call__(self, clip: Clip) -> str:
        return self._written(clip.key, clip.wav.with_suffix(".json"))

    def _read(self, key: str, path: Path) -> str:
        try:
            about = msgspec.json.decode(path.read_bytes(), type=_About)
            said = Prompt(about.name, tuple(sorted(about.arguments.items())))
            return self._wording.written(said, about.language)
        except (OSError, msgspec.DecodeError, WordingError) as error:
            # The call goes on: the page shows the prompt's name in its place.
            log.warning("caption_not_read", clip=key, reason=str(error))
            return ""
