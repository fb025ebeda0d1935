"""What `doctor` finds about the account, its number and the way to the webhooks."""

from __future__ import annotations

import dataclasses

import pytest
from twilio.http.response import Response

from ivr.lines.twilio.probe import Found, examine
from ivr.lines.twilio.rest import Rest
from tests.lines.twilio.account import Account
from tests.lines.twilio.cloud import ACCOUNT, NUMBER, PUBLIC, TOKEN
from tests.lines.twilio.office import SETTINGS, Office

WELL = {
    "voice_url": f"{PUBLIC}/twilio/voice",
    "voice_method": "POST",
    "voice_fallback_url": "https://second.example.com/twilio/voice/fallback",
    "status_callback": f"{PUBLIC}/twilio/status",
}


def look(office: Office, account: Account, token: str = TOKEN) -> list[Found]:
    def post(url: str, params: dict[str, str], headers: dict[str, str]) -> int:
        return office.post(url, params, headers["X-Twilio-Signature"])[0]

    settings = dataclasses.replace(SETTINGS, token=token)
    return list(examine(settings, Rest(ACCOUNT, token, account), post))


def test_all_is_well(office: Office) -> None:
    found = look(office, Account(numbers={NUMBER: WELL}))
    assert [one.level for one in found] == ["OK", "OK"]


@pytest.mark.parametrize(
    ("change", "level", "do"),
    [
        ({"voice_url": ""}, "FAIL", f"{PUBLIC}/twilio/voice "),
        ({"voice_url": "http://orders.example.com/twilio/voice"}, "FAIL", f"{PUBLIC}/twilio/voice "),
        ({"status_callback": ""}, "FAIL", f"{PUBLIC}/twilio/status"),
        ({"voice_method": "GET"}, "FAIL", "POST"),
        ({"voice_fallback_url": ""}, "WARN", "the other node's"),
    ],
)
def test_how_the_number_is_set_up(office: Office, change: dict[str, str], level: str, do: str) -> None:
    found = look(office, Account(numbers={NUMBER: {**WELL, **change}}))
    wrong = [one for one in found if one.level != "OK"]
    assert [(one.level, do in one.do) for one in wrong] == [(level, True)]


def test_another_account_s_number(office: Office) -> None:
    assert "no number of this account" in look(office, Account())[0].says


def test_another_token_than_the_running_line_s(office: Office) -> None:
    found = look(office, Account(numbers={NUMBER: WELL}), token="another")
    assert "refuses our own signature" in found[-1].says


def test_a_refused_token(office: Office) -> None:
    class Refusing(Account):
        def request(self, *_: object, **__: object) -> Response:  # type: ignore[override]
            return Response(401, '{"code": 20003, "message": "Authenticate", "status": 401}')

    assert "token is refused" in look(office, Refusing())[0].says


def test_nothing_answers(office: Office) -> None:
    def post(*_: object) -> int:
        raise OSError("Connection refused")

    found = list(examine(SETTINGS, Rest(ACCOUNT, TOKEN, Account(numbers={NUMBER: WELL})), post))
    assert "start the order line" in found[-1].do
