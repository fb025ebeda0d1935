"""What can be ordered: articles with price and stock, allocation by grade and period, and single retailers' limits."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from orders.models.foundation import Base


class Article(Base):
    """An article (品牌规格) under its short code. Prices are fen a carton, stock is cartons not yet ordered."""

    __tablename__ = "articles"
    __table_args__ = (
        CheckConstraint("category in ('tight', 'supplementary', 'regular')", name="category"),
        CheckConstraint("price_fen > 0", name="price"),
        CheckConstraint("stock >= 0", name="stock"),
    )

    code: Mapped[str] = mapped_column(String(6), primary_key=True)
    name_zh: Mapped[str] = mapped_column(String(60))
    name_en: Mapped[str] = mapped_column(String(60), default="")
    category: Mapped[str] = mapped_column(String(15))
    controlled: Mapped[bool] = mapped_column(default=False)
    grade: Mapped[str] = mapped_column(String(10))
    price_fen: Mapped[int]
    stock: Mapped[int] = mapped_column(default=0)
    on_sale: Mapped[bool] = mapped_column(default=True)
    order_limit: Mapped[int | None] = mapped_column(default=None)


class Allocation(Base):
    """Cartons of an article that each retailer of a grade may have in a period (a month, "2026-11")."""

    __tablename__ = "allocations"
    __table_args__ = (UniqueConstraint("period", "article_code", "retailer_grade"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(String(7))
    article_code: Mapped[str] = mapped_column(ForeignKey("articles.code"))
    retailer_grade: Mapped[str] = mapped_column(String(10))
    cartons: Mapped[int]


class RetailerLimit(Base):
    """One retailer's own limit of an article in a period; it wins over the allocation of its grade."""

    __tablename__ = "retailer_limits"
    __table_args__ = (UniqueConstraint("period", "article_code", "retailer_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(String(7))
    article_code: Mapped[str] = mapped_column(ForeignKey("articles.code"))
    retailer_id: Mapped[int] = mapped_column(ForeignKey("retailers.id"))
    cartons: Mapped[int]
    reason: Mapped[str] = mapped_column(String(200), default="")
