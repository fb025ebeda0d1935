"""Who orders and when: regions, routes, managers, batches with their order days, retailers and their phones."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from orders.initials import initials_of
from orders.models.foundation import Base, UtcTime


class Region(Base):
    """A sales region; the first six digits of its retailers' licences."""

    __tablename__ = "regions"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(6), unique=True)
    name_zh: Mapped[str] = mapped_column(String(60))
    name_en: Mapped[str] = mapped_column(String(60), default="")


class Route(Base):
    """A delivery route (线路)."""

    __tablename__ = "routes"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str] = mapped_column(String(60))


class Manager(Base):
    """A customer manager (客户经理), owning a region's retailers."""

    __tablename__ = "managers"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60), unique=True)
    phone: Mapped[str] = mapped_column(String(20), default="")


class Batch(Base):
    """Retailers that order together: `weekdays` holds ISO weekday digits ("135"), `cutoff` a local time ("16:00")."""

    __tablename__ = "batches"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(20), unique=True)
    weekdays: Mapped[str] = mapped_column(String(7))
    cutoff: Mapped[str] = mapped_column(String(5))


class Holiday(Base):
    """A day without ordering; where `moved_to` is set, the batch of that day orders then instead."""

    __tablename__ = "holidays"

    day: Mapped[date] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    moved_to: Mapped[date | None] = mapped_column(default=None)


class Retailer(Base):
    """A licensed shop (零售户). Its PIN is kept only as a keyed hash; three wrong ones in a row set `pin_locked_at`.

    `initials` follow the Chinese name by themselves; staff search by them.
    """

    __tablename__ = "retailers"
    __table_args__ = (
        CheckConstraint("language in ('zh', 'en')", name="language"),
        CheckConstraint("status in ('active', 'suspended', 'closed')", name="status"),
        Index("ix_retailers_licence_tail", "licence_tail"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    licence_no: Mapped[str] = mapped_column(String(12), unique=True)
    licence_tail: Mapped[str] = mapped_column(String(6))
    name_zh: Mapped[str] = mapped_column(String(60))
    name_en: Mapped[str] = mapped_column(String(60), default="")
    region_id: Mapped[int] = mapped_column(ForeignKey("regions.id"))
    route_id: Mapped[int | None] = mapped_column(ForeignKey("routes.id"), default=None)
    manager_id: Mapped[int | None] = mapped_column(ForeignKey("managers.id"), default=None)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id"))
    grade: Mapped[str] = mapped_column(String(10))
    language: Mapped[str] = mapped_column(String(2), default="zh")
    status: Mapped[str] = mapped_column(String(10), default="active")
    assisted: Mapped[bool] = mapped_column(default=False)
    compliant: Mapped[bool] = mapped_column(default=True)
    price_marked: Mapped[bool] = mapped_column(default=True)
    pin_hash: Mapped[str] = mapped_column(String(200), default="")
    pin_failures: Mapped[int] = mapped_column(default=0)
    pin_locked_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
    initials: Mapped[str] = mapped_column(String(60), default="", server_default="")

    region: Mapped[Region] = relationship(lazy="joined")
    batch: Mapped[Batch] = relationship(lazy="joined")
    phones: Mapped[list[Phone]] = relationship(back_populates="retailer", cascade="all, delete-orphan")

    @validates("name_zh")
    def _keep_initials(self, _key: str, name: str) -> str:
        self.initials = initials_of(name)
        return name


class Phone(Base):
    """A number a retailer calls from: digits only, without the country's prefix. A number may belong to several."""

    __tablename__ = "phones"
    __table_args__ = (
        UniqueConstraint("retailer_id", "number"),
        CheckConstraint("kind in ('primary', 'backup')", name="kind"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    retailer_id: Mapped[int] = mapped_column(ForeignKey("retailers.id"))
    number: Mapped[str] = mapped_column(String(20), index=True)
    kind: Mapped[str] = mapped_column(String(10))

    retailer: Mapped[Retailer] = relationship(back_populates="phones")


class SuspensionNotice(Base):
    """Ordering suspended in a region (3.2.1, 3.2.2) from `starts_on` until `resumes_on` (None: not yet known)."""

    __tablename__ = "suspensions"
    __table_args__ = (CheckConstraint("reason in ('weather', 'system', 'other')", name="reason"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    region_id: Mapped[int] = mapped_column(ForeignKey("regions.id"), index=True)
    reason: Mapped[str] = mapped_column(String(10))
    starts_on: Mapped[date]
    resumes_on: Mapped[date | None] = mapped_column(default=None)
    approved_by: Mapped[str] = mapped_column(String(60))
    lifted_at: Mapped[datetime | None] = mapped_column(UtcTime, default=None)
