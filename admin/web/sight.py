"""How values look on a page: times in the zone, money in yuan, names and our own words in the page's language."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from admin.web.languages import PageTexts
from orders.values import Names


class Sight:
    """How values look on the page: times in the zone, money in yuan, names in the page's language."""

    def __init__(self, page: PageTexts, zone: ZoneInfo, at: datetime) -> None:
        self._page, self._zone, self._at = page, zone, at

    def now(self) -> str:
        return self._at.strftime("%Y-%m-%d %H:%M:%S")

    def time(self, at: datetime) -> str:
        local = at.astimezone(self._zone)
        return local.strftime("%H:%M:%S" if local.date() == self._at.date() else "%m-%d %H:%M")

    def moment(self, at: datetime | None) -> str:
        """Day and time, for records; a dash for never."""
        return at.astimezone(self._zone).strftime("%Y-%m-%d %H:%M") if at else "—"

    def lasting(self, since: datetime) -> str:
        """Minutes and seconds, or hours and minutes from one hour on."""
        seconds = max(0, int((self._at - since).total_seconds()))
        if seconds >= 3600:
            return f"{seconds // 3600} h {seconds // 60 % 60:02d} min"
        return f"{seconds // 60}:{seconds % 60:02d}"

    def money(self, fen: int) -> str:
        return f"¥{fen // 100:,}.{fen % 100:02d}"

    def yuan(self, fen: int) -> str:
        """As it is typed into a field."""
        return f"{fen // 100}.{fen % 100:02d}"

    def share(self, part: int, whole: int) -> str:
        return f"{100 * part / whole:.0f} %" if whole else "—"

    def named(self, zh: str, en: str) -> str:
        return en if self._page.language == "en" and en else zh

    def name(self, names: Names | None) -> str:
        return names.said_in(self._page.language) if names else "—"

    def word(self, kind: str, value: str) -> str:
        """The page's word for one of our own values ("order.accepted"); the value itself when it has none."""
        return self._page.texts.get(f"{kind}.{value}", value.replace("_", " "))
