"""The synthetic voice: espeak-ng by ctypes, from the wheel that carries its library and data.

A filler until prompts are recorded: clear, quick (7 ms for 6 s) and robotic. espeak-ng is GPLv3 and is loaded only at
run time. Its engine is one per process, so that one thread speaks at a time.
"""

from __future__ import annotations

import ctypes
import threading
from typing import Any

import numpy as np
import soxr

from orders.values import Language
from speech.g711 import Samples
from speech.voices.port import Pace, VoiceMissing

_RETRIEVAL, _RATE, _CHARS_UTF8 = 1, 1, 1
_VOICES: dict[Language, bytes] = {"zh": b"cmn-latn-pinyin", "en": b"en-us"}
_WORDS_A_MINUTE: dict[Pace, int] = {"normal": 185, "slow": 140}
# Characters of two readings that the engine takes wrongly, written with ones that sound as meant.
_AS_SPOKEN = {"重听": "虫听", "重新": "虫新", "还可以": "孩可以", "还没有": "孩没有", "几行": "几杭", "行，": "杭，"}
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class EspeakVoice:
    """Implements `port.Voice`. The engine starts at the first word."""

    key = "espeak-ng-2"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._engine: Any = None
        self._rate = 0
        self._heard: list[Samples] = []
        self._callback = _Callback(self._collect)

    def say(self, text: str, language: Language, pace: Pace) -> Samples:
        with self._lock:
            if self._engine is None:
                self._start()
            samples = self._speak(_as_spoken(text) if language == "zh" else text, language, pace)
            rate = self._rate
        if not len(samples):
            raise VoiceMissing(
                f"the synthetic voice says nothing for {text!r}; record this prompt or change its wording"
            )
        return np.asarray(soxr.resample(samples, rate, 8000, quality="HQ"), dtype=np.int16)

    def phonemes(self, text: str, language: Language) -> str:
        """How the engine reads the text, in IPA: what tests hold Mandarin against."""
        with self._lock:
            if self._engine is None:
                self._start()
            self._engine.espeak_SetVoiceByName(_VOICES[language])
            data = ctypes.c_char_p((_as_spoken(text) if language == "zh" else text).encode())
            self._engine.espeak_TextToPhonemes.restype = ctypes.c_char_p
            parts = []
            while data.value:
                parts.append(self._engine.espeak_TextToPhonemes(ctypes.byref(data), _CHARS_UTF8, 2) or b"")
            return b" ".join(parts).decode()

    def _start(self) -> None:
        try:
            import espeakng_loader  # noqa: PLC0415 (GPLv3: loaded only where a synthetic voice is really wanted)

            engine = ctypes.CDLL(espeakng_loader.get_library_path())
            data = espeakng_loader.get_data_path().encode()
        except (ImportError, OSError) as error:
            raise VoiceMissing(
                "the synthetic voice is not installed: pip install espeakng-loader, or record all prompts"
            ) from error
        self._rate = engine.espeak_Initialize(2, 0, data, 0)
        if self._rate <= 0:
            raise VoiceMissing(
                f"espeak-ng does not start with its data in {data.decode()}: install espeakng-loader anew"
            )
        engine.espeak_SetSynthCallback(self._callback)
        self._engine = engine

    def _speak(self, text: str, language: Language, pace: Pace) -> Samples:
        if self._engine.espeak_SetVoiceByName(_VOICES[language]) != 0:
            raise VoiceMissing(f"espeak-ng has no voice for {language}")
        self._engine.espeak_SetParameter(_RATE, _WORDS_A_MINUTE[pace], 0)
        self._heard.clear()
        data = text.encode()
        self._engine.espeak_Synth(data, len(data) + 1, 0, 0, 0, _CHARS_UTF8, None, None)
        self._engine.espeak_Synchronize()
        return np.concatenate(self._heard) if self._heard else np.zeros(0, np.int16)

    def _collect(self, samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            self._heard.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0


def _as_spoken(text: str) -> str:
    for written, spoken in _AS_SPOKEN.items():
        text = text.replace(written, spoken)
    return text
