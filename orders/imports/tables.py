"""The three kinds of files: their columns, in Chinese and English, and which column is the key."""

from __future__ import annotations

from dataclasses import dataclass

from orders.imports.fields import Field, money, number, one_of, pattern, text, yes_no

CATEGORIES = {
    "紧俏": "tight",
    "补充": "supplementary",
    "顺销": "regular",
    "tight": "tight",
    "supplementary": "supplementary",
    "regular": "regular",
}
STATUSES = {
    "正常": "active",
    "停业": "suspended",
    "歇业": "closed",
    "active": "active",
    "suspended": "suspended",
    "closed": "closed",
}
LANGUAGES = {"中文": "zh", "zh": "zh", "英文": "en", "en": "en"}
_PHONE = pattern(r"\+?\d{5,15}", "phone number; write digits such as 13800000001")


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of file; lines with the same `key` columns are the same thing."""

    name: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]


RETAILERS = Table(
    "retailers",
    (
        Field("licence_no", ("许可证号",), pattern(r"\d{12}", "licence; write its 12 digits")),
        Field("name_zh", ("名称", "店名"), text(60)),
        Field("name_en", ("英文名",), text(60), required=False, clears=True),
        Field("region", ("片区代码",), pattern(r"\d{6}", "region code; write 6 digits")),
        Field("batch", ("批次",), text(20)),
        Field("grade", ("档位",), text(10)),
        Field("primary_phone", ("订货电话", "电话"), _PHONE),
        Field("backup_phone", ("备用电话",), _PHONE, required=False, clears=True),
        Field("pin", ("密码",), pattern(r"\d{4,8}", "PIN; write 4 to 8 digits"), required=False),
        Field("language", ("语言",), one_of(LANGUAGES), required=False, default="zh"),
        Field("status", ("状态",), one_of(STATUSES), required=False, default="active"),
        Field("assisted", ("弱势群体",), yes_no, required=False, default=False),
    ),
    ("licence_no",),
)
CATALOGUE = Table(
    "catalogue",
    (
        Field("code", ("代码", "烟代码"), pattern(r"[1-9]\d{1,5}", "short code; write 2 to 6 digits, no leading 0")),
        Field("name_zh", ("名称", "品牌规格"), text(60)),
        Field("name_en", ("英文名",), text(60), required=False, clears=True),
        Field("category", ("类别", "货源类别"), one_of(CATEGORIES)),
        Field("grade", ("类", "价类"), text(10)),
        Field("price", ("批发价", "价格"), money),
        Field("stock", ("库存",), number(0, 10_000_000)),
        Field("controlled", ("受控",), yes_no, required=False, default=False),
        Field("on_sale", ("在销",), yes_no, required=False, default=True),
        Field("order_limit", ("单次限量",), number(1, 99_999), required=False, default=0, clears=True),
    ),
    ("code",),
)
ALLOCATION = Table(
    "allocation",
    (
        Field("period", ("月份", "周期"), pattern(r"20\d\d-(0[1-9]|1[0-2])", "period; write a month such as 2026-11")),
        Field("code", ("代码", "烟代码"), pattern(r"[1-9]\d{1,5}", "short code; write 2 to 6 digits")),
        Field("grade", ("档位",), text(10), required=False),
        Field("licence_no", ("许可证号",), pattern(r"\d{12}", "licence; write its 12 digits"), required=False),
        Field("cartons", ("限量", "条数"), number(0, 99_999)),
        Field("reason", ("原因",), text(200), required=False),
    ),
    ("period", "code", "grade", "licence_no"),
)
TABLES = {table.name: table for table in (RETAILERS, CATALOGUE, ALLOCATION)}
