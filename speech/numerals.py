"""Numbers, money, days and times in words, Chinese and English, as they are spoken on the telephone.

Own code, for the libraries that spell Chinese numbers know neither 两 before a measure word nor 幺 in a row of digits.
"""

from __future__ import annotations

from datetime import date

_ZH_DIGITS = "零一二三四五六七八九"
_ZH_UNITS = ("", "十", "百", "千")
_ZH_GROUPS = ("", "万", "亿")
_ZH_WEEKDAYS = "一二三四五六日"
_EN_SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_EN_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_EN_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_EN_WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def number_zh(number: int) -> str:
    """二千六百五十; 10 is 十, 110 is 一百一十; negative numbers are not spoken. Raises ValueError."""
    _check(number)
    if number == 0:
        return _ZH_DIGITS[0]
    groups: list[str] = []
    rest, gap = number, False
    for unit in _ZH_GROUPS:
        rest, low = divmod(rest, 10_000)
        if low:
            spoken = _below_ten_thousand(low) + unit
            groups.insert(0, spoken + ("零" if gap and groups else ""))
            gap = low < 1000
        elif groups:
            gap = True
        if not rest:
            break
    text = "".join(groups)
    return text[1:] if text.startswith("一十") else text


def _below_ten_thousand(number: int) -> str:
    text, zero = "", False
    for power in (3, 2, 1, 0):
        digit = number // 10**power % 10
        if digit:
            text += ("零" if zero and text else "") + _ZH_DIGITS[digit] + _ZH_UNITS[power]
            zero = False
        else:
            zero = True
    return text


def count_zh(number: int) -> str:
    """Before a measure word: 两条, but 二十条 and 十二条."""
    return "两" if number == 2 else number_zh(number)


def digits_zh(digits: str, *, one: str = "幺") -> str:
    """Digit by digit: 0372 is 零三七二; `one` is how a 1 is said in a row of digits."""
    return "".join(one if digit == "1" and len(digits) > 1 else _ZH_DIGITS[int(digit)] for digit in digits)


def money_zh(fen: int) -> str:
    """二千六百五十元, with 角 and 分 where there are any."""
    yuan, rest = divmod(fen, 100)
    jiao, odd = divmod(rest, 10)
    # 一元零五分: where the 角 is passed over, 零 says so.
    gap = "零" if yuan and odd and not jiao else ""
    small = (f"{number_zh(jiao)}角" if jiao else gap) + (f"{number_zh(odd)}分" if odd else "")
    return (f"{number_zh(yuan)}元" if yuan or not small else "") + small


def day_zh(day: date) -> str:
    """十一月二十七日，星期五."""
    return f"{number_zh(day.month)}月{number_zh(day.day)}日，星期{_ZH_WEEKDAYS[day.weekday()]}"


def written_day_zh(day: date) -> str:
    """11月27日(星期五), for screens."""
    return f"{day.month}月{day.day}日（星期{_ZH_WEEKDAYS[day.weekday()]}）"


def written_day_en(day: date) -> str:
    """Friday, November 27, for screens."""
    return f"{_EN_WEEKDAYS[day.weekday()]}, {_EN_MONTHS[day.month - 1]} {day.day}"


def time_zh(text: str) -> str:
    """16:00 is 下午四点, 08:30 is 上午八点三十分, 16:05 is 下午四点零五分, 00:30 is 凌晨零点三十分."""
    hour, minute = _clock(text)
    half = "凌晨" if hour < 1 else "上午" if hour < 12 else "下午" if hour < 18 else "晚上"
    twelve = hour if hour <= 12 else hour - 12
    spoken = f"{half}{count_zh(twelve)}点"
    return f"{spoken}{'零' if minute < 10 else ''}{number_zh(minute)}分" if minute else spoken


def number_en(number: int) -> str:
    """Two thousand six hundred fifty. Raises ValueError."""
    _check(number)
    if number < 20:
        return _EN_SMALL[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return _EN_TENS[tens] + (f"-{_EN_SMALL[rest]}" if rest else "")
    for unit, name in ((1_000_000, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= unit:
            high, rest = divmod(number, unit)
            return f"{number_en(high)} {name}" + (f" {number_en(rest)}" if rest else "")
    raise AssertionError("every number below one hundred was said above")


def digits_en(digits: str) -> str:
    """Zero three seven two."""
    return " ".join(_EN_SMALL[int(digit)] for digit in digits)


def money_en(fen: int) -> str:
    """Two thousand six hundred fifty yuan, and fen where there are any."""
    yuan, rest = divmod(fen, 100)
    spoken = [f"{number_en(yuan)} yuan"] if yuan or not rest else []
    return " ".join(spoken + ([f"{number_en(rest)} fen"] if rest else []))


def day_en(day: date) -> str:
    """Friday, November twenty-seven."""
    return f"{_EN_WEEKDAYS[day.weekday()]}, {_EN_MONTHS[day.month - 1]} {number_en(day.day)}"


def time_en(text: str) -> str:
    """16:00 is four p.m., 08:30 is eight thirty a.m., 16:05 is four oh five p.m."""
    hour, minute = _clock(text)
    half = "a.m." if hour < 12 else "p.m."
    minutes = f" {'oh ' if minute < 10 else ''}{number_en(minute)}" if minute else ""
    return f"{number_en(hour % 12 or 12)}{minutes} {half}"


def _clock(text: str) -> tuple[int, int]:
    hour, _, minute = text.partition(":")
    return int(hour), int(minute)


def _check(number: int) -> None:
    if not 0 <= number < 10**12:
        raise ValueError(f"{number} is no number that is spoken to a caller")
