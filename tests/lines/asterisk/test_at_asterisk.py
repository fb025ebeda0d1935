"""What the contract does not ask, at a real Asterisk: the limit, ways through the dialplan, Asterisk killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ivr.lines.asterisk.line import AsteriskLine
from ivr.lines.asterisk.settings import AsteriskSettings
from ivr.lines.port import Answered, Arrived, DialFailed, Dialled, Gone
from tests.contract.lines.rig import Events
from tests.lines.asterisk.pbx import Pbx, running_pbx
from tests.lines.telephone import Telephone, wait_for

pytestmark = pytest.mark.peer("asterisk")

Lines = Callable[..., AsteriskLine]


@pytest.fixture(scope="module")
def pbx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pbx]:
    with running_pbx(tmp_path_factory.mktemp("pbx") / "asterisk") as pbx:
        yield pbx


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def line(pbx: Pbx, events: Events) -> Iterator[Lines]:
    lines: list[AsteriskLine] = []

    def made(**settings: object) -> AsteriskLine:
        lines.append(AsteriskLine(AsteriskSettings(pbx.url, pbx.user, pbx.password, **settings), events))  # type: ignore[arg-type]
        lines[-1].start()
        wait_for(lambda: lines[-1].health().state == "up")
        return lines[-1]

    yield made
    for one in lines:
        one.stop()


@pytest.fixture
def phone() -> Iterator[Callable[..., Telephone]]:
    phones: list[Telephone] = []

    def made(**how: object) -> Telephone:
        phones.append(Telephone(**how))  # type: ignore[arg-type]
        return phones[-1]

    yield made
    for one in phones:
        one.close()


def test_past_the_limit_the_dialplan_takes_the_call(
    pbx: Pbx, line: Lines, phone: Callable[..., Telephone], events: Events
) -> None:
    line(most_calls=1)
    first, second = (phone(target=("127.0.0.1", pbx.sip_port)) for _ in range(2))
    first.invite()
    events.wait_for(events.next_call(0), Arrived)
    second.invite()
    second.take_answer()  # by the fallback: the line answers nothing by itself
    assert len(events.calls()) == 1
    second.hang_up()


@pytest.mark.parametrize(("status", "failure"), [(200, ""), (486, "busy"), (603, "declined")])
def test_dialling_through_the_dialplan(
    pbx: Pbx, line: Lines, phone: Callable[..., Telephone], events: Events, status: int, failure: str
) -> None:
    phone(own_port=pbx.trunk_port, replies={"INVITE": status})
    ours = line()
    ours.dial(Dialled("out-1", "13800000009", "4001", 10))
    if failure:
        failed = events.wait_for("out-1", DialFailed)
        assert isinstance(failed, DialFailed)
        assert failed.failure == failure
    else:
        events.wait_for("out-1", Answered)
        ours.hang_up("out-1")
    events.wait_for("out-1", Gone)


def test_a_killed_asterisk_ends_its_calls_when_it_is_back(
    pbx: Pbx, line: Lines, phone: Callable[..., Telephone], events: Events, tmp_path: Path
) -> None:
    ours = line()
    caller = phone(target=("127.0.0.1", pbx.sip_port))
    caller.invite()
    call = events.next_call(0)
    events.wait_for(call, Arrived)
    ours.answer(call)
    caller.take_answer()
    pbx.kill()
    wait_for(lambda: ours.health().state != "up")
    # Asterisk names calls by second and count: in the same second the next call would have the same name again.
    killed = int(time.time())
    wait_for(lambda: int(time.time()) > killed)
    pbx.start()
    assert events.wait_for(call, Gone, within_s=15) == Gone("dead_line")
    again = phone(target=("127.0.0.1", pbx.sip_port))
    again.invite()
    events.wait_for(events.next_call(1), Arrived)


def test_a_refused_login_is_told(pbx: Pbx, events: Events) -> None:
    ours = AsteriskLine(AsteriskSettings(pbx.url, pbx.user, "wrong"), events)
    ours.start()
    try:
        wait_for(lambda: ours.health().state == "refused")
        assert "asterisk.password" in ours.health().reason
    finally:
        ours.stop()
