"""The browser phone as a person uses it: real Chromium, real web server, real sound files, a scripted conversation."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from ivr.lines.port import Arrived, Gone, Key, LineEvent, PlayEnded
from tests.web.conftest import Site

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = [pytest.mark.peer("chromium"), pytest.mark.xdist_group("chromium")]

IN_CALL = "#handset[data-state=in_call]"
ENDED = "#handset[data-state=ended]"


def dial(site: Site, page: Page, language: str = "zh") -> None:
    page.goto(f"{site.address}phone?lang={language}")
    page.click("#dial")
    page.wait_for_selector(IN_CALL)
    page.wait_for_selector(".said .now")


def until(page: Page, holds: Callable[[], bool], seconds: float = 10) -> None:
    """Wait the browser's way, so that its events go on; fails when it does not come to hold."""
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "it did not come to that"
        page.wait_for_timeout(20)


def events_of(site: Site) -> list[LineEvent]:
    return [event for _, event in site.conversation.heard]


def has_ended_a_sound(site: Site) -> bool:
    return any(isinstance(event, PlayEnded) for event in events_of(site))


def keys_of(site: Site) -> str:
    return "".join(event.key for _, event in site.conversation.heard if isinstance(event, Key))


def press_at_once(page: Page, keys: str) -> None:
    """All of these keys before the page can take in any answer."""
    page.evaluate("(keys) => [...keys].forEach((key) => dispatchEvent(new KeyboardEvent('keydown', { key })))", keys)


def bubbles(page: Page, kind: str) -> list[str]:
    return [text.strip() for text in page.locator(f"#transcript .{kind}").all_text_contents()]


def wait_for_said(page: Page, text: str) -> None:
    page.locator("#transcript .said p", has_text=text).last.wait_for()


def test_a_whole_call_by_mouse_and_keyboard(site: Site, page: Page) -> None:
    dial(site, page)
    assert bubbles(page, "said")[0].startswith("您好，烟草订货热线。")
    page.keyboard.press("1")
    wait_for_said(page, "请输入密码")
    for key in "1234#":
        page.click(f'#keypad [data-key="{key}"]')
    wait_for_said(page, "订货按1")
    page.keyboard.press("1")
    wait_for_said(page, "几条")
    page.keyboard.type("12#")
    page.wait_for_selector(ENDED)
    assert bubbles(page, "keyed") == ["1", "●●●●#", "1", "12#"]
    assert bubbles(page, "event") == ["通话结束 · 热线结束了通话"]
    assert keys_of(site) == "11234#112#"
    events = events_of(site)
    assert isinstance(events[0], Arrived)
    assert events[0].caller == "13800000001"
    assert isinstance(events[-2], PlayEnded)
    assert events[-1] == Gone("we_hung_up")


def test_a_prompt_is_heard_to_its_end_and_reported(site: Site, page: Page) -> None:
    dial(site, page)
    until(page, lambda: has_ended_a_sound(site))
    assert events_of(site)[1:] == [PlayEnded(1)]
    assert page.locator(".said small").count() == 0


def test_sound_really_comes_out(site: Site, page: Page) -> None:
    """The level behind the last gain, as Web Audio measures it, while a prompt is playing and after a key."""
    page.add_init_script("""
        const connect = AudioNode.prototype.connect;
        AudioNode.prototype.connect = function (target, ...rest) {
          if (target instanceof AudioDestinationNode && !(this instanceof AnalyserNode)) {
            window.meter = new AnalyserNode(this.context);
            connect.call(this, window.meter);
          }
          return connect.call(this, target, ...rest);
        };
        window.level = () => {
          const wave = new Float32Array(window.meter.fftSize);
          window.meter.getFloatTimeDomainData(wave);
          return Math.max(...wave.map(Math.abs));
        };
    """)
    dial(site, page)
    until(page, lambda: page.evaluate("window.level()") > 0.05)
    page.keyboard.press("5")
    # The key's own tone of 120 ms, then nothing: the prompt would have gone on.
    page.wait_for_timeout(250)
    assert max(page.evaluate("window.level()") for _ in range(10)) < 0.001


def test_a_key_silences_the_prompt_at_once_and_tells_how_much_was_heard(site: Site, page: Page) -> None:
    dial(site, page)
    page.wait_for_timeout(150)
    page.keyboard.press("5")
    until(page, lambda: keys_of(site) == "5")
    (key,) = (event for event in events_of(site) if isinstance(event, Key))
    assert 50 < key.heard_ms < 800
    assert page.locator(".said .now").count() == 0
    assert "被按键打断" in bubbles(page, "said")[0]
    page.wait_for_timeout(900)
    assert not has_ended_a_sound(site)


def test_keys_typed_ahead_arrive_in_order_and_the_pin_among_them_is_hidden(site: Site, page: Page) -> None:
    dial(site, page)
    press_at_once(page, "11234#12")
    until(page, lambda: keys_of(site) == "11234#12")
    wait_for_said(page, "几条")
    assert "1234" not in page.locator("body").inner_text().replace("演示密码都是 1234", "")


def test_a_slow_network_loses_and_doubles_no_key(site: Site, page: Page) -> None:
    """Each key is lost on its way, then its answer on the way back: the page sends again, and it counts once."""
    tries: Counter[str | None] = Counter()

    def lose_two(route: Route) -> None:
        tries[route.request.post_data] += 1
        if tries[route.request.post_data] == 3:
            route.continue_()
            return
        if tries[route.request.post_data] == 2:
            route.fetch()
        route.abort()

    dial(site, page)
    page.route("**/keys", lose_two)
    press_at_once(page, "5225")
    until(page, lambda: sorted(tries.values()) == [3, 3, 3, 3])
    assert keys_of(site) == "5225"


def test_keys_wait_for_the_one_before_them(site: Site, page: Page) -> None:
    """The first key's way is broken for a while: those after it do not overtake it, and none is given up."""
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if '"seq":1,' in (route.request.post_data or "") and len(held) < 3:
            held.append(route)
            route.abort()
        else:
            route.continue_()

    dial(site, page)
    page.route("**/keys", hold_the_first)
    press_at_once(page, "5678")
    until(page, lambda: keys_of(site) == "5678")
    assert len(held) == 3


def test_the_person_hangs_up(site: Site, page: Page) -> None:
    dial(site, page)
    page.keyboard.press("Escape")
    page.wait_for_selector(ENDED)
    until(page, lambda: events_of(site)[-1] == Gone("caller_hung_up"))
    assert page.locator("#cause").inner_text() == "您挂断了"
    page.click("#dial")
    page.wait_for_selector(IN_CALL)


def test_closing_the_page_hangs_up(site: Site, page: Page) -> None:
    dial(site, page)
    page.goto("about:blank")
    until(page, lambda: events_of(site)[-1] == Gone("caller_hung_up"))


def test_a_lost_server_is_told_to_the_person(site: Site, page: Page) -> None:
    dial(site, page)
    page.route("**/commands?**", lambda route: route.abort())
    page.keyboard.press("1")
    page.wait_for_selector("#network:visible")
    page.unroute("**/commands?**")
    page.wait_for_selector("#network", state="hidden")
    assert page.locator(IN_CALL).count() == 1


def test_a_missing_sound_is_read_and_the_call_goes_on(site: Site, page: Page) -> None:
    site.conversation.clips["welcome"].wav.unlink()
    dial(site, page)
    until(page, lambda: has_ended_a_sound(site))
    assert "放不出声音" in bubbles(page, "said")[0]


def test_without_sound_the_call_goes_on_and_offers_to_hear(site: Site, page: Page) -> None:
    """A browser that keeps sound blocked: prompts run their time, and a button asks for the person's press."""
    page.add_init_script("Object.defineProperty(BaseAudioContext.prototype, 'state', { get: () => 'suspended' })")
    dial(site, page)
    assert page.locator("#allow-sound").is_visible()
    until(page, lambda: has_ended_a_sound(site))


def test_a_refused_call_says_why(site: Site, page: Page) -> None:
    line = site.conversation.line
    assert line is not None
    line.stop()
    page.goto(f"{site.address}phone?lang=en")
    page.click("#dial")
    page.wait_for_selector("#handset[data-state=failed]")
    assert page.locator("#cause").inner_text() == "All browser lines are taken; dial again in a moment."


def test_a_demo_caller_is_chosen_by_a_click(site: Site, page: Page) -> None:
    page.goto(f"{site.address}phone?lang=en")
    page.click('#suggested [data-number=""]')
    page.keyboard.press("Tab")
    page.click("#dial")
    page.wait_for_selector(IN_CALL)
    (arrived,) = (event for event in events_of(site) if isinstance(event, Arrived))
    assert arrived.caller == ""


@pytest.mark.parametrize("language", ["zh", "en"])
def test_pages_fit_and_show_one_language(site: Site, page: Page, language: str) -> None:
    for path in ("", "phone", "nothing"):
        page.goto(f"{site.address}{path}?lang={language}")
        for width in (320, 390, 768, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
        text = page.locator("main").inner_text()
        if language == "en":
            assert not any("\u4e00" <= letter <= "\u9fff" for letter in text), text


def test_everything_can_be_reached_by_keyboard(site: Site, page: Page) -> None:
    page.goto(f"{site.address}phone?lang=en")
    reached = set()
    for _ in range(25):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.dataset.number || ''"))
    assert {"language", "caller", "mute", "dial", "volume", "13800000002"} <= reached
    page.focus("#caller")
    page.keyboard.press("Enter")
    page.wait_for_selector(IN_CALL)


def test_the_status_page_keeps_itself_fresh(site: Site, page: Page) -> None:
    page.goto(f"{site.address}?lang=en")
    assert page.locator(".figures dd").first.inner_text() == "0"
    site.queries.held = type(site.queries.held)(
        **{name: getattr(site.queries.held, name) for name in site.queries.held.__slots__} | {"open_calls": 41}
    )
    page.locator(".figures dd", has_text="41").wait_for(timeout=8000)
