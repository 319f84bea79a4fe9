"""Which visitors opened an analysis, where they log in: each has a History of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table of visitors."""
    op.create_table(
        "visitors",
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("analysis_id", _row_id, sa.ForeignKey("analyses.id", ondelete="CASCADE"), primary_key=True),
    )
    op.create_index("ix_visitors_analysis_id", "visitors", ["analysis_id"])
