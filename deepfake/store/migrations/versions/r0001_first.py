"""Analyses, their payloads, files whose SHA-256 is known, and clips that could not be analyzed."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the first tables."""
    _make_analyses()
    op.create_table(
        "payloads",
        sa.Column("analysis_id", _row_id, sa.ForeignKey("analyses.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "files",
        sa.Column("location_key", sa.String(64), primary_key=True),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("stamp", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
    )
    op.create_table(
        "failures",
        sa.Column("location_key", sa.String(64), primary_key=True),
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("stamp", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_failures_fingerprint", "failures", ["fingerprint"])


def _make_analyses() -> None:
    op.create_table(
        "analyses",
        sa.Column("id", _row_id, primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("search_name", sa.Text, nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("probability_fake", sa.Float(53)),
        sa.Column("interval_low", sa.Float(53)),
        sa.Column("interval_high", sa.Float(53)),
        sa.Column("false_alarm_p", sa.Float(53)),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("faces", sa.Integer, nullable=False),
        sa.Column("duration_s", sa.Float(53)),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("detector", sa.String(64), nullable=False),
        sa.Column("software_version", sa.String(64), nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.UniqueConstraint("sha256", "fingerprint", name="uq_analyses_sha256_fingerprint"),
    )
    op.create_index("ix_analyses_newest", "analyses", ["created_at_us", "id", "search_name"])
    op.create_index("ix_analyses_verdict", "analyses", ["verdict", "created_at_us", "id", "search_name"])
    op.create_index("ix_analyses_fingerprint", "analyses", ["fingerprint", "created_at_us", "id", "verdict"])
