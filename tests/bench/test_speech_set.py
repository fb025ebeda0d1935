"""A set of speech: what is refused, how loud the noise is, where words end."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import pytest

from bench.speech_hearing import canonical, menus
from bench.speech_set import Item, read_items, utterance
from speech.g711 import decode_alaw, decode_ulaw, encode_ulaw

HEADING = "file\tmenu\ttext\tcanonical\n"


def write_set(folder: Path, *lines: str, heading: str = HEADING) -> Path:
    (folder / "items.tsv").write_text(heading + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    tone = np.sin(np.arange(8000) / 3) * 6000
    sound = np.concatenate([np.zeros(1600), tone, np.zeros(2400)]).astype(np.int16)
    (folder / "1.ul").write_bytes(encode_ulaw(sound))
    return folder


def test_items_are_read_in_order(tmp_path: Path) -> None:
    items = read_items(write_set(tmp_path, "1.ul\tqty\t两条\t2条", "1.ul\toog\t你好\t"))
    assert [(item.place, item.menu, item.canonical) for item in items] == [(0, "qty", "2条"), (1, "oog", "")]


@pytest.mark.parametrize(
    ("lines", "heading", "says"),
    [
        (["2.ul\tqty\t两条\t2条"], HEADING, "2.ul is not there"),
        (["../1.ul\tqty\t两条\t2条"], HEADING, "is not there"),
        (["1.ul\tqty"], "name\tmenu\n", "columns file, menu"),
        ([], HEADING, "names no file"),
    ],
)
def test_no_set_of_speech_says_what_it_wants(tmp_path: Path, lines: list[str], heading: str, says: str) -> None:
    with pytest.raises(click.ClickException, match=says):
        read_items(write_set(tmp_path, *lines, heading=heading))


def test_a_missing_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(click.ClickException, match="no set of speech"):
        read_items(tmp_path / "nowhere")


def test_words_end_where_the_tone_ends_and_noise_has_its_level(tmp_path: Path) -> None:
    (item,) = read_items(write_set(tmp_path, "1.ul\tqty\t两条\t2条"))
    clean, noisy = utterance(item, "clean"), utterance(item, "snr10")
    assert clean.ends_s == pytest.approx(0.8 + 0.2 + 1.0)
    quiet = decode_ulaw(noisy.audio).astype(float)[-8000:]
    tone = decode_ulaw(clean.audio).astype(float)[10000:14000]
    assert 20 * np.log10(np.std(tone) / np.std(quiet)) == pytest.approx(10, abs=0.5)
    assert np.abs(decode_alaw(utterance(item, "alaw").audio)[-8000:]).max() <= 8
    assert utterance(item, "snr10").audio == noisy.audio


def test_values_are_written_as_the_set_writes_them(tmp_path: Path) -> None:
    item = Item(0, tmp_path, "prod", "白沙", "白沙")
    assert {phrase.value for phrase in menus([item])["prod"].phrases} == {"白沙"}
    assert [canonical("qty", value) for value in ("2 crate", "12 carton", "agent")] == ["2箱", "12条", "agent"]
    assert canonical("yesno", "repeat") == "R"
