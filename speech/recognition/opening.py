"""Which engine a process hears with, from the configuration: opened once, shared by all calls."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orders.values import Language
from speech.recognition.keypad_only import KeypadEngine
from speech.recognition.port import Engine

EngineName = Literal["vosk", "transducer", "keypad"]


@dataclass(frozen=True, slots=True)
class RecognitionSettings:
    """`model` is the model's folder; the keypad engine needs none. `language` is what the model speaks."""

    engine: EngineName
    model: Path
    language: Language = "zh"


def open_engine(settings: RecognitionSettings) -> Engine:
    """Raises RecognitionMissing with what to do; the caller goes on with `KeypadEngine` and says so."""
    match settings.engine:
        case "transducer":
            # Imported where it is wanted: its libraries are an optional extra.
            from speech.recognition.transducer.engine import TransducerEngine  # noqa: PLC0415

            return TransducerEngine(settings.model)
        case "vosk":
            from speech.recognition.vosk.engine import VoskEngine  # noqa: PLC0415

            return VoskEngine(settings.model, settings.language)
        case "keypad":
            return KeypadEngine()
