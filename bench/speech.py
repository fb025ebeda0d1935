"""How well callers are heard: per menu and noise, what is taken wrongly, how quickly, how many streams a core bears.

Runs the transducer on a folder of recorded speech, through the port and the stages' own menus, as a line would. The
baseline, from the same run: the model's free decoding and the nearest phrase by its sounds.
"""

from __future__ import annotations

import gc
import os
from pathlib import Path

import click
import psutil

from bench.free_decoding import NearestPhrase
from bench.result import Result, quantile
from bench.speech_hearing import KINDS, Outcome, hear, menus
from bench.speech_set import Condition, Item, read_items, utterance
from speech.recognition.opening import RecognitionSettings, open_engine
from speech.recognition.port import Engine, Grammar, Menu, RecognitionMissing
from speech.recognition.tuning import tuning

CONDITIONS: tuple[Condition, ...] = ("clean", "alaw", "snr20", "snr10")
STREAMS = 40
MODEL = Path(os.environ.get("ORDERLINE_SPEECH_MODEL") or Path(__file__).resolve().parents[2] / "shared" / "models")


def run(data: Path | None = None, every: int = 1) -> Result:
    """`every` n-th item only, for a quick look. Raises click.ClickException for what is missing."""
    if data is None:
        raise click.UsageError("bench speech needs recorded speech: add --data DIR (a folder with items.tsv)")
    items = read_items(data)[::every]
    try:
        engine = open_engine(RecognitionSettings("transducer", MODEL))
    except RecognitionMissing as missing:
        raise click.ClickException(str(missing)) from missing
    by_name = menus(items)
    grammars = {name: engine.prepare(menu) for name, menu in by_name.items()}
    figures: dict[str, float] = {}
    baseline: dict[str, float] = {}
    for condition in CONDITIONS:
        outcomes = _outcomes(engine, grammars, items, condition)
        _judge(outcomes, condition, figures)
        _judge_free(outcomes, by_name, condition, baseline)
        if condition == "clean":
            _speed(outcomes, figures)
    figures["mb_per_stream"] = _megabytes(engine, grammars["qty"], items[0])
    _means(figures)
    _means(baseline)
    return Result("speech", figures, baseline, _notes(items, data))


def _outcomes(engine: Engine, grammars: dict[str, Grammar], items: list[Item], condition: Condition) -> list[Outcome]:
    """In grammar: in the item's own menu. Out of grammar: in every menu."""
    outcomes = []
    for item in items:
        wanted = [item.menu] if item.canonical else list(grammars)
        said = utterance(item, condition)
        outcomes += [hear(engine, grammars[name], name, item, said) for name in wanted if name in grammars]
    return outcomes


def _judge(outcomes: list[Outcome], condition: Condition, figures: dict[str, float]) -> None:
    inside = [outcome for outcome in outcomes if outcome.item.canonical]
    outside = [outcome for outcome in outcomes if not outcome.item.canonical]
    for name in KINDS:
        of_menu = [outcome for outcome in inside if outcome.menu == name]
        figures[f"accuracy_{name}_{condition}"] = _share([outcome.right for outcome in of_menu])
        figures[f"taken_right_{name}_{condition}"] = _share(
            [outcome.right and outcome.heard.verdict == "sure" for outcome in of_menu]
        )
    figures[f"wrong_accept_{condition}"] = _share(
        [outcome.heard.verdict == "sure" and not outcome.right for outcome in inside]
    )
    figures[f"reject_{condition}"] = _share([outcome.heard.verdict in ("rejected", "silence") for outcome in inside])
    figures[f"false_accept_{condition}"] = _share([outcome.heard.verdict == "sure" for outcome in outside])
    for name in KINDS:
        of_menu = [outcome for outcome in outside if outcome.menu == name]
        figures[f"false_accept_{name}_{condition}"] = _share([outcome.heard.verdict == "sure" for outcome in of_menu])
    beyond = [_beyond_hang(outcome) for outcome in inside if outcome.ended]
    figures[f"answer_p50_ms_{condition}"] = round(quantile(beyond, 0.5), 1)
    figures[f"answer_p95_ms_{condition}"] = round(quantile(beyond, 0.95), 1)
    figures[f"end_not_found_{condition}"] = _share([not outcome.ended for outcome in inside])


def _beyond_hang(outcome: Outcome) -> float:
    """From the end of the words to the answer, less the silence that the menu waits for; milliseconds."""
    return max(0.0, outcome.waited_s * 1000 - tuning("transducer", KINDS[outcome.menu]).patience.hang)


def _judge_free(
    outcomes: list[Outcome], by_name: dict[str, Menu], condition: Condition, baseline: dict[str, float]
) -> None:
    for name, menu in by_name.items():
        nearest = NearestPhrase(name, menu)
        of_menu = [outcome for outcome in outcomes if outcome.menu == name and outcome.item.canonical]
        baseline[f"accuracy_{name}_{condition}"] = _share([nearest.right(outcome) for outcome in of_menu])


def _means(figures: dict[str, float]) -> None:
    """The mean over the four menus, of each condition."""
    for condition in CONDITIONS:
        figures[f"accuracy_{condition}"] = round(
            sum(figures[f"accuracy_{name}_{condition}"] for name in KINDS) / len(KINDS), 4
        )
    if "false_accept_clean" in figures:
        for name in ("false_accept", "wrong_accept", "answer_p50_ms", "answer_p95_ms"):
            figures[name] = figures[f"{name}_clean"]


def _speed(outcomes: list[Outcome], figures: dict[str, float]) -> None:
    """Work of one thread; a stream is one caller who is listened to all the time, quiet included."""
    factor = sum(outcome.work_s for outcome in outcomes) / sum(outcome.audio_s for outcome in outcomes)
    figures["real_time_factor"] = round(factor, 5)
    figures["streams_per_core"] = round(1 / factor, 1)


def _megabytes(engine: Engine, grammar: Grammar, item: Item) -> float:
    """What one more listening takes in the middle of its words."""
    said = utterance(item, "clean")
    process = psutil.Process()
    held = []

    def open_some() -> int:
        for _ in range(STREAMS):
            listening = engine.listen(grammar, said.codec)
            listening.feed(said.audio[: int(said.ends_s * 8000) - 1600])
            held.append(listening)
        gc.collect()
        return int(process.memory_info().rss)

    first = open_some()
    return round((open_some() - first) / STREAMS / 1e6, 3)


def _share(those: list[bool]) -> float:
    return round(sum(those) / len(those), 4) if those else 0.0


def _notes(items: list[Item], data: Path) -> str:
    inside = sum(1 for item in items if item.canonical)
    return (
        f"{inside} utterances in grammar, {len(items) - inside} out of grammar, each of these in every menu "
        f"({data.name}); noise: pink, telephone band; accuracy: the best candidate is right, whatever the verdict; "
        "taken_right: right and sure; wrong_accept, false_accept: sure and wrong; answer_ms: beyond the menu's hang "
        "time; figures without a condition are of the clean one; streams: all the time listening, one thread"
    )
