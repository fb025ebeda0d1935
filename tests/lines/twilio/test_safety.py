"""What does not come from Twilio, or has not its form, is refused and counted, and changes nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from twilio.request_validator import RequestValidator

from ivr.lines.twilio.deliveries import BadDelivery, read_delivery
from ivr.lines.twilio.settings import TwilioSettings
from ivr.lines.twilio.signing import Signatures
from orders.models import Call
from tests.lines.twilio.cloud import ACCOUNT, NUMBER, PUBLIC, TOKEN, Cloud, CloudCall, CloudFault
from tests.lines.twilio.office import Office

SIGNED_URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
SIGNED = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}
SIGNATURE = "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_the_published_vector() -> None:
    signatures = Signatures("12345")
    assert signatures.fits(SIGNED_URL, SIGNED, SIGNATURE)
    assert signatures.fits(SIGNED_URL.replace(".com/", ".com:443/"), SIGNED, SIGNATURE), "with the port named"
    for altered in ({**SIGNED, "Digits": "1235"}, {**SIGNED, "More": ""}, {}):
        assert not signatures.fits(SIGNED_URL, altered, SIGNATURE)
    assert not signatures.fits(SIGNED_URL.replace("https", "http"), SIGNED, SIGNATURE)
    assert not signatures.fits(SIGNED_URL + "&more=1", SIGNED, SIGNATURE)
    assert not signatures.fits(SIGNED_URL, SIGNED, "")
    assert not Signatures("12346").fits(SIGNED_URL, SIGNED, SIGNATURE)


def test_unsigned_and_altered_requests(office: Office) -> None:
    params = CloudCall(office.cloud(), "+8613800000001").parameters()
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC + "/twilio/voice", params)
    assert office.post(PUBLIC + "/twilio/voice", params, "") == (403, "")
    assert office.post(PUBLIC + "/twilio/voice", params, "nonsense") == (403, "")
    assert office.post(PUBLIC + "/twilio/voice", {**params, "From": "+8613800000002"}, signature)[0] == 403
    assert office.post(PUBLIC + "/twilio/voice?step=1", params, signature)[0] == 403
    assert office.refusals.counted() == {"unsigned": 4}
    assert _calls(office) == 0
    assert office.post(PUBLIC + "/twilio/voice", params, signature)[0] == 200


def test_the_host_that_a_proxy_names_does_not_count(office: Office) -> None:
    params = CloudCall(office.cloud(), "+8613800000001").parameters()
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC + "/twilio/voice", params)
    assert office.post("http://127.0.0.1:8080/twilio/voice", params, signature)[0] == 200


def test_a_request_read_in_another_way_is_no_request(office: Office) -> None:
    """The signature has no separators: these sign alike."""
    call = CloudCall(office.cloud(), "+8613800000001")
    call.dial()
    url = f"{PUBLIC}/twilio/voice/keys?step=1"
    params = call.parameters(Digits="1")
    merged = {**params}
    value = merged.pop("Digits")
    merged[f"Digits{value}Direction"] = merged.pop("Direction")
    validator = RequestValidator(TOKEN)
    signature = validator.compute_signature(url, params)
    assert validator.compute_signature(url, merged) == signature
    assert office.post(url, merged, signature) == (403, "")
    assert office.refusals.counted() == {"malformed": 1}


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"CallSid": "CA12"}, "CallSid"),
        ({"CallSid": ""}, "CallSid"),
        ({"AccountSid": "AC" + "f" * 32}, "another account"),
        ({"Digits": "12w"}, "Digits"),
        ({"Digits": "1" * 129}, "Digits"),
        ({"From": "+86138'; drop table calls"}, "From"),
        ({"CallStatus": "over"}, "CallStatus"),
        ({"AnsweredBy": "a machine"}, "AnsweredBy"),
        ({"Digits1": "2"}, "name"),
    ],
)
def test_each_parameter_has_its_form(change: dict[str, str], wrong: str) -> None:
    params = {**CloudCall(Cloud(lambda *_: (200, "")), "+8613800000001").parameters(Digits="1"), **change}
    with pytest.raises(BadDelivery, match=wrong):
        read_delivery("keys", params.items(), {"step": "1"}, ACCOUNT)


def test_parameters_may_not_be_missing_or_come_twice() -> None:
    params = list(CloudCall(Cloud(lambda *_: (200, "")), "+8613800000001").parameters(Digits="1").items())
    for missing in ("CallSid", "AccountSid", "From", "To", "CallStatus", "Digits"):
        with pytest.raises(BadDelivery, match=missing):
            read_delivery("keys", [one for one in params if one[0] != missing], {"step": "1"}, ACCOUNT)
    with pytest.raises(BadDelivery, match="twice"):
        read_delivery("keys", [*params, ("Digits", "2")], {"step": "1"}, ACCOUNT)


@pytest.mark.parametrize("step", ["-1", "1e3", "", "99999999", "١"])
def test_a_step_is_a_number(step: str) -> None:
    params = CloudCall(Cloud(lambda *_: (200, "")), "+8613800000001").parameters(Digits="1")
    with pytest.raises(BadDelivery, match="step"):
        read_delivery("keys", params.items(), {"step": step}, ACCOUNT)


def test_what_twilio_adds_one_day_does_no_harm(office: Office) -> None:
    call = CloudCall(office.cloud(), "+8613800000001")
    params = call.parameters(StirVerstat="TN-Validation-Passed-A", CallToken="{}", SipHeader_X_2="a", SomethingNew="1")
    call.take(office.cloud().fetch(PUBLIC + "/twilio/voice", params))
    assert call.sounds


@pytest.mark.parametrize(
    ("sent", "number"),
    [
        ("+8613800000001", "+8613800000001"),
        ("+266696687", ""),
        ("", ""),
        ("sip:+8613800000001@example.com", "+8613800000001"),
        ("sip:alice@example.com", ""),
        ("client:agent", ""),
    ],
)
def test_numbers_of_callers(sent: str, number: str) -> None:
    params = CloudCall(Cloud(lambda *_: (200, "")), sent).parameters(From=sent)
    assert read_delivery("arrived", params.items(), {}, ACCOUNT).caller == number


def test_large_requests_are_not_read(office: Office) -> None:
    call = CloudCall(office.cloud(), "+8613800000001")
    with pytest.raises(CloudFault, match="refused"):
        call.cloud.fetch(PUBLIC + "/twilio/voice", call.parameters(CallToken="x" * 20_000))
    assert office.refusals.counted() == {"malformed": 1}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("account", "AC1"),
        ("token", ""),
        ("number", "13800000001"),
        ("public_url", "http://orders.example.com"),
        ("public_url", "https://orders.example.com/"),
        ("public_url", "https://user:pw@orders.example.com"),
        ("key_pause_s", 0),
    ],
)
def test_settings_say_what_is_wrong(field: str, value: object) -> None:
    right: dict[str, object] = {"account": ACCOUNT, "token": TOKEN, "number": NUMBER, "public_url": PUBLIC}
    with pytest.raises(ValueError, match=f"twilio.{field}"):
        TwilioSettings(**{**right, field: value})  # type: ignore[arg-type]


def _calls(office: Office) -> int:
    with office.world.store.session() as session:
        return session.execute(select(func.count()).select_from(Call)).scalar_one()
