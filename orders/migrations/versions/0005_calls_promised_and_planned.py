"""calls promised to retailers, campaigns made by the schedule"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("call_attempts", sa.Column("promised_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_call_attempts_number", "call_attempts", ["number"])
    with op.batch_alter_table("campaigns", schema=None) as batch_op:
        batch_op.add_column(sa.Column("plan_key", sa.String(length=80), nullable=True))
        batch_op.create_unique_constraint(batch_op.f("uq_campaigns_plan_key"), ["plan_key"])


def downgrade() -> None:
    with op.batch_alter_table("campaigns", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_campaigns_plan_key"), type_="unique")
        batch_op.drop_column("plan_key")
    op.drop_index("ix_call_attempts_number", "call_attempts")
    op.drop_column("call_attempts", "promised_at")
