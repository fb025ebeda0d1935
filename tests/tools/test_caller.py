"""The scripted caller against a small SIP line over loopback: keys by each way, and prompts heard by name."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from tests.tools.answerer import LineCall, Scenario, call, write_clip


def ordering(clips: dict[str, Path], entries: list[str]) -> Scenario:
    async def scenario(line: LineCall) -> None:
        await line.answer()
        line.play(clips["welcome"], clips["shop"])
        entries.append(await line.key())
        line.play(clips["pin"])
        entries.append(await line.entry())
        line.play(clips["menu"])
        entries.append(await line.key())
        line.play(clips["accepted"])
        await line.played()
        line.hang_up()

    return scenario


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("laws", [("alaw",), ("ulaw", "alaw")], ids=["alaw", "ulaw"])
def test_a_whole_call_is_keyed_and_heard(
    clips: dict[str, Path], tmp_path: Path, tcp: bool, laws: tuple[str, ...]
) -> None:
    entries: list[str] = []
    outcome, moments, _, _ = call(
        ordering(clips, entries), tmp_path, keys="1 1234# 1", tcp=tcp, laws=laws, listen_s=3.0
    )

    assert entries == ["1", "1234#", "1"]
    assert outcome.answered
    assert outcome.names == ("welcome", "pin_wanted", "main_menu", "order_accepted")
    assert [heard.whole for heard in outcome.heard] == [False, False, False, True]
    assert (outcome.ended_by, outcome.cause) == ("line", "line hung up")
    assert (outcome.order_tail, outcome.order_state) == ("0372", "accepted")
    assert [keyed.keys for keyed in outcome.keyed] == ["1", "••••#", "1"], "a PIN is never shown"
    assert "1234" not in str(moments)
    assert [moment.what for moment in moments][:3] == ["ANSWERED", "HEARD", "KEYS"]


def test_prompts_heard_to_their_end_follow_on(clips: dict[str, Path], tmp_path: Path) -> None:
    async def scenario(line: LineCall) -> None:
        await line.answer()
        line.play(clips["welcome"], clips["shop"])
        await line.played()
        line.hang_up()

    outcome, moments, _, _ = call(scenario, tmp_path, listen_s=3.0)
    assert outcome.names == ("welcome", "shop_choice")
    assert all(heard.whole for heard in outcome.heard)
    assert outcome.heard[1].text == "阳光便利店请按1。"
    assert outcome.heard[1].arguments == (("key", "1"), ("shop", "阳光便利店"))
    assert [moment.detail for moment in moments if moment.what == "HEARD"][1] == "shop_choice  阳光便利店请按1。"


def test_the_first_packets_of_a_prompt_may_be_lost(clips: dict[str, Path], tmp_path: Path) -> None:
    async def scenario(line: LineCall) -> None:
        line.drop_packets = frozenset({3, 4, 5, 9, 12})
        await line.answer()
        line.play(clips["welcome"])
        await line.played()
        line.hang_up()

    outcome, _, _, _ = call(scenario, tmp_path, listen_s=3.0)
    assert outcome.names == ("welcome",)
    assert outcome.heard[0].whole
    assert outcome.packets_lost == 5


def test_a_sound_of_no_prompt_is_reported_as_unknown(tmp_path: Path) -> None:
    stranger = write_clip(tmp_path / "elsewhere", "stranger", 500, 99)

    async def scenario(line: LineCall) -> None:
        await line.answer()
        line.play(stranger)
        await line.played()
        await asyncio.sleep(0.05)
        line.hang_up()

    (tmp_path / "cache").mkdir()
    outcome, moments, _, _ = call(scenario, tmp_path / "cache", listen_s=3.0)
    assert [(heard.name, heard.ms) for heard in outcome.heard] == [("", 460)]
    assert "unknown sound 0.5 s" in [moment.detail for moment in moments]


def test_a_prompt_rendered_during_the_call_is_named(tmp_path: Path) -> None:
    async def scenario(line: LineCall) -> None:
        await line.answer()
        line.play(write_clip(tmp_path, "basket_total", 300, 50, kinds=3, cartons=22, amount=265000))
        await line.played()
        line.hang_up()

    outcome, _, _, _ = call(scenario, tmp_path, listen_s=3.0)
    assert outcome.names == ("basket_total",)
    assert outcome.heard[0].text == "3种22条，2650元。"


def test_keys_follow_rfc_4733(clips: dict[str, Path], tmp_path: Path) -> None:
    async def scenario(line: LineCall) -> None:
        await line.answer()
        line.play(clips["welcome"])
        await line.over.wait()

    _, _, (line,), _ = call(scenario, tmp_path, keys="5#!", key_ms=80)
    events = [packet for packet in line.packets if packet[1] & 0x7F == 101]
    assert len(events) == 12, "two keys of 80 ms: four packets each, the last one three times"
    first, second = events[:6], events[6:]
    assert [packet[1] >> 7 for packet in first] == [1, 0, 0, 0, 0, 0], "the marker stands on the first packet"
    assert [packet[13] >> 7 for packet in first] == [0, 0, 0, 1, 1, 1], "the end bit on the last three"
    assert [int.from_bytes(packet[14:16]) for packet in first] == [160, 320, 480, 640, 640, 640]
    assert len({packet[4:8] for packet in first}) == 1, "one event has one timestamp"
    assert {packet[12] for packet in first} == {5}
    assert {packet[12] for packet in second} == {11}
    assert first[0][4:8] != second[0][4:8]
    sequences = [int.from_bytes(packet[2:4]) for packet in line.packets]
    assert all((after - before) & 0xFFFF == 1 for before, after in pairwise(sequences))


def test_keys_by_sip_info(clips: dict[str, Path], tmp_path: Path) -> None:
    async def scenario(line: LineCall) -> None:
        await line.answer()
        line.play(clips["welcome"])
        await line.over.wait()

    _, _, (line,), methods = call(scenario, tmp_path, keys="12#!", key_way="info")
    assert methods.count("INFO") == 3
    assert not [packet for packet in line.packets if packet[1] & 0x7F == 101]


def test_keys_as_tones_where_the_line_takes_nothing_else(clips: dict[str, Path], tmp_path: Path) -> None:
    async def scenario(line: LineCall) -> None:
        await line.answer()
        line.play(clips["welcome"])
        await line.over.wait()

    _, _, (line,), _ = call(scenario, tmp_path, keys="1!", key_way="inband", key_ms=80)
    sounding = [packet for packet in line.packets if packet[12:] != b"\xd5" * 160]
    assert len(sounding) == 4
    assert {packet[1] & 0x7F for packet in sounding} == {8}
