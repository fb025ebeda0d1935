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

_RETRIEVAL_OUTPUT, _RATE, _CHARS_UTF8 = 2, 1, 1
_VOICES: dict[Language, bytes] = {"zh": b"cmn-latn-pinyin", "en": b"en-us"}
_WORDS_A_MINUTE: dict[Pace, int] = {"normal": 185, "slow": 140}
# Characters of two readings that the engine takes wrongly, written with ones that sound as meant.
_AS_SPOKEN = {"重听": "虫听", "重新": "虫新", "还可以": "孩可以", "还没有": "孩没有", "几行": "几杭", "行，": "杭，"}
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class EspeakVoice:
    """Implements `port.Voice`. All of them share the process's one engine, which starts at the first word."""

    key = "espeak-ng-2"

    def say(self, text: str, language: Language, pace: Pace) -> Samples:
        samples, rate = _engine().speak(_read_as(text, language), language, pace)
        if not len(samples):
            raise VoiceMissing(f"the synthetic voice says nothing for {text!r}: record this prompt or reword it")
        return np.asarray(soxr.resample(samples, rate, 8000, quality="HQ"), dtype=np.int16)

    def phonemes(self, text: str, language: Language) -> str:
        """How the engine reads the text, in IPA: what tests hold Mandarin against."""
        return _engine().phonemes(_read_as(text, language), language)


class _Engine:
    """The library with its global state: never started twice in a process, never used by two threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: list[Samples] = []
        self._library, self._rate = _start()
        # The library keeps only the address: this object must live as long as the process.
        self._callback = _Callback(self._collect)
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, text: str, language: Language, pace: Pace) -> tuple[Samples, int]:
        with self._lock:
            self._choose(language)
            self._library.espeak_SetParameter(_RATE, _WORDS_A_MINUTE[pace], 0)
            self._heard.clear()
            data = text.encode()
            self._library.espeak_Synth(data, len(data) + 1, 0, 0, 0, _CHARS_UTF8, None, None)
            self._library.espeak_Synchronize()
            return (np.concatenate(self._heard) if self._heard else np.zeros(0, np.int16)), self._rate

    def phonemes(self, text: str, language: Language) -> str:
        with self._lock:
            self._choose(language)
            data = ctypes.c_char_p(text.encode())
            self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
            parts = []
            while data.value:
                parts.append(self._library.espeak_TextToPhonemes(ctypes.byref(data), _CHARS_UTF8, 2) or b"")
            return b" ".join(parts).decode()

    def _choose(self, language: Language) -> None:
        if self._library.espeak_SetVoiceByName(_VOICES[language]) != 0:
            raise VoiceMissing(f"espeak-ng has no voice for {language}")

    def _collect(self, samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            self._heard.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0


_starting = threading.Lock()
_started: list[_Engine] = []


def _engine() -> _Engine:
    """The process's engine. Raises VoiceMissing."""
    with _starting:
        if not _started:
            _started.append(_Engine())
        return _started[0]


def _start() -> tuple[Any, int]:
    try:
        import espeakng_loader  # noqa: PLC0415 (GPLv3: loaded only where a synthetic voice is really wanted)

        library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
    except (ImportError, OSError) as error:
        raise VoiceMissing("the synthetic voice is not installed: pip install espeakng-loader") from error
    rate = int(library.espeak_Initialize(_RETRIEVAL_OUTPUT, 0, data, 0))
    if rate <= 0:
        raise VoiceMissing(f"espeak-ng does not start with {data.decode()}: install espeakng-loader anew")
    return library, rate


def _read_as(text: str, language: Language) -> str:
    return _as_spoken(text) if language == "zh" else text


def _as_spoken(text: str) -> str:
    for written, spoken in _AS_SPOKEN.items():
        text = text.replace(written, spoken)
    return text
