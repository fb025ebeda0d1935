"""A Kaldi nnet3 model of three sounds, written here as text, for vosk to load: silence, a low and a high tone.

Its one layer looks at the first two cepstra: loudness tells silence from sound, tilt tells low from high. Words are
made of these sounds. Graphs are written in OpenFst's binary form, for vosk reads no other. Nothing here is trained.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from speech.g711 import Samples

SILENCE, LOW, HIGH = 1, 2, 3
"""Phones, and numbers of their only states."""
WORDS = {"玉溪": (LOW, HIGH), "利群": (HIGH, LOW), "云烟": (LOW,), "双喜": (HIGH,), "[unk]": (HIGH, LOW, HIGH)}
_HALF = -0.693147


def write_model(folder: Path) -> Path:
    """A folder as vosk expects it."""
    for name in ("am", "conf", "graph"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "am/final.mdl").write_text(_transitions() + _network(), encoding="utf-8")
    (folder / "conf/mfcc.conf").write_text(
        "--sample-frequency=8000\n--use-energy=false\n--num-mel-bins=23\n--num-ceps=13\n--low-freq=60\n--high-freq=3800\n"
        "--allow-upsample=true\n--allow-downsample=true\n--dither=0\n"
    )
    (folder / "conf/model.conf").write_text(
        "--min-active=10\n--max-active=500\n--beam=20.0\n--lattice-beam=10.0\n--acoustic-scale=1.0\n"
        "--frame-subsampling-factor=1\n--endpoint.silence-phones=1\n"
    )
    words = ["<eps>", *WORDS, "#0", "<s>", "</s>"]
    (folder / "graph/words.txt").write_text("".join(f"{word} {n}\n" for n, word in enumerate(words)), encoding="utf-8")
    (folder / "graph/phones.txt").write_text("<eps> 0\nSIL 1\nLOW 2\nHIGH 3\n#0 4\n")
    (folder / "graph/disambig_tid.int").write_text("")
    (folder / "graph/HCLr.fst").write_bytes(_words_graph().binary())
    (folder / "graph/Gr.fst").write_bytes(_any_word().binary())
    return folder


def tones(word: str) -> Samples:
    """The word as this model knows it, 0.3 s a sound."""
    times = np.arange(2400) / 8000
    hertz = {LOW: 400, HIGH: 2500}
    sounds = [np.sin(2 * np.pi * hertz[sound] * times) for sound in WORDS[word]]
    return np.asarray(np.concatenate(sounds) * 6000, np.int16)


def _transitions() -> str:
    """One state a phone; it goes on or repeats, each half of the time."""
    loops = "<State> 0 <PdfClass> 0 <Transition> 0 0.5 <Transition> 1 0.5 </State> <State> 1 </State>"
    return (
        f"<TransitionModel> <Topology> <TopologyEntry> <ForPhones> 1 2 3 </ForPhones> {loops} </TopologyEntry> "
        "</Topology> <Triples> 3 1 0 0 2 0 1 3 0 2 </Triples> "
        f"<LogProbs> [ 0 {' '.join([str(_HALF)] * 6)} ] </LogProbs> </TransitionModel> "
    )


def _network() -> str:
    """Silence when the first cepstrum (loudness) is small; a low tone tilts the second up, a high one down."""
    rows = [["-0.3", "0"], ["0", "0.3"], ["0", "-0.3"]]
    matrix = "\n".join(" ".join(row + ["0"] * 11) for row in rows)
    return (
        "<Nnet3> \ninput-node name=input dim=13\ncomponent-node name=look component=look input=input\n"
        "output-node name=output input=look objective=linear\n\n<NumComponents> 1 <ComponentName> look "
        f"<FixedAffineComponent> <LinearParams> [\n{matrix} ]\n<BiasParams> [ 15 0 0 ]\n</FixedAffineComponent> "
        "</Nnet3> <LeftContext> 0 <RightContext> 0 <Priors> [ ] "
    )


@dataclass
class _Graph:
    """An acceptor or transducer in OpenFst's "vector" form with tropical weights; state 0 is the beginning."""

    arcs: list[list[tuple[int, int, float, int]]] = field(default_factory=lambda: [[]])
    final: dict[int, float] = field(default_factory=dict)

    def state(self) -> int:
        self.arcs.append([])
        return len(self.arcs) - 1

    def arc(self, start: int, sound: int, word: int, end: int, cost: float = 0.0) -> None:
        self.arcs[start].append((sound, word, cost, end))

    def binary(self) -> bytes:
        head = struct.pack("<i", 2125659606) + _text("vector") + _text("standard")
        head += struct.pack("<iiQqqq", 2, 0, 3, 0, len(self.arcs), sum(map(len, self.arcs)))
        body = b""
        for state, arcs in enumerate(self.arcs):
            body += struct.pack("<fq", self.final.get(state, float("inf")), len(arcs))
            body += b"".join(struct.pack("<iifi", *arc) for arc in sorted(arcs, key=lambda arc: arc[0]))
        return head + body


def _text(value: str) -> bytes:
    return struct.pack("<i", len(value)) + value.encode()


def _words_graph() -> _Graph:
    """From the numbers of the sounds' transitions to words, again and again; silence may stand between."""
    graph = _Graph(final={0: 0.0})
    _held(graph, 0, SILENCE, 0, 0)
    for number, sounds in enumerate(WORDS.values(), 1):
        here = 0
        for place, sound in enumerate(sounds):
            last = place == len(sounds) - 1
            there = 0 if last else graph.state()
            _held(graph, here, sound, number if place == 0 else 0, there)
            here = there
    return graph


def _held(graph: _Graph, start: int, sound: int, word: int, end: int) -> None:
    """One sound as Kaldi orders it: first what leaves its state (even), then the frames that repeat it."""
    stay, leave = 2 * sound - 1, 2 * sound
    middle = graph.state()
    graph.arc(start, leave, word, middle, -_HALF)
    graph.arc(middle, stay, 0, middle, -_HALF)
    graph.arc(middle, 0, 0, end)


def _any_word() -> _Graph:
    graph = _Graph(final={0: 0.0})
    for number, _ in enumerate(WORDS, 1):
        graph.arc(0, number, number, 0, 1.0)
    return graph
