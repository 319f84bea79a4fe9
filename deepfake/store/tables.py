"""The tables, as the code sees them; migrations/versions makes them, and a test holds the two together.

Times are whole microseconds since 1970, UTC, which both databases order alike. A location, which may be longer than an
index takes and hold bytes that are no text, is found by the SHA-256 of its name.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA_REVISION = "0007"  # the latest in migrations/versions
VERSION_TABLE = "deepfake_schema"

metadata = MetaData()

# SQLite numbers rows by itself only where the type is INTEGER.
_row_id = BigInteger().with_variant(Integer(), "sqlite")

analyses = Table(
    "analyses",
    metadata,
    Column("id", _row_id, primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("search_name", Text, nullable=False),  # normalized and without case: databases differ in what they fold
    Column("location", Text, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("probability_fake", Float(53)),
    Column("interval_low", Float(53)),
    Column("interval_high", Float(53)),
    Column("false_alarm_p", Float(53)),
    Column("reason", Text, nullable=False),
    Column("faces", Integer, nullable=False),
    Column("duration_s", Float(53)),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("face_detector", String(64), nullable=False),
    # Analyses that were kept before there was a choice are of the only classifier there was.
    Column("classifier", String(64), nullable=False, server_default="efficientnet"),
    Column("software_version", String(64), nullable=False),
    Column("model", String(64), nullable=False),
    Column("faces_limit", Integer),
    Column("answer", String(16), nullable=False, server_default=""),
    Column("declared", String(64)),
    UniqueConstraint("sha256", "fingerprint", name="uq_analyses_sha256_fingerprint"),
    # The searched name lies in the indexes, so that a search reads these and not the table.
    Index("ix_analyses_newest", "created_at_us", "id", "search_name"),
    Index("ix_analyses_verdict", "verdict", "created_at_us", "id", "search_name"),
    Index("ix_analyses_fingerprint", "fingerprint", "created_at_us", "id", "verdict"),
)

# Apart from the rows, which are read by the thousand.
payloads = Table(
    "payloads",
    metadata,
    Column("analysis_id", _row_id, ForeignKey("analyses.id", ondelete="CASCADE"), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

# Who opened an analysis, where visitors log in: it is in their History.
visitors = Table(
    "visitors",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("analysis_id", _row_id, ForeignKey("analyses.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_visitors_analysis_id", "analysis_id"),
)

files = Table(
    "files",
    metadata,
    Column("location_key", String(64), primary_key=True),
    Column("location", Text, nullable=False),
    Column("stamp", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
)

failures = Table(
    "failures",
    metadata,
    Column("location_key", String(64), primary_key=True),
    Column("fingerprint", String(64), primary_key=True),
    Column("location", Text, nullable=False),
    Column("stamp", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("limits", Text, nullable=False, server_default=""),
    Index("ix_failures_fingerprint", "fingerprint"),
)

# What a user keeps on purpose: nobody else finds it by the clip.
cases = Table(
    "cases",
    metadata,
    Column("id", _row_id, primary_key=True),
    Column("owner", Text, nullable=False),  # "" without a login
    Column("name", Text, nullable=False),
    Column("notes", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("searched", Text, nullable=False),  # all three, as search_name
    Column("created_at_us", BigInteger, nullable=False),
    Index("ix_cases_owner", "owner", "created_at_us", "id"),
)

case_clips = Table(
    "case_clips",
    metadata,
    Column("id", _row_id, primary_key=True),
    Column("case_id", _row_id, ForeignKey("cases.id", ondelete="CASCADE"), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("file", Text, nullable=False),  # its name in the folder of kept clips; "" where only the analysis is kept
    Column("kept_at_us", BigInteger, nullable=False),
    Column("analysis", LargeBinary, nullable=False),
    Column("moments", LargeBinary, nullable=False),
    UniqueConstraint("case_id", "sha256", "fingerprint", name="uq_case_clips_case_id"),
    Index("ix_case_clips_sha256", "sha256", "fingerprint"),
)
