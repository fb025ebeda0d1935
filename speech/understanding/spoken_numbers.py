"""Words to numbers, Chinese and English: the way back of `speech.numerals`. Pure.

Takes what people say and recognisers write: 二十五, 两百零五, 一百二 (120), 廿五, "a dozen", "two hundred and five".
A row of digits (一零一, 幺, "one oh one") is `digit_row`, for it may begin with zero.
"""

from __future__ import annotations

import re

from speech.numerals import number_en

_ZH_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {
    "〇": 0, "幺": 1, "么": 1, "壹": 1, "两": 2, "俩": 2, "贰": 2, "仨": 3, "叁": 3, "肆": 4, "伍": 5,
    "陆": 6, "柒": 7, "捌": 8, "玖": 9,
}  # fmt: skip
_ZH_UNITS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_ZH_GROUPS = {"万": 10_000, "亿": 100_000_000}
_ZH_SHORT = {"廿": "二十", "卅": "三十"}
_EN_WORDS = {number_en(value): value for value in range(20)} | {"oh": 0, "a": 1, "an": 1, "couple": 2}
_EN_TENS = {number_en(value): value for value in range(20, 100, 10)}
_EN_SCALES = {"dozen": 12, "hundred": 100, "thousand": 1000}
_LONGEST = 60
"""Characters; nobody says more in one number."""


def number_from_zh(text: str) -> int | None:
    """None for what is no number. 一百二 is 120 and 两千三 is 2300, as people shorten."""
    text = text.strip()
    if not text or len(text) > _LONGEST:
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    for short, written in _ZH_SHORT.items():
        text = text.replace(short, written)
    total = before = 0
    while text:
        head, group, text = _up_to_group(text)
        if before and len(head) > 1:
            head = head.removeprefix("零")
        elif before and not group and head in _ZH_DIGITS:
            return total + _ZH_DIGITS[head] * before // 10  # 一万五 is 15,000
        value = _below_ten_thousand(head, short_tail=not group)
        if value is None or (before and group >= before):
            return None
        total, before = total + value * (group or 1), group
    return total


def _up_to_group(text: str) -> tuple[str, int, str]:
    """What stands before the first 亿 or 万, that group's value (0 for none), and the rest."""
    for sign, value in reversed(_ZH_GROUPS.items()):
        head, found, rest = text.partition(sign)
        if found:
            return head, value, rest
    return text, 0, ""


def _below_ten_thousand(text: str, *, short_tail: bool) -> int | None:
    """`short_tail`: a last digit right after a unit counts a tenth of that unit."""
    total, digit, unit, after_zero = 0, -1, 10_000, False
    for place, sign in enumerate(text):
        if sign in _ZH_UNITS:
            this = _ZH_UNITS[sign]
            if this >= unit or (digit < 0 and not (this == 10 and place == 0)) or digit == 0:
                return None
            total += max(digit, 1) * this
            unit, digit, after_zero = this, -1, False
        elif sign in _ZH_DIGITS and (digit < 0 or digit == 0):
            after_zero = after_zero or digit == 0 or _ZH_DIGITS[sign] == 0
            digit = _ZH_DIGITS[sign]
        else:
            return None
    if digit < 0:
        return total or None
    if unit == 10_000:
        return digit if len(text) == 1 else None
    return total + (digit * unit // 10 if short_tail and unit > 10 and not after_zero else digit)


def number_from_en(text: str) -> int | None:
    """None for what is no number. "a dozen" is 12, "half a dozen" 6, "two hundred and five" 205."""
    text = text.lower().strip()
    if len(text) > 2 * _LONGEST:
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    words = [word for word in re.split(r"[\s-]+", text) if word not in ("and", "of")]
    if len(words) > 1 and words[0] in ("a", "an"):
        words = words[1:]
    if words[:2] == ["half", "a"] and words[2:] == ["dozen"]:
        return 6
    total, part = 0, -1
    for word in words:
        if word in _EN_SCALES:
            scale = _EN_SCALES[word]
            part = max(part, 1) * scale
            if scale == 1000:
                total, part = total + part, 0
        elif word in _EN_WORDS or word in _EN_TENS:
            added = _added_en(part, word)
            if added is None:
                return None
            part = added
        else:
            return None
    return total + part if part >= 0 else None


def _added_en(part: int, word: str) -> int | None:
    """A part of a number with its next word; None where English would not go on so ("two three")."""
    if word in _EN_TENS:
        return max(part, 0) + _EN_TENS[word] if part <= 0 or part % 100 == 0 else None
    value = _EN_WORDS[word]
    if part <= 0 or (value and part % 100 == 0) or (0 < value < 10 and part % 10 == 0 and part % 100 >= 20):
        return value if part < 0 else part + value
    return None


def digit_row(text: str) -> str | None:
    """一零一, 幺零幺, "one oh one", "1 0 1" as "101"; None for what is no row of single digits."""
    text = text.strip().lower()
    if not text or len(text) > 2 * _LONGEST:
        return None
    signs = re.split(r"[\s,-]+", text) if re.search(r"[a-z]", text) else list(re.sub(r"[\s,、-]+", "", text))
    values = [_digit(sign) for sign in signs]
    return None if any(value is None for value in values) else "".join(str(value) for value in values)


def _digit(sign: str) -> int | None:
    if sign.isascii() and sign.isdigit() and len(sign) == 1:
        return int(sign)
    value = _ZH_DIGITS.get(sign, _EN_WORDS.get(sign))
    return value if value is not None and value < 10 and sign not in ("a", "an", "couple") else None
