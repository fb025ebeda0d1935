"""The three networks of a streaming zipformer transducer (ONNX), loaded once a process and shared by all listenings.

Works on any export with the usual names (encoder-*.onnx, decoder-*.onnx, joiner-*.onnx, tokens.txt); sizes are read
from the files. A listening keeps its own `EncoderState`; sessions of onnxruntime may be run by many threads.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech.recognition.port import RecognitionMissing
from speech.recognition.transducer.features import BANDS, Frames, silence

BLANK = 0
Context = tuple[int, int]
"""The last two tokens, older first: all that the label decoder looks at."""
NO_CONTEXT: Context = (-1, BLANK)
_SILENT_CHUNKS = 2
Vectors = NDArray[np.float32]


@dataclass(slots=True)
class EncoderState:
    """What the encoder keeps of one stream between chunks."""

    tensors: dict[str, NDArray[Any]]


class TransducerModel:
    """Raises RecognitionMissing, with what to do, when the folder does not hold a model that runs here."""

    def __init__(self, folder: Path) -> None:
        self._encoder, self._decoder, self._joiner = (_session(folder, part) for part in _PARTS)
        self.tokens = _read_tokens(folder / "tokens.txt")
        first, *self._state_inputs = self._encoder.get_inputs()
        if list(first.shape[-1:]) != [BANDS]:
            raise RecognitionMissing(
                f"{folder}: the encoder wants {first.shape}, not {BANDS} mel bands; use another model"
            )
        self._outputs = [output.name for output in self._encoder.get_outputs()]
        self.window = int(first.shape[1])
        """Frames of 10 ms that one chunk looks at."""
        self.shift = int(self._encoder.get_modelmeta().custom_metadata_map["decode_chunk_len"])
        """Frames by which the next chunk is further on."""
        self._decoded: dict[Context, Vectors] = {}
        self._decoding = threading.Lock()
        self._fresh, self._settled = self._empty(), self._after_silence()

    def begin(self, *, settled: bool) -> EncoderState:
        """A stream. `settled`: it has heard silence for a while, without which the first syllable is heard badly.

        That state is made once and serves every stream: silence costs nothing in a call.
        """
        return EncoderState(dict((self._settled if settled else self._fresh).tensors))

    def _after_silence(self) -> EncoderState:
        state = self._empty()
        for _ in range(_SILENT_CHUNKS):
            self.encode(state, silence(self.window))
        return state

    def _empty(self) -> EncoderState:
        return EncoderState(
            {
                tensor.name: np.zeros(tensor.shape, np.int64 if "int64" in tensor.type else np.float32)
                for tensor in self._state_inputs
            }
        )

    def encode(self, state: EncoderState, chunk: Frames) -> Vectors:
        """One chunk of `window` frames to acoustic vectors, one every 40 ms; moves `state` on."""
        result = self._encoder.run(self._outputs, {"x": chunk[None], **state.tensors})
        state.tensors = dict(zip((tensor.name for tensor in self._state_inputs), result[1:], strict=True))
        vectors: Vectors = result[0][0]
        return vectors

    def label_vectors(self, contexts: list[Context]) -> Vectors:
        """One row a context; remembered, for there are few and they come again in every call."""
        with self._decoding:
            new = [context for context in dict.fromkeys(contexts) if context not in self._decoded]
            if new:
                rows = self._decoder.run(None, {"y": np.array(new, np.int64)})[0]
                self._decoded.update(zip(new, rows, strict=True))
            return np.stack([self._decoded[context] for context in contexts])

    def log_probabilities(self, acoustic: Vectors, labels: Vectors, blank_penalty: float) -> Vectors:
        """Every acoustic vector with every label vector: shape (time, contexts, tokens), natural logarithms."""
        times, contexts = len(acoustic), len(labels)
        logits = self._joiner.run(
            None,
            {"encoder_out": np.repeat(acoustic, contexts, axis=0), "decoder_out": np.tile(labels, (times, 1))},
        )[0]
        logits[:, BLANK] -= blank_penalty
        logits -= logits.max(axis=1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        result: Vectors = logits.reshape(times, contexts, -1)
        return result


_PARTS = ("encoder", "decoder", "joiner")


def model_folder(configured: Path) -> Path:
    """The configured folder, or the one folder in it that holds a model. Raises RecognitionMissing."""
    found = [folder for folder in (configured, *sorted(configured.glob("*/"))) if _looks_like_model(folder)]
    if not found:
        raise RecognitionMissing(
            f"{configured} holds no transducer model (tokens.txt, encoder-*.onnx, decoder-*.onnx, joiner-*.onnx): "
            "unpack one there, or configure its folder"
        )
    return found[0]


def _looks_like_model(folder: Path) -> bool:
    return (folder / "tokens.txt").is_file() and all(any(folder.glob(f"{part}*.onnx")) for part in _PARTS)


def _session(folder: Path, part: str) -> Any:
    try:
        import onnxruntime  # noqa: PLC0415 (an optional extra: keys work without it)
    except ImportError as error:
        raise RecognitionMissing("onnxruntime is not installed: pip install 'orderline[speech]'") from error
    options = onnxruntime.SessionOptions()
    # One thread a chunk: many calls share the cores, and each chunk is a few milliseconds.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    file = sorted(folder.glob(f"{part}*.onnx"))[0]
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes share no better ancestor
        raise RecognitionMissing(f"{file} can't be loaded ({error}): fetch the model anew") from error


def _read_tokens(file: Path) -> dict[str, int]:
    tokens = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        token, _, index = line.rpartition(" ")
        if not token or not index.isdigit():
            raise RecognitionMissing(
                f"{file}, line {number}: {line!r} is no token with its number; fetch the model anew"
            )
        tokens[token] = int(index)
    return tokens
