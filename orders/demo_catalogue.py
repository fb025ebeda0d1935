"""The demo's catalogue: 66 articles in five price classes. Prices are invented; only the manner is the trade's.

Codes begin with the class: 1xx are second-class everyday goods, 2xx first class, 3xx third, 4xx fourth, 5xx fifth.
"""

from __future__ import annotations

# class, first code, category, [(name, English name, yuan a carton)]
_CLASSES = (
    (
        "二类",
        101,
        "regular",
        (
            ("白沙尚品蓝", "Baisha Blue", 115),
            ("芙蓉王硬", "Furongwang Hard", 212),
            ("玉溪软", "Yuxi Soft", 195),
            ("利群新版", "Liqun New", 138),
            ("黄鹤楼软蓝", "Yellow Crane Blue", 165),
            ("云烟软珍品", "Yunyan Treasure", 198),
            ("南京炫赫门", "Nanjing Gate", 146),
            ("双喜经典", "Double Joy Classic", 128),
            ("七匹狼豪情", "Seven Wolves", 152),
            ("泰山平安", "Taishan Peace", 118),
            ("贵烟跨越", "Guiyan Leap", 176),
            ("娇子格调", "Jiaozi Style", 133),
            ("黄山红方印", "Huangshan Seal", 124),
            ("真龙凌云", "Zhenlong Cloud", 158),
        ),
    ),
    (
        "一类",
        201,
        "tight",
        (
            ("芙蓉王蓝", "Furongwang Blue", 310),
            ("黄鹤楼硬珍品", "Yellow Crane Treasure", 345),
            ("玉溪和谐", "Yuxi Harmony", 420),
            ("利群休闲", "Liqun Leisure", 380),
            ("软中华", "Chunghwa Soft", 595),
            ("硬中华", "Chunghwa Hard", 390),
            ("云烟印象", "Yunyan Impression", 480),
            ("苏烟软金砂", "Suyan Gold Sand", 400),
            ("南京九五", "Nanjing Nine Five", 850),
            ("黄金叶天叶", "Golden Leaf Sky", 820),
            ("和天下", "Hetianxia", 860),
            ("冬虫夏草", "Cordyceps", 790),
        ),
    ),
    (
        "三类",
        301,
        "regular",
        (
            ("红塔山新势力", "Hongtashan New", 65),
            ("白沙精品", "Baisha Select", 72),
            ("云烟福", "Yunyan Luck", 87),
            ("红河硬甲", "Honghe Hard", 61),
            ("黄果树长征", "Huangguoshu March", 68),
            ("双喜硬红", "Double Joy Red", 75),
            ("黄鹤楼天下名楼", "Yellow Crane Tower", 90),
            ("娇子时代阳光", "Jiaozi Sunshine", 70),
            ("泰山红将军", "Taishan General", 62),
            ("利群软红", "Liqun Soft Red", 92),
            ("七匹狼红", "Seven Wolves Red", 88),
            ("南京红", "Nanjing Red", 95),
            ("黄山松", "Huangshan Pine", 66),
            ("真龙娇子", "Zhenlong Charm", 78),
            ("长白山红", "Changbai Red", 69),
            ("兰州硬珍", "Lanzhou Hard", 76),
            ("红塔山经典", "Hongtashan Classic", 82),
            ("云烟紫", "Yunyan Purple", 83),
        ),
    ),
    (
        "四类",
        401,
        "supplementary",
        (
            ("红金龙硬红", "Red Golden Dragon", 42),
            ("红梅软黄", "Hongmei Yellow", 35),
            ("白沙软", "Baisha Soft", 45),
            ("黄果树佳品", "Huangguoshu Choice", 38),
            ("哈德门精品", "Hademen Select", 40),
            ("红河软", "Honghe Soft", 44),
            ("大前门软", "Great Gate Soft", 30),
            ("雄狮红", "Red Lion", 33),
            ("天下秀金", "Tianxiaxiu Gold", 36),
            ("五牛硬", "Five Oxen", 43),
            ("恒大红", "Hengda Red", 41),
            ("甲天下", "Jiatianxia", 39),
        ),
    ),
    (
        "五类",
        501,
        "regular",
        (
            ("红豆软", "Red Bean Soft", 22),
            ("银象软", "Silver Elephant", 20),
            ("大丰收", "Great Harvest", 18),
            ("春城软", "Spring City", 24),
            ("石林软", "Stone Forest", 25),
            ("翡翠软", "Jade Soft", 26),
            ("合作软", "Cooperation", 21),
            ("软梅", "Soft Plum", 19),
            ("金沙江软", "Jinsha River", 23),
            ("火炬软", "Torch Soft", 17),
        ),
    ),
)
_SUPPLEMENTARY = ("112", "113", "114", "310", "311", "312")
_CONTROLLED = ("211", "212")
_OUT_OF_STOCK = ("318",)


def _rows() -> tuple[dict[str, object], ...]:
    rows: list[dict[str, object]] = []
    for grade, first, category, articles in _CLASSES:
        for offset, (name_zh, name_en, yuan) in enumerate(articles):
            code = str(first + offset)
            rows.append(
                {
                    "code": code,
                    "name_zh": name_zh,
                    "name_en": name_en,
                    "category": "supplementary" if code in _SUPPLEMENTARY else category,
                    "controlled": code in _CONTROLLED,
                    "grade": grade,
                    "price_fen": yuan * 100,
                    "stock": 0 if code in _OUT_OF_STOCK else 200 if category == "tight" else 100_000,
                }
            )
    return tuple(rows)


ARTICLES = _rows()
