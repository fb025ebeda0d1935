"""The browser line on a virtual clock: what pages report comes through once and in order, and silent pages end."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.lines.browser import BrowserLine
from ivr.lines.browser_call import AnswerCommand, Command, HangUpCommand, PlayCommand, StopCommand, as_json
from ivr.lines.browser_terms import BadKey, BrowserSettings, KeysMissing, LineFull, UnknownCall, clean_number
from ivr.lines.port import Arrived, DialFailed, Dialled, Gone, Key, LineEvent, PlayEnded, TransferEnded
from speech.prompt import Clip

NOWHERE = Path("nowhere")


def clip(name: str, ms: int = 1000) -> Clip:
    return Clip(f"key-{name}", name, NOWHERE, NOWHERE, NOWHERE, ms)


class Bench:
    """A line with a clock to turn, and everything it reported."""

    def __init__(self, settings: BrowserSettings | None = None) -> None:
        self.at = 0.0
        self.told: list[tuple[str, LineEvent]] = []
        self.line = BrowserLine(
            settings or BrowserSettings(),
            lambda call, event: self.told.append((call, event)),
            written=lambda one: f"text of {one.name}",
            clock=lambda: self.at,
            now=lambda: 1_000 + self.at,
        )

    def events(self) -> list[LineEvent]:
        return [event for _, event in self.told]

    def commands(self, call: str, after: int = 0) -> list[Command]:
        return self.line.commands_after(call, after, 0)

    def turn(self, seconds: float) -> None:
        self.at += seconds
        self.line.sweep()


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def call(bench: Bench) -> str:
    """A call that was answered; what was told and said until here is forgotten."""
    call = bench.line.arrive("13800000001", "100")
    bench.line.answer(call)
    assert bench.commands(call) == [AnswerCommand(1)]
    bench.told.clear()
    return call


def test_a_page_dials_in_and_is_answered_once(bench: Bench) -> None:
    call = bench.line.arrive("138 0000-0001", "100")
    assert bench.told == [(call, Arrived("13800000001", "100", 1000.0))]
    bench.line.answer(call)
    bench.line.answer(call)
    assert bench.commands(call) == [AnswerCommand(1)]


def test_call_ids_are_long_and_never_the_same(bench: Bench) -> None:
    calls = {bench.line.arrive("", "100") for _ in range(20)}
    assert len(calls) == 20
    assert all(len(call) >= 28 for call in calls)


def test_what_is_to_be_played_names_its_sounds_and_texts(bench: Bench, call: str) -> None:
    bench.line.play(call, [clip("welcome", 1200), clip("main_menu", 3000)], tag=7)
    (command,) = bench.commands(call, 1)
    assert as_json(command) == {
        "n": 2,
        "do": "play",
        "tag": 7,
        "secret": False,
        "clips": [
            {"name": "welcome", "url": "/clips/key-welcome.wav", "text": "text of welcome", "ms": 1200},
            {"name": "main_menu", "url": "/clips/key-main_menu.wav", "text": "text of main_menu", "ms": 3000},
        ],
    }


def test_commands_are_given_again_until_the_page_has_them(bench: Bench, call: str) -> None:
    bench.line.play(call, [clip("welcome")], 1)
    bench.line.stop_playing(call)
    assert bench.commands(call, 1) == bench.commands(call, 1)
    assert bench.commands(call, 2) == [StopCommand(3)]
    assert bench.commands(call, 3) == []


def test_keys_after_the_question_for_a_pin_are_secret(bench: Bench, call: str) -> None:
    for tag, names in enumerate((["pin_wanted"], ["pin_wrong", "pin_wanted"], ["main_menu"])):
        bench.line.play(call, [clip(name) for name in names], tag)
    plays = [command for command in bench.commands(call) if isinstance(command, PlayCommand)]
    assert [command.secret for command in plays] == [True, True, False]


def test_words_beside_the_conversation_leave_a_pin_secret(bench: Bench, call: str) -> None:
    """ "The system is busy" is said with a negative tag: the caller is still at its PIN."""
    bench.line.play(call, [clip("pin_wanted")], 4)
    bench.line.play(call, [clip("system_busy")], -1)
    assert isinstance(busy := bench.commands(call)[-1], PlayCommand)
    assert busy.secret


def test_a_key_is_reported_with_what_was_heard(bench: Bench, call: str) -> None:
    bench.line.play(call, [clip("main_menu")], 3)
    bench.line.key(call, "1", 640, 1, tag=3)
    assert bench.events() == [Key("1", 1000.0, 640, 3)]


def test_a_repeated_key_counts_once(bench: Bench, call: str) -> None:
    """A page that got no answer sends again: the retailer must not get 11 cartons for 1."""
    for _ in range(3):
        bench.line.key(call, "1", 0, 1)
    bench.line.key(call, "1", 0, 2)
    assert [event.key for event in bench.events() if isinstance(event, Key)] == ["1", "1"]


def test_a_key_before_its_turn_is_sent_back(bench: Bench, call: str) -> None:
    bench.line.key(call, "1", 0, 1)
    with pytest.raises(KeysMissing) as missing:
        bench.line.key(call, "3", 0, 3)
    assert missing.value.expected == 2
    assert len(bench.events()) == 1


@pytest.mark.parametrize("key", ["", "12", "E", "a", "１", "\n", "+", " "])
def test_what_no_keypad_has_is_refused(bench: Bench, call: str, key: str) -> None:
    with pytest.raises(BadKey):
        bench.line.key(call, key, 0, 1)
    assert bench.events() == []


def test_a_key_stops_what_is_playing_for_good(bench: Bench, call: str) -> None:
    bench.line.play(call, [clip("main_menu")], 3)
    bench.line.key(call, "1", 500, 1, tag=3)
    bench.line.play_ended(call, 3)
    bench.turn(14)
    assert bench.events() == [Key("1", 1000.0, 500, 3)]


def test_a_key_pressed_before_a_sound_arrived_stops_it_and_heard_nothing_of_it(bench: Bench, call: str) -> None:
    bench.line.play(call, [clip("welcome")], 1)
    bench.line.play(call, [clip("main_menu")], 2)
    bench.line.key(call, "1", 900, 1, tag=1)
    assert bench.events() == [Key("1", 1000.0, 0)]
    assert isinstance(bench.commands(call)[-1], StopCommand)
    bench.line.play_ended(call, 2)
    assert len(bench.events()) == 1


def test_a_sound_heard_to_its_end_is_reported_once(bench: Bench, call: str) -> None:
    bench.line.play(call, [clip("welcome")], 5)
    bench.line.play_ended(call, 5)
    bench.line.play_ended(call, 5)
    bench.line.play_ended(call, 6)
    assert bench.events() == [PlayEnded(5)]


def test_a_replaced_or_stopped_sound_never_ends(bench: Bench, call: str) -> None:
    bench.line.play(call, [clip("welcome")], 1)
    bench.line.play(call, [clip("main_menu")], 2)
    bench.line.play_ended(call, 1)
    bench.line.stop_playing(call)
    bench.line.play_ended(call, 2)
    assert bench.events() == []


def test_a_page_that_never_reports_the_end_is_taken_to_have_heard_it(bench: Bench, call: str) -> None:
    bench.line.play(call, [clip("welcome", 2000), clip("main_menu", 3000)], 9)
    bench.commands(call, 1)
    bench.turn(5 + 6 - 0.1)
    assert bench.events() == []
    bench.turn(0.2)
    assert bench.events() == [PlayEnded(9)]


def test_a_silent_page_is_a_dead_line(bench: Bench, call: str) -> None:
    bench.turn(14.9)
    assert bench.events() == []
    bench.turn(0.1)
    assert bench.events() == [Gone("dead_line")]
    bench.turn(100)
    assert len(bench.events()) == 1


@pytest.mark.parametrize("sign", ["question", "key", "played"])
def test_each_sign_of_life_keeps_the_call(bench: Bench, call: str, sign: str) -> None:
    for at in range(1, 5):
        bench.turn(10)
        match sign:
            case "question":
                bench.commands(call)
            case "key":
                bench.line.key(call, "1", 0, at)
            case "played":
                bench.line.play_ended(call, 99)
    assert not any(isinstance(event, Gone) for event in bench.events())


def test_hanging_up_on_either_side_ends_the_call_once(bench: Bench, call: str) -> None:
    bench.line.hung_up(call)
    bench.line.hung_up(call)
    bench.line.hang_up(call)
    assert bench.events() == [Gone("caller_hung_up")]
    other = bench.line.arrive("", "100")
    bench.line.hang_up(other)
    bench.line.hung_up(other)
    assert bench.events()[2:] == [Gone("we_hung_up")]
    assert bench.commands(other) == [HangUpCommand("we_hung_up", 1)]


def test_an_ended_call_takes_nothing_more(bench: Bench, call: str) -> None:
    bench.line.hang_up(call)
    bench.told.clear()
    bench.line.play(call, [clip("welcome")], 1)
    bench.line.stop_playing(call)
    bench.line.answer(call)
    bench.line.transfer(call, "sip:agents@example.org")
    bench.line.key(call, "1", 0, 1)
    bench.line.play_ended(call, 1)
    assert bench.events() == []
    assert bench.commands(call, 1) == [HangUpCommand("we_hung_up", 2)]


def test_an_ended_call_is_forgotten_and_its_page_told_so(bench: Bench, call: str) -> None:
    bench.line.hang_up(call)
    bench.turn(29.9)
    assert bench.commands(call, 1)
    bench.turn(0.2)
    for ask in (
        lambda: bench.commands(call),
        lambda: bench.line.key(call, "1", 0, 1),
        lambda: bench.line.play_ended(call, 1),
        lambda: bench.line.hung_up(call),
    ):
        with pytest.raises(UnknownCall):
            ask()
    # The port never raises for a call that is gone.
    bench.line.play(call, [], 1)
    bench.line.hang_up(call)


def test_a_refused_call_says_why(bench: Bench) -> None:
    call = bench.line.arrive("", "100")
    bench.line.reject(call, "busy")
    assert bench.events()[1:] == [Gone("we_hung_up")]
    assert bench.commands(call) == [HangUpCommand("busy", 1)]


def test_no_more_calls_than_allowed(bench: Bench) -> None:
    bench = Bench(BrowserSettings(most_calls=2))
    first = bench.line.arrive("", "100")
    bench.line.arrive("", "100")
    with pytest.raises(LineFull):
        bench.line.arrive("", "100")
    assert bench.line.live_calls() == 2
    bench.line.hung_up(first)
    bench.line.arrive("", "100")


def test_unread_commands_are_bounded() -> None:
    bench = Bench(BrowserSettings(most_commands=5))
    call = bench.line.arrive("", "100")
    for tag in range(20):
        bench.line.play(call, [clip("welcome")], tag)
    assert bench.events()[1:] == [Gone("dead_line")]
    assert len(bench.commands(call)) == 6


def test_transfer_and_dialling_out_are_refused_at_once(bench: Bench, call: str) -> None:
    bench.line.transfer(call, "sip:agents@example.org")
    bench.line.dial(Dialled("out-1", "13800000001", "100"))
    assert bench.told == [
        (call, TransferEnded(False, 501)),
        ("out-1", DialFailed("unreachable", 404)),
        ("out-1", Gone("we_hung_up")),
    ]


def test_a_closed_line_ends_its_calls_and_takes_none(bench: Bench, call: str) -> None:
    bench.line.start()
    bench.line.stop()
    assert bench.events() == [Gone("line_closed")]
    with pytest.raises(LineFull):
        bench.line.arrive("", "100")
    assert not any(thread.name == "browser-sweep" for thread in threading.enumerate())


def test_a_fault_in_one_report_does_not_end_the_watch_over_silent_pages() -> None:
    ended: list[str] = []
    both = threading.Event()

    def report(call: str, event: LineEvent) -> None:
        if isinstance(event, Gone):
            ended.append(call)
            if len(ended) == 1:
                raise RuntimeError("a fault of whoever listens")
            both.set()

    line = BrowserLine(BrowserSettings(dead_after_s=0, sweep_every_s=0.01), report)
    line.start()
    calls = [line.arrive("", "100") for _ in range(2)]
    assert both.wait(5)
    line.stop()
    assert sorted(ended) == sorted(calls)


def test_a_waiting_question_is_answered_by_the_next_command(bench: Bench, call: str) -> None:
    answers: list[list[Command]] = []
    asking = threading.Thread(target=lambda: answers.append(bench.line.commands_after(call, 1, 5)))
    asking.start()
    bench.line.play(call, [clip("welcome")], 1)
    asking.join(5)
    assert [type(command) for command in answers[0]] == [PlayCommand]


def test_a_newer_question_sends_the_older_home(bench: Bench, call: str) -> None:
    answers: list[list[Command]] = []
    older = threading.Thread(target=lambda: answers.append(bench.line.commands_after(call, 1, 8)))
    older.start()
    # Questions without waiting, until one of them has met the older one, long before that gives up by itself.
    ends = time.monotonic() + 4
    while older.is_alive():
        assert time.monotonic() < ends
        bench.commands(call, 1)
        older.join(0.01)
    assert answers == [[]]


@given(st.text(max_size=60))
def test_numbers_come_out_clean(number: str) -> None:
    clean = clean_number(number)
    assert len(clean) <= 33
    assert set(clean.removeprefix("+")) <= set("0123456789*#ABCD")
    assert clean_number(clean) == clean
    assert clean != "+"


@pytest.mark.parametrize(
    ("given", "clean"),
    [("+86 138-0000-0001", "+8613800000001"), ("1\r\nX: 2", "12"), ("anonymous", ""), ("+", ""), ("12+3", "123")],
)
def test_numbers_are_cleaned_as_expected(given: str, clean: str) -> None:
    assert clean_number(given) == clean


def test_reports_of_one_call_keep_their_order_from_many_threads() -> None:
    """Twenty keys sent by racing threads, each again and again until taken: all of them, in order, once."""
    bench = Bench()
    call = bench.line.arrive("", "100")
    bench.told.clear()

    def send(seq: int) -> None:
        while True:
            try:
                return bench.line.key(call, str(seq % 10), 0, seq)
            except KeysMissing:
                continue

    threads = [threading.Thread(target=send, args=(seq,)) for seq in range(1, 21) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event.key for event in bench.events() if isinstance(event, Key)] == [str(n % 10) for n in range(1, 21)]
