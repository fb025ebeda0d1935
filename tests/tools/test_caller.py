"""The scripted caller against a small SIP line over loopback: keys by each way, names heard, outcomes told apart."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from itertools import pairwise
from pathlib import Path

import pytest

from ivr.caller import CallOutcome, CallPlan, Moment, PlanError, place_call
from tests.tools.answerer import LineCall, Scenario, answering, write_clip


@pytest.fixture
def clips(tmp_path: Path) -> dict[str, Path]:
    return {
        "welcome": write_clip(tmp_path, "welcome", 400, 1),
        "shop": write_clip(tmp_path, "shop_choice", 400, 2, shop="阳光便利店", key="1"),
        "pin": write_clip(tmp_path, "pin_wanted", 400, 3),
        "menu": write_clip(tmp_path, "main_menu", 400, 4),
        "accepted": write_clip(tmp_path, "order_accepted", 300, 5, tail="0372"),
    }


def call(
    scenario: Scenario, folder: Path, *, keys: str = "", tcp: bool = False, **plan: object
) -> tuple[CallOutcome, list[Moment], list[LineCall], list[str]]:
    moments: list[Moment] = []

    async def both() -> tuple[CallOutcome, list[Moment], list[LineCall], list[str]]:
        async with answering(scenario, tcp=tcp) as line:
            wanted = CallPlan(
                to=line.uri,
                keys=keys,
                prompts=folder,
                transport="tcp" if tcp else "udp",
                **{"think_ms": 120, "listen_s": 0.2, "patience_s": 2.0, "key_ms": 40, "gap_ms": 20} | plan,  # type: ignore[arg-type]
            )
            outcome = await place_call(wanted, moments.append)
            await asyncio.sleep(0.05)
            methods = [getattr(message, "method", "") for message in line.requests]
            return outcome, moments, line.calls, methods

    return asyncio.run(both())


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


@pytest.mark.parametrize(
    ("status", "cause"), [(486, "busy"), (603, "declined"), (404, "unknown number"), (403, "forbidden"), (500, "Fault")]
)
def test_refusals_are_told_apart_and_acknowledged(tmp_path: Path, status: int, cause: str) -> None:
    async def scenario(line: LineCall) -> None:
        line.incoming.reject(status, "Fault")

    outcome, _, _, methods = call(scenario, tmp_path)
    assert not outcome.answered
    assert (outcome.status, outcome.cause, outcome.ended_by) == (status, cause, "line")
    assert methods == ["INVITE", "ACK"]


def test_ringing_too_long_is_cancelled(tmp_path: Path) -> None:
    async def scenario(line: LineCall) -> None:
        line.incoming.ringing()
        await asyncio.sleep(5)

    outcome, moments, _, methods = call(scenario, tmp_path, ring_s=0.2)
    assert outcome.cause == "no answer within 0.2 s"
    assert [moment.what for moment in moments] == ["RINGING", "ENDED"]
    assert methods == ["INVITE", "CANCEL", "ACK"]


def test_an_answer_that_crosses_the_cancel_is_taken_and_ended(tmp_path: Path) -> None:
    async def scenario(line: LineCall) -> None:
        await line.answer(accept=False)
        await asyncio.sleep(0.25)
        line.incoming.accept(line.description)

    async def both() -> list[str]:
        async with answering(scenario) as line:
            line.uas._handlers["CANCEL"] = lambda _request, _addr: None  # it came too late
            await place_call(CallPlan(to=line.uri, ring_s=0.2))
            await asyncio.sleep(0.05)
            return [getattr(message, "method", "") for message in line.requests]

    methods = asyncio.run(both())
    assert methods[0] == "INVITE"
    assert [method for method in methods if method][-2:] == ["ACK", "BYE"]


def test_a_closed_port_is_noticed_at_once(tmp_path: Path) -> None:
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    for transport in ("udp", "tcp"):
        plan = CallPlan(to=f"sip:100@127.0.0.1:{port}", prompts=tmp_path, transport=transport)  # type: ignore[arg-type]
        outcome = asyncio.run(asyncio.wait_for(place_call(plan), 5))
        assert not outcome.answered
        assert outcome.ended_by == "nobody"


def test_a_lost_invite_is_sent_again(tmp_path: Path) -> None:
    seen: list[str] = []

    async def both() -> CallOutcome:
        async def scenario(line: LineCall) -> None:
            line.incoming.reject(486)

        async with answering(scenario) as line:
            handle = line.uas._handle_invite

            def second_only(request: object, addr: tuple[str, int]) -> None:
                seen.append("INVITE")
                if len(seen) == 2:
                    handle(request, addr)  # type: ignore[arg-type]

            line.uas._handlers["INVITE"] = second_only
            return await place_call(CallPlan(to=line.uri, prompts=tmp_path))

    outcome = asyncio.run(both())
    assert outcome.cause == "busy"
    assert seen == ["INVITE", "INVITE"]


def test_a_silent_line_is_left_with_the_group_that_waited(tmp_path: Path) -> None:
    async def scenario(line: LineCall) -> None:
        await line.answer()
        await line.over.wait()

    outcome, _, _, methods = call(scenario, tmp_path, keys="1 2", patience_s=0.2)
    assert (outcome.ended_by, outcome.cause) == ("caller", "no new prompt within 0.2 s before 1")
    assert methods[-1] == "BYE"


def test_a_pause_and_hanging_up_are_done_as_scripted(clips: dict[str, Path], tmp_path: Path) -> None:
    async def scenario(line: LineCall) -> None:
        await line.answer()
        line.play(clips["welcome"])
        await line.over.wait()

    outcome, _, (line,), _ = call(scenario, tmp_path, keys="1 ~0.3 !")
    assert outcome.cause == "caller hung up as scripted"
    assert 0.35 <= outcome.duration_s <= 1.5
    assert line.over.is_set()


def test_the_line_may_move_the_session_and_put_it_on_hold(clips: dict[str, Path], tmp_path: Path) -> None:
    answers: list[str] = []

    async def scenario(line: LineCall) -> None:
        await line.answer()
        line.play(clips["welcome"])
        await line.played()
        on_hold = line.description
        assert on_hold.audio is not None
        on_hold.audio.attributes.pop("sendrecv")
        on_hold.audio.attributes["sendonly"] = []
        uac = __import__("aiosipua").SipUAC(line.incoming.transport)
        uac.send_reinvite(line.incoming.dialog, on_hold, line.incoming.source_addr)
        await asyncio.sleep(0.15)
        before = len(line.packets)
        await asyncio.sleep(0.15)
        answers.append(str(len(line.packets) - before))
        line.hang_up()

    outcome, _, _, _ = call(scenario, tmp_path, listen_s=3.0)
    assert outcome.cause == "line hung up"
    assert answers == ["0"], "on hold nothing is sent"


def test_a_transfer_is_accepted_and_named(clips: dict[str, Path], tmp_path: Path) -> None:
    async def both() -> CallOutcome:
        progress: list[int] = []

        async def scenario(line: LineCall) -> None:
            await line.answer()
            line.play(clips["welcome"])
            await line.played()
            here.uac.send_refer(line.incoming.dialog, "sip:8001@127.0.0.1", line.incoming.source_addr)
            await asyncio.sleep(0.1)
            assert progress == [100, 200]
            line.hang_up()

        async with answering(scenario) as here:
            here.uas.on_transfer_progress = lambda _call, status, _reason: progress.append(status)
            return await place_call(CallPlan(to=here.uri, prompts=tmp_path, listen_s=3.0))

    outcome = asyncio.run(both())
    assert outcome.transferred_to == "sip:8001@127.0.0.1"
    assert outcome.cause == "line hung up"


def test_a_withheld_number_is_not_sent(tmp_path: Path) -> None:
    async def scenario(line: LineCall) -> None:
        line.incoming.reject(486)

    _, _, (line,), _ = call(scenario, tmp_path, caller="")
    assert line.incoming.caller == "sip:anonymous@anonymous.invalid"
    assert line.incoming.invite.get_header("privacy") == "id"


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (CallPlan(to="100"), "write e.g. sip:100@127.0.0.1:5062"),
        (CallPlan(to="tel:100"), "write e.g. sip:100@127.0.0.1:5062"),
        (CallPlan(to="sip:100@nowhere.invalid"), "is not known"),
        (CallPlan(to="sip:100@127.0.0.1", keys="1 x"), "can't be keyed"),
        (CallPlan(to="sip:100@127.0.0.1", keys="1! 2"), "after !"),
        (CallPlan(to="sip:100@127.0.0.1", caller="1\r\nVia: x"), "no caller's number"),
        (CallPlan(to="sip:100@127.0.0.1", key_ms=5), "40 to 2000 ms"),
    ],
)
def test_plans_that_cannot_be_followed_are_refused_in_words(plan: CallPlan, said: str) -> None:
    with pytest.raises(PlanError, match=said):
        asyncio.run(place_call(plan))
