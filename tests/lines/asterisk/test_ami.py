"""Board alarms, refused registrations: a scripted manager interface that lists, alarms, refuses, talks rubbish."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from ivr.lines.asterisk import ami
from ivr.lines.asterisk.ami import AmiSettings, AmiWatch, ChannelAlarms, Registrations, alarm_of
from ivr.lines.loop_thread import LoopThread
from tests.lines.telephone import wait_for

LISTED = (
    "Response: Success\r\nMessage: DAHDI channel status will follow\r\n\r\n"
    "Event: DAHDIShowChannels\r\nDAHDIChannel: 1\r\nAlarm: No Alarm\r\n\r\n"
    "Event: DAHDIShowChannels\r\nDAHDIChannel: 2\r\nAlarm: Red Alarm\r\n\r\n"
    "Event: DAHDIShowChannelsComplete\r\nItems: 2\r\n\r\n"
)


class Manager:
    """What a manager interface says; `say` sends an event to whoever is connected."""

    def __init__(self, *, listed: str = LISTED, greeting: str = "Asterisk Call Manager/11.0.0\r\n") -> None:
        self.listed, self.greeting = listed, greeting
        self.writers: list[asyncio.StreamWriter] = []
        self.actions: list[str] = []
        self._thread = LoopThread("scripted-manager")
        self.port = 0

    def start(self) -> None:
        self._thread.start()
        self._thread.run(self._serve())

    def say(self, text: str) -> None:
        async def write() -> None:
            self.writers[-1].write(text.encode())

        self._thread.run(write())

    def hang_up(self) -> None:
        async def close() -> None:
            self.writers[-1].close()

        self._thread.run(close())

    def stop(self) -> None:
        async def close() -> None:
            self._server.close()
            for writer in self.writers:
                writer.close()
            await asyncio.sleep(0)

        self._thread.run(close())
        self._thread.stop()

    async def _serve(self) -> None:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        writer.write(self.greeting.encode())
        asked: list[str] = []
        while line := await reader.readline():
            if line.strip():
                asked.append(line.decode().strip())
                continue
            self.actions.append(asked[0])
            if asked[0] == "Action: Login":
                good = "Secret: secret" in asked and "Events: system" in asked
                writer.write(f"Response: {'Success' if good else 'Error'}\r\nMessage: x\r\n\r\n".encode())
            else:
                writer.write(self.listed.encode())
            asked.clear()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., tuple[Manager, AmiWatch]]]:
    monkeypatch.setattr(ami, "RETRY_S", 0.02)
    made: list[tuple[Manager, AmiWatch]] = []

    def make(password: str = "secret", **says: str) -> tuple[Manager, AmiWatch]:
        manager = Manager(**says)
        manager.start()
        watch = AmiWatch(AmiSettings(port=manager.port, password=password))
        made.append((manager, watch))
        watch.start()
        return made[-1]

    yield make
    for manager, watch in made:
        watch.stop()
        manager.stop()


def test_channels_are_listed_and_kept_by_events(served: Callable[..., tuple[Manager, AmiWatch]]) -> None:
    manager, watch = served()
    wait_for(lambda: watch.channels == {1: "ok", 2: "red"})
    assert watch.reason == ""
    manager.say("Event: Alarm\r\nAlarm: Yellow Alarm\r\nDAHDIChannel: 1\r\n\r\n")
    manager.say("Event: AlarmClear\r\nDAHDIChannel: 2\r\n\r\n")
    wait_for(lambda: watch.channels == {1: "yellow", 2: "ok"})


def test_what_happened_in_a_gap_is_in_the_next_list(served: Callable[..., tuple[Manager, AmiWatch]]) -> None:
    manager, watch = served()
    wait_for(lambda: watch.channels is not None)
    manager.listed = LISTED.replace("No Alarm", "Blue Alarm")
    manager.hang_up()
    wait_for(lambda: (watch.channels or {}).get(1) == "blue")


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ({"password": "wrong"}, "asterisk.password"),
        ({"password": "x\r\nAction: Originate"}, "line end"),
        (
            {"listed": "Response: Error\r\nActionID: boards\r\nMessage: Invalid/unknown command\r\n\r\n"},
            "load chan_dahdi",
        ),
        ({"listed": "x" * 10_000}, "no manager interface"),
        ({"listed": "rubbish\r\n" * 300}, "no manager interface"),
    ],
)
def test_what_is_wrong_is_told(
    served: Callable[..., tuple[Manager, AmiWatch]], says: dict[str, str], reason: str
) -> None:
    manager, watch = served(**says)
    wait_for(lambda: reason in watch.reason)
    assert watch.channels is None
    assert "Action: Originate" not in manager.actions


def test_events_before_the_list_tell_nothing() -> None:
    known = ChannelAlarms()
    known.heard({"Event": "Alarm", "DAHDIChannel": "1", "Alarm": "Red Alarm"})
    assert known.known is None
    for number in ("", "-1", "x", "٣", "99999999"):
        known.heard({"Event": "DAHDIShowChannels", "DAHDIChannel": number, "Alarm": "No Alarm"})
    known.heard({"Event": "DAHDIShowChannelsComplete"})
    assert known.known == {}


def test_refused_registrations_are_those_of_the_last_whole_list() -> None:
    known = Registrations()
    known.heard({"Event": "OutboundRegistrationDetail", "ObjectName": "carrier", "Status": "Rejected"})
    assert known.refused == frozenset()
    known.heard({"Event": "OutboundRegistrationDetail", "ObjectName": "spare", "Status": "Registered"})
    known.heard({"Event": "OutboundRegistrationDetailComplete"})
    assert known.refused == {"carrier"}
    known.heard({"Event": "OutboundRegistrationDetailComplete"})
    assert known.refused == frozenset()


@pytest.mark.parametrize(
    ("said", "alarm"),
    [
        ("No Alarm", "ok"),
        ("None", "ok"),
        ("Red Alarm", "red"),
        ("Yellow Alarm|Red Alarm", "red"),
        ("Blue Alarm", "blue"),
        ("Recovering", "red"),
        ("Not Open", "missing"),
        ("Unknown Alarm", "red"),
        ("", "ok"),
    ],
)
def test_alarms_by_their_words(said: str, alarm: str) -> None:
    assert alarm_of(said) == alarm
