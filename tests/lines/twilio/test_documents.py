"""The documents: how long they listen, what they play, and that whatever Twilio fetches is signed and expires."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from admin.twilio_line import TwilioSide
from ivr.lines.twilio.replies import Connecting, Ending, Listening, Noted, Played, Refusing, Spoken
from ivr.lines.twilio.twiml import can_be_connected, twiml
from ivr.runner import Handled
from ivr.transcripts.stage_set import World
from orders.models import Call
from tests.lines.twilio.account import Account, Begun
from tests.lines.twilio.cloud import CloudCall, CloudFault, read
from tests.lines.twilio.office import SETTINGS, Office, WrittenClips

SOUND = Played("https://orders.example.com/twilio/sounds/a.wav?until=1&by=2", "greeting", 1000)


def test_the_caller_s_time_is_the_dialogue_s(office: Office) -> None:
    """Six seconds for the first key after the prompt, four between keys, of which the pause has taken two."""
    call = CloudCall(office.cloud(), "+8613800000007")
    call.dial()
    assert call.waits_s == 6
    call.press("1")
    call.pause()
    call.press("12")
    call.pause()
    assert not call.sounds
    assert call.waits_s == 2


def test_silence_is_one_document_without_gaps() -> None:
    verbs = read(twiml(Listening((SOUND,), 7, 5), SETTINGS))
    assert [verb.name for verb in verbs] == ["Gather", "Gather", "Gather", "Redirect"]
    assert [verb.attributes["timeout"] for verb in verbs[:3]] == ["2", "2", "1"]
    assert [len(verb.sounds) for verb in verbs] == [1, 0, 0, 0]
    assert {verb.attributes["action"] for verb in verbs[:3]} == {SETTINGS.address("/twilio/voice/keys?step=7")}
    assert verbs[3].text == SETTINGS.address("/twilio/voice/silent?step=7")


def test_where_nothing_is_asked_any_key_goes_on() -> None:
    verbs = read(twiml(Listening((SOUND,), 7, 0, brief=True), SETTINGS))
    assert [verb.name for verb in verbs] == ["Gather", "Redirect"]
    assert verbs[0].attributes["numDigits"] == "1"
    assert verbs[0].attributes["timeout"] == "1"


@pytest.mark.parametrize(
    ("reply", "verbs"),
    [
        (Ending(), ["Hangup"]),
        (Ending((SOUND,)), ["Play", "Hangup"]),
        (Ending((Spoken("再见。", "zh"),)), ["Say", "Hangup"]),
        (Refusing("busy"), ["Reject"]),
        (Connecting("+862160002222", 3), ["Dial"]),
        (Connecting("sip:agents@example.com", 3), ["Dial"]),
        (Noted(), []),
    ],
)
def test_the_other_documents(reply: Ending, verbs: list[str]) -> None:
    assert [verb.name for verb in read(twiml(reply, SETTINGS))] == verbs


def test_calls_out_name_themselves() -> None:
    verbs = read(twiml(Listening((), 7, 1), SETTINGS, "out-1"))
    assert verbs[0].attributes["action"].endswith("/twilio/voice/keys?step=7&dial=out-1")


@pytest.mark.parametrize(
    ("target", "can"),
    [
        ("8001", True),
        ("+862160002222", True),
        ("sip:agents@127.0.0.1", True),
        ("PJSIP/8001", False),
        ("sip:a@b\r\nEvil: 1", False),
        ("", False),
    ],
)
def test_what_twilio_can_connect(target: str, can: bool) -> None:
    assert can_be_connected(target) is can


def test_sounds_are_signed_and_expire(office: Office, tmp_path: Path) -> None:
    office.clips.folder = tmp_path
    call = CloudCall(office.cloud(), "+8613800000001")
    call.dial()
    parts = urlsplit(call.sounds[0])
    path = f"{parts.path}?{parts.query}"
    answer = office.client.get(path, buffered=True)
    assert (answer.status_code, answer.mimetype) == (200, "audio/wav")
    assert "max-age=3600" in answer.headers["Cache-Control"]
    last = path[-1]
    altered = path[:-1] + ("0" if last != "0" else "1")
    key = parts.path.rpartition("/")[2]
    other = path.replace(key, "0" * 32 + ".wav")
    for wrong in (altered, other, parts.path, path.replace("until=", "until=9")):
        assert office.client.get(wrong).status_code == 403
    office.clock_ms += (2 * 3600 + 1) * 1000
    assert office.client.get(path).status_code == 403
    assert office.refusals.counted() == {"sound": 5}


def test_an_address_stays_the_same_for_a_cache(office: Office) -> None:
    first = CloudCall(office.cloud(), "")
    first.dial()
    office.clock_ms += 60_000
    second = CloudCall(office.cloud(), "")
    second.dial()
    assert first.sounds == second.sounds


def test_a_sound_rendered_by_another_node(world: World, tmp_path: Path) -> None:
    """The name of the shop is in it: nobody has rendered that beforehand."""
    rendering, asked = Office(world, "a"), Office(world, "b")
    asked.clips.folder = tmp_path
    call = CloudCall(rendering.cloud(), "+8613800000001")
    call.dial()
    urls = [urlsplit(sound) for sound in call.sounds]
    of_call = next(url for url in urls if "call=" in url.query)
    answer = asked.client.get(f"{of_call.path}?{of_call.query}", buffered=True)
    assert answer.status_code == 200


def test_without_a_voice_twilio_speaks(office: Office) -> None:
    office.clips.mute = True
    call = CloudCall(office.cloud(), "+8613800000001")
    call.dial()
    assert "阳光便利店请按1。" in call.sounds


def test_when_nothing_can_be_stored(office: Office) -> None:
    """The node says so to Twilio; where the fallback fails as well, the caller hears the truth."""

    class Full:
        def handle(self, *_: object) -> Handled:
            raise OSError("disk full")

        handle_burst = handle

    office.conversations._steps = Full()
    call = CloudCall(office.cloud(), "+8613800000001")
    with pytest.raises(CloudFault, match="answered 503"):
        call.dial()
    call.cloud.fallback = call.cloud.voice + "/fallback"
    call.dial()
    assert [verb.name for verb in call.verbs] == ["Play", "Hangup"]
    assert "稍后" in office.heard(call.sounds[0])[2]


def test_a_call_that_lasts_too_long_ends(office: Office) -> None:
    call = CloudCall(office.cloud(), "+8613800000001")
    call.dial()
    office.clock_ms += (SETTINGS.longest_call_s + 1) * 1000
    call.fall_silent()
    assert call.over


def test_agents_that_twilio_can_not_reach(office: Office) -> None:
    office.world.given("AGENTS PJSIP/agents")
    call = CloudCall(office.cloud(), "+8613800000001")
    call.dial()
    for keys in ("1", "1234#", "0"):
        call.cloud.pass_ms(9000)
        call.press(keys)
        call.pause()
    call.fall_silent()
    assert call.verbs[0].name == "Gather"


def test_an_end_that_nobody_told_us(world: World) -> None:
    """The status callback came while no node was up: the account is asked, and the draft is free again."""
    office = Office(world)
    office.clock_ms = int((datetime.now(UTC) - world.now() - timedelta(minutes=10)).total_seconds() * 1000)
    account = Account()
    call = CloudCall(office.cloud(), "+8613800000001")
    call.dial()
    side = TwilioSide(
        SETTINGS,
        world.store,
        office.runner,
        WrittenClips(world),
        world.wording.written,
        lambda *_: None,
        node="n",
        dialogue=lambda: world.settings,
        order_placed=threading.Event().set,
        http=account,
    )
    side.look_after()
    assert side.state().calls == 1
    _, path = account.asked[-1]
    assert path == f"Calls/{call.sid}.json"
    account.begun[call.sid] = Begun(call.sid, {"To": call.caller}, "completed")
    side.look_after()
    assert side.state().calls == 0
    with world.store.session() as session:
        assert session.execute(select(Call.end_cause)).scalar_one() == "end_not_told"
    side.stop()
