"""The kinds of files: their columns, in Chinese and English, and which column is the key."""

from __future__ import annotations

from dataclasses import dataclass

from orders.imports.fields import Field, day, money, number, one_of, pattern, text, time_of_day, yes_no

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
    """One kind of file; lines with the same `key` columns are the same thing.

    Lines with the same `together` columns are kept together or not at all; () where each line stands for itself.
    """

    name: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    together: tuple[str, ...] = ()


REASONS = {
    "天气": "weather",
    "系统": "system",
    "其他": "other",
    "weather": "weather",
    "system": "system",
    "other": "other",
}

REGIONS = Table(
    "regions",
    (
        Field("code", ("片区代码", "代码"), pattern(r"\d{6}", "region code; write 6 digits")),
        Field("name_zh", ("名称", "片区"), text(60)),
        Field("name_en", ("英文名",), text(60), required=False, clears=True),
    ),
    ("code",),
)
BATCHES = Table(
    "batches",
    (
        Field("code", ("批次",), text(20)),
        Field("weekdays", ("订货日",), pattern(r"(?!.*(.).*\1)[1-7]{1,7}", "weekdays; write 135 for Mon, Wed, Fri")),
        Field("cutoff", ("截止",), time_of_day),
    ),
    ("code",),
)
ROUTES = Table("routes", (Field("code", ("线路", "代码"), text(20)), Field("name", ("名称",), text(60))), ("code",))
MANAGERS = Table(
    "managers",
    (Field("name", ("客户经理", "姓名"), text(60)), Field("phone", ("电话",), _PHONE, required=False, clears=True)),
    ("name",),
)
HOLIDAYS = Table(
    "holidays",
    (
        Field("day", ("日期",), day),
        Field("name", ("名称", "节日"), text(60)),
        Field("moved_to", ("改至",), day, required=False, clears=True),
    ),
    ("day",),
)
SUSPENSIONS = Table(
    "suspensions",
    (
        Field("region", ("片区代码",), pattern(r"\d{6}", "region code; write 6 digits")),
        Field("reason", ("原因",), one_of(REASONS)),
        Field("starts_on", ("开始",), day),
        Field("resumes_on", ("恢复",), day, required=False, clears=True),
        Field("approved_by", ("批准人",), text(60)),
    ),
    ("region", "starts_on"),
)
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
        Field("route", ("线路",), text(20), required=False, clears=True),
        Field("manager", ("客户经理",), text(60), required=False, clears=True),
        Field("compliant", ("守法",), yes_no, required=False, default=True),
        Field("price_marked", ("明码实价",), yes_no, required=False, default=True),
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
ORDER_STATUSES = {
    "已入账": "accepted",
    "待扣款": "awaiting_debit",
    "已扣款": "debited",
    "已拒绝": "rejected",
    "accepted": "accepted",
    "awaiting_debit": "awaiting_debit",
    "debited": "debited",
    "rejected": "rejected",
}
ONLINE_ORDERS = Table(
    "online-orders",
    (
        Field("order_no", ("网上订单号", "订单号"), pattern(r"[A-Za-z0-9-]{1,40}", "order number; letters, digits, -")),
        Field("licence_no", ("许可证号",), pattern(r"\d{12}", "licence; write its 12 digits")),
        Field("order_day", ("订货日", "日期"), day),
        Field("code", ("代码", "烟代码"), pattern(r"[1-9]\d{1,5}", "short code; write 2 to 6 digits")),
        Field("cartons", ("条数", "数量"), number(1, 99_999)),
        Field("price", ("批发价", "价格"), money),
        Field("status", ("状态",), one_of(ORDER_STATUSES), required=False, default="accepted"),
    ),
    ("order_no", "code"),
    together=("order_no",),
)
SETTLEMENT = Table(
    "settlement",
    (
        Field("order_no", ("订单号", "网上订单号"), pattern(r"[A-Za-z0-9-]{1,40}", "order number; letters, digits, -")),
        Field("status", ("状态", "结算状态"), one_of(ORDER_STATUSES)),
    ),
    ("order_no",),
)
CONSENT_STATES = {"同意": "given", "拒绝": "refused", "given": "given", "refused": "refused"}
CONSENTS = Table(
    "consents",
    (
        Field("licence_no", ("许可证号",), pattern(r"\d{12}", "licence; write its 12 digits")),
        Field("state", ("意愿",), one_of(CONSENT_STATES)),
        Field("on", ("日期",), day),
        Field("proof", ("凭证", "依据"), text(200)),
        Field("covers_more", ("不限次数",), yes_no, required=False, default=False),
    ),
    ("licence_no",),
)
TABLES = {
    table.name: table
    for table in (
        REGIONS,
        BATCHES,
        ROUTES,
        MANAGERS,
        HOLIDAYS,
        SUSPENSIONS,
        RETAILERS,
        CONSENTS,
        CATALOGUE,
        ALLOCATION,
        ONLINE_ORDERS,
        SETTLEMENT,
    )
}
"""In the order in which a new installation brings them in: later ones refer to earlier ones."""
