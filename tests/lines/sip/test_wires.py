"""The real sockets and threads of the SIP line: UDP, TCP, ICMP, strangers, and its start and end."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ivr.lines.port import Arrived, DialFailed, Dialled, Gone
from ivr.lines.sip.framing import Framer
from ivr.lines.sip.hop import Hop
from ivr.lines.sip.line import SipLine
from ivr.lines.sip.settings import RegistrarSettings, SipSettings
from ivr.lines.sip.wires import Wires
from tests.contract.lines.rig import Events
from tests.lines.sip.bench import sdp
from tests.lines.telephone import Telephone, Text, wait_for
from tests.lines.virtual import WrittenMedia

Lines = Callable[..., SipLine]


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def make_line(events: Events) -> Iterator[Lines]:
    made: list[SipLine] = []

    def make(**settings: Any) -> SipLine:
        line = SipLine(SipSettings(**({"port": 0} | settings)), WrittenMedia(), events)
        line.start()
        made.append(line)
        return line

    yield make
    for line in made:
        line.stop()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("line-sip")]


@pytest.fixture
def telephones() -> Iterator[list[Telephone]]:
    made: list[Telephone] = []
    yield made
    for telephone in made:
        telephone.close()


def request(method: str, body: str = "", *, branch: str = "z9hG4bK1", via: str = "TCP 127.0.0.1:5999") -> bytes:
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (
        f"{method} sip:4001@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{via};branch={branch};rport\r\n"
        f"From: <sip:13800000001@x>;tag=a\r\nTo: <sip:4001@y>\r\nCall-ID: c1\r\nCSeq: 1 {method}\r\n"
        f"Contact: <sip:x@127.0.0.1:5999;transport=tcp>\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def connect(line: SipLine) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", line.port), timeout=3)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def is_sent_away(line: SipLine) -> bool:
    """Whether the line resets the connection, sooner or later in its making."""
    try:
        with connect(line) as phone:
            return phone.recv(10) == b""
    except ConnectionResetError:
        return True


def messages(connection: socket.socket, count: int) -> list[Text]:
    framer, found = Framer(), []
    while len(found) < count:
        data = connection.recv(4096)
        assert data, "the line closed the connection"
        found += [Text(message.decode()) for message in framer.feed(data)]
    return found


# -- TCP


def test_a_call_over_tcp(make_line: Lines, events: Events) -> None:
    line = make_line()
    with connect(line) as phone:
        phone.sendall(request("INVITE", sdp()))
        call = events.next_call(0)
        assert messages(phone, 1)[0].status == 100
        line.answer(call)
        answer = messages(phone, 1)[0]
        assert answer.status == 200
        assert ";transport=tcp" in answer.get("Contact")
        ack = request("ACK", branch="z9hG4bK2").replace(b"<sip:4001@y>", answer.get("To").encode())
        phone.sendall(ack)
        line.hang_up(call)
        while (bye := messages(phone, 1)[0]).status:
            pass  # The 200 may have been repeated before the ACK was read.
        assert bye.method == "BYE"
        assert bye.get("Via").startswith("SIP/2.0/TCP")
        phone.sendall(f"SIP/2.0 200 OK\r\n{bye.echoed()}Content-Length: 0\r\n\r\n".encode())
        wait_for(lambda: line.remembered() <= 1)


def test_many_messages_in_one_piece_and_one_in_many(make_line: Lines) -> None:
    with connect(make_line()) as phone:
        many = b"".join(request("OPTIONS", branch=f"z9hG4bK{number}") for number in range(5))
        phone.sendall(b"\r\n" + many)
        assert [answer.status for answer in messages(phone, 5)] == [200] * 5
        for byte in request("OPTIONS", branch="z9hG4bKslow"):
            phone.sendall(bytes([byte]))
        assert messages(phone, 1)[0].status == 200


def test_a_ping_gets_a_pong(make_line: Lines) -> None:
    with connect(make_line()) as phone:
        phone.sendall(b"\r\n\r\n")
        assert phone.recv(10) == b"\r\n"


@pytest.mark.parametrize(
    "data",
    [
        b"x" * 20_000,
        request("OPTIONS").replace(b"Content-Length: 0", b"Content-Length: 999999"),
        request("OPTIONS").replace(b"Content-Length: 0", b"Content-Length: -5"),
        request("OPTIONS").replace(b"Content-Length: 0", b"Content-Length: 0\r\nl: 7"),
    ],
)
def test_a_stream_that_can_not_be_followed_is_closed(make_line: Lines, data: bytes) -> None:
    line = make_line()
    with connect(line) as phone:
        phone.sendall(data)
        assert phone.recv(10) == b""
    with connect(line) as other:
        other.sendall(request("OPTIONS"))
        assert messages(other, 1)[0].status == 200


def test_connections_are_limited_and_idle_ones_closed(make_line: Lines) -> None:
    line = make_line(most_connections=2, connection_idle_s=0.3)
    with connect(line) as first, connect(line) as second:
        assert is_sent_away(line)
        started = time.monotonic()
        assert first.recv(10) == second.recv(10) == b""
        assert time.monotonic() - started < 2


def test_silent_to_strangers_over_tcp(make_line: Lines) -> None:
    assert is_sent_away(make_line(peers=("192.0.2.0/24",), silent_refusal=True))


def test_strangers_hear_403(make_line: Lines) -> None:
    with connect(make_line(peers=("192.0.2.0/24",))) as phone:
        phone.sendall(request("OPTIONS"))
        assert messages(phone, 1)[0].status == 403


# -- UDP and the network's word


def test_nobody_there_is_noticed_at_once(make_line: Lines, events: Events) -> None:
    """The kernel hands the ICMP error over, with the datagram it is about; the line does not wait for its timer."""
    line = make_line()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = time.monotonic()
    for number in range(5):
        line.dial(Dialled(f"out-{number}", f"sip:x@127.0.0.1:{port}", ""))
    for number in range(5):
        assert events.wait_for(f"out-{number}", DialFailed) == DialFailed("unreachable", 503)
    assert time.monotonic() - started < 2
    assert line.live_calls() == 0


def test_nobody_there_by_tcp(make_line: Lines, events: Events) -> None:
    line = make_line()
    line.dial(Dialled("out", "sip:x@127.0.0.1:1;transport=tcp", ""))
    assert events.wait_for("out", DialFailed) == DialFailed("unreachable", 503)


def test_by_name(make_line: Lines, events: Events, telephones: list[Telephone]) -> None:
    telephones.append(Telephone(replies={"INVITE": 486}))
    line = make_line()
    line.dial(Dialled("out", f"sip:x@localhost:{telephones[0].port}", ""))
    assert events.wait_for("out", DialFailed) == DialFailed("busy", 486)
    line.dial(Dialled("lost", "sip:x@name.invalid", ""))
    assert events.wait_for("lost", DialFailed) == DialFailed("unreachable", 0)


def test_a_dead_phone_does_not_deafen_the_others(make_line: Lines, events: Events, telephones: list[Telephone]) -> None:
    """On Linux an ICMP error is reported by the socket's next call, whoever that is for."""
    line = make_line()
    dead = Telephone(target=("127.0.0.1", line.port))
    dead.invite()
    call = events.next_call(0)
    dead.close()
    line.answer(call)
    telephones.append(Telephone(target=("127.0.0.1", line.port)))
    telephones[0].invite()
    line.answer(events.next_call(1))
    telephones[0].take_answer()
    telephones[0].hang_up()


def test_the_error_of_one_datagram_does_not_swallow_the_next() -> None:
    refused: list[Hop] = []

    async def scene() -> bytes:
        wires = Wires(
            *("127.0.0.1", 0),
            tcp=False,
            advertised="",
            heard=lambda _data, _hop: None,
            refused=lambda _data, hop: refused.append(hop),
            welcome=lambda _host: True,
        )
        await wires.start()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as alive:
            alive.bind(("127.0.0.1", 0))
            alive.settimeout(1)
            dead = Hop("UDP", "127.0.0.1", 1)
            wires.send(b"to nobody", dead)
            wires.send(b"to somebody", Hop("UDP", "127.0.0.1", alive.getsockname()[1]))
            found = alive.recv(100)
        while not refused:
            await asyncio.sleep(0.01)
        await wires.stop()
        return found

    assert asyncio.run(scene()) == b"to somebody"
    assert refused == [Hop("UDP", "127.0.0.1", 1)]


def test_rubbish_by_the_thousand(make_line: Lines, events: Events, telephones: list[Telephone]) -> None:
    line = make_line()
    sound = request("INVITE", sdp(), via="UDP 127.0.0.1:5999")
    rnd = random.Random(4475)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as vandal:
        for number in range(1000):
            at = rnd.randrange(len(sound))
            data = rnd.randbytes(rnd.randrange(1400)) if number % 2 else sound[:at] + rnd.randbytes(9) + sound[at + 9 :]
            vandal.sendto(data, ("127.0.0.1", line.port))
    telephones.append(Telephone(target=("127.0.0.1", line.port), number="13900000009"))
    telephones[0].invite()
    events.wait(lambda: any(told.caller == "13900000009" for told in arrivals(events)))
    for call in events.calls():
        line.answer(call)
    telephones[0].take_answer()
    telephones[0].hang_up()


def arrivals(events: Events) -> list[Arrived]:
    return [told for call in events.calls() for told in events.of(call) if isinstance(told, Arrived)]


# -- life


def test_a_port_that_is_taken(make_line: Lines, events: Events) -> None:
    line = make_line()
    second = SipLine(SipSettings(port=line.port), WrittenMedia(), events)
    with pytest.raises(OSError, match=r"can't listen on .*: change sip.host or sip.port"):
        second.start()
    second.stop()


def test_a_line_that_is_not_started(events: Events) -> None:
    line = SipLine(SipSettings(port=0), WrittenMedia(), events)
    line.dial(Dialled("early", "sip:x@127.0.0.1", ""))
    assert events.of("early")[0] == DialFailed("unreachable", 503)
    line.answer("nobody")
    assert not line.health().listening
    line.stop()


def test_an_address_of_somebody_else(events: Events) -> None:
    line = SipLine(SipSettings(host="192.0.2.1", port=0), WrittenMedia(), events)
    with pytest.raises(OSError, match="can't listen on"):
        line.start()


def test_the_end_says_bye_and_gone(make_line: Lines, events: Events, telephones: list[Telephone]) -> None:
    line = make_line()
    telephones.append(Telephone(target=("127.0.0.1", line.port)))
    telephones[0].invite()
    call = events.next_call(0)
    line.answer(call)
    telephones[0].take_answer()
    started = time.monotonic()
    line.stop()
    assert time.monotonic() - started < 1.5
    assert events.of(call)[-1] == Gone("line_closed")
    assert telephones[0].ended.wait(1)
    line.stop()
    line.hang_up(call)
    line.dial(Dialled("late", "sip:x@127.0.0.1", ""))
    assert isinstance(events.of("late")[0], DialFailed)


def test_the_end_says_bye_even_to_who_never_acknowledged(
    make_line: Lines, events: Events, telephones: list[Telephone]
) -> None:
    line = make_line()
    telephones.append(Telephone(target=("127.0.0.1", line.port)))
    telephones[0].invite()
    line.answer(events.next_call(0))
    telephones[0].line_tag = telephones[0].responses.get(timeout=3).tag("To") or "later"
    line.stop()
    assert telephones[0].ended.wait(1)


def test_registered_over_real_sockets(make_line: Lines, telephones: list[Telephone]) -> None:
    telephones.append(Telephone())
    registrar = RegistrarSettings("sip:600@localhost", ("localhost", telephones[0].port), "600", "secret")
    line = make_line(registrar=registrar, peers=("192.0.2.0/24",))
    wait_for(lambda: line.health().registration == "registered")
    line.stop()
    assert [asked.get("Expires") for asked in telephones[0].requests] == ["300", "0"]


def test_methods_from_many_threads(make_line: Lines, events: Events, telephones: list[Telephone]) -> None:
    line = make_line()
    for _ in range(8):
        telephones.append(Telephone(target=("127.0.0.1", line.port)))
        telephones[-1].invite()
    events.wait(lambda: len(events.calls()) == 8)

    def work(call: str) -> None:
        line.answer(call)
        for _ in range(50):
            line.stop_playing(call)
            line.health()
        line.hang_up(call)

    threads = [threading.Thread(target=work, args=(call,)) for call in events.calls() for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for telephone in telephones:
        telephone.take_answer()
    wait_for(lambda: all(telephone.ended.is_set() for telephone in telephones))
    for call in events.calls():
        told = events.of(call)
        assert isinstance(told[0], Arrived)
        assert told[1:] == [Gone("we_hung_up")]
