"""calls at a cloud carrier"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cloud_calls",
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=False),
        sa.Column("node", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("sid", sa.String(length=40), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.CheckConstraint("state in ('claimed', 'placed', 'over')", name=op.f("ck_cloud_calls_state")),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_cloud_calls")),
        sa.UniqueConstraint("sid", name=op.f("uq_cloud_calls_sid")),
    )
    with op.batch_alter_table("cloud_calls", schema=None) as batch_op:
        batch_op.create_index("ix_cloud_calls_state", ["state", "claimed_at"], unique=False)
        batch_op.create_index(
            "uq_cloud_calls_number",
            ["number"],
            unique=True,
            sqlite_where=sa.text("state in ('claimed', 'placed')"),
            postgresql_where=sa.text("state in ('claimed', 'placed')"),
        )


def downgrade() -> None:
    with op.batch_alter_table("cloud_calls", schema=None) as batch_op:
        batch_op.drop_index("uq_cloud_calls_number")
        batch_op.drop_index("ix_cloud_calls_state")
    op.drop_table("cloud_calls")
