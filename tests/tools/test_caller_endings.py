"""How calls of the scripted caller come not to be, end, change and are handed on; and plans that are refused."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest

from ivr.caller import CallOutcome, CallPlan, PlanError, place_call
from tests.tools.answerer import LineCall, answering, call


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
