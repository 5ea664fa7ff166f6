"""The first schema: batches, files, radiographs, the queue, measurements, models."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "batch",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("priority", sa.String(length=24), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("priority IN ('urgent', 'routine')", name=op.f("ck_batch_priority")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
        sa.UniqueConstraint("name", name=op.f("uq_batch_name")),
    )
    op.create_table(
        "chunk",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("priority", sa.String(length=24), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("priority IN ('urgent', 'routine')", name=op.f("ck_chunk_priority")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chunk")),
    )
    op.create_index("ix_chunk_claimed_at_sent_at", "chunk", ["claimed_at", "sent_at"], unique=False)
    op.create_table(
        "model",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("weights_digest", sa.String(length=64), nullable=False),
        sa.Column("card", sa.JSON(), nullable=False),
        sa.Column("served", sa.Boolean(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_model")),
    )
    op.create_index(
        "uq_model_served",
        "model",
        ["served"],
        unique=True,
        sqlite_where=sa.text("served"),
        postgresql_where=sa.text("served"),
    )
    op.create_table(
        "radiograph",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("format", sa.String(length=24), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("pixel_digest", sa.String(length=64), nullable=True),
        sa.Column("study_uid", sa.Text(), nullable=True),
        sa.Column("series_uid", sa.Text(), nullable=True),
        sa.Column("sop_uid", sa.Text(), nullable=True),
        sa.Column("patient_id", sa.Text(), nullable=True),
        sa.Column("accession", sa.Text(), nullable=True),
        sa.Column("study_date", sa.Date(), nullable=True),
        sa.Column("modality", sa.Text(), nullable=True),
        sa.Column("body_part", sa.Text(), nullable=True),
        sa.Column("view", sa.String(length=24), nullable=False),
        sa.Column("age_years", sa.Float(), nullable=True),
        sa.Column("sex", sa.Text(), nullable=True),
        sa.Column("transfer_syntax", sa.Text(), nullable=True),
        sa.Column("photometric", sa.Text(), nullable=True),
        sa.Column("bits_stored", sa.Integer(), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("columns", sa.Integer(), nullable=True),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("spacing_row_mm", sa.Float(), nullable=True),
        sa.Column("spacing_column_mm", sa.Float(), nullable=True),
        sa.Column("spacing_source", sa.String(length=24), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "format IN ('dicom', 'png', 'jpeg', 'tiff')", name=op.f("ck_radiograph_format")
        ),
        sa.CheckConstraint(
            "\"view\" IN ('PA', 'AP', 'LATERAL', 'UNKNOWN')", name=op.f("ck_radiograph_view")
        ),
        sa.CheckConstraint(
            "spacing_source IN ('PixelSpacing', 'ImagerPixelSpacing')",
            name=op.f("ck_radiograph_spacing_source"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_radiograph")),
        sa.UniqueConstraint("sha256", name=op.f("uq_radiograph_sha256")),
    )
    op.create_index(op.f("ix_radiograph_patient_id"), "radiograph", ["patient_id"], unique=False)
    op.create_index(
        op.f("ix_radiograph_pixel_digest"), "radiograph", ["pixel_digest"], unique=False
    )
    op.create_index(op.f("ix_radiograph_sop_uid"), "radiograph", ["sop_uid"], unique=False)
    op.create_index(op.f("ix_radiograph_study_date"), "radiograph", ["study_date"], unique=False)
    op.create_index(op.f("ix_radiograph_study_uid"), "radiograph", ["study_uid"], unique=False)
    op.create_table(
        "job",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("radiograph_id", _ROW_ID, nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("priority", sa.String(length=24), nullable=False),
        sa.Column("chunk_id", _ROW_ID, nullable=True),
        sa.Column("owner", sa.String(length=36), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("transient_refusals", sa.Integer(), nullable=False),
        sa.Column("alone_crashes", sa.Integer(), nullable=False),
        sa.Column("first_claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'running') = (lease_expires_at IS NOT NULL)", name=op.f("ck_job_lease")
        ),
        sa.CheckConstraint("(state = 'running') = (owner IS NOT NULL)", name=op.f("ck_job_owner")),
        sa.ForeignKeyConstraint(["chunk_id"], ["chunk.id"], name=op.f("fk_job_chunk_id_chunk")),
        sa.ForeignKeyConstraint(
            ["radiograph_id"], ["radiograph.id"], name=op.f("fk_job_radiograph_id_radiograph")
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'measured', 'set_aside', 'failed', 'cancelled')",
            name=op.f("ck_job_state"),
        ),
        sa.CheckConstraint("priority IN ('urgent', 'routine')", name=op.f("ck_job_priority")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint(
            "radiograph_id", "model_version", name=op.f("uq_job_radiograph_id_model_version")
        ),
    )
    op.create_index("ix_job_chunk_id_state", "job", ["chunk_id", "state"], unique=False)
    op.create_index(op.f("ix_job_owner"), "job", ["owner"], unique=False)
    op.create_index("ix_job_state_code", "job", ["state", "code"], unique=False)
    op.create_index(
        "ix_job_state_lease_expires_at", "job", ["state", "lease_expires_at"], unique=False
    )
    op.create_table(
        "measurement",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("radiograph_id", _ROW_ID, nullable=False),
        sa.Column("model_version", sa.Text(), nullable=False),
        sa.Column("points", sa.JSON(), nullable=False),
        sa.Column("spreads", sa.JSON(), nullable=False),
        sa.Column("ict", sa.Float(), nullable=True),
        sa.Column("ict_sd", sa.Float(), nullable=True),
        sa.Column("ict_low", sa.Float(), nullable=True),
        sa.Column("ict_high", sa.Float(), nullable=True),
        sa.Column("heart_width_px", sa.Float(), nullable=True),
        sa.Column("thorax_width_px", sa.Float(), nullable=True),
        sa.Column("heart_width_mm", sa.Float(), nullable=True),
        sa.Column("thorax_width_mm", sa.Float(), nullable=True),
        sa.Column("ict_threshold", sa.Float(), nullable=True),
        sa.Column("ict_rule", sa.String(length=24), nullable=False),
        sa.Column("enlarged", sa.Boolean(), nullable=True),
        sa.Column("expected_error_px224", sa.Float(), nullable=True),
        sa.Column("expected_error_high_px224", sa.Float(), nullable=True),
        sa.Column("bucket", sa.String(length=24), nullable=False),
        sa.Column("bucket_basis", sa.String(length=24), nullable=False),
        sa.Column("frontal_probability", sa.Float(), nullable=True),
        sa.Column("weights_digest", sa.String(length=64), nullable=False),
        sa.Column("code_version", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("precision", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("duration_ms", sa.Float(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["radiograph_id"],
            ["radiograph.id"],
            name=op.f("fk_measurement_radiograph_id_radiograph"),
        ),
        sa.CheckConstraint(
            "ict_rule IN ('adult-pa', 'infant-pa', 'newborn-pa', 'none-ap-magnifies', "
            "'none-view-unknown', 'none-age-unknown', 'none-child-no-line', 'none-ict-invalid')",
            name=op.f("ck_measurement_ict_rule"),
        ),
        sa.CheckConstraint(
            "bucket IN ('excellent', 'very_good', 'good', 'review', 'unrated')",
            name=op.f("ck_measurement_bucket"),
        ),
        sa.CheckConstraint(
            "bucket_basis IN ('expected', 'true')", name=op.f("ck_measurement_bucket_basis")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_measurement")),
        sa.UniqueConstraint(
            "radiograph_id",
            "model_version",
            name=op.f("uq_measurement_radiograph_id_model_version"),
        ),
    )
    op.create_index(op.f("ix_measurement_bucket"), "measurement", ["bucket"], unique=False)
    op.create_index(op.f("ix_measurement_ict"), "measurement", ["ict"], unique=False)
    op.create_index(
        op.f("ix_measurement_measured_at"), "measurement", ["measured_at"], unique=False
    )
    op.create_index(
        op.f("ix_measurement_model_version"), "measurement", ["model_version"], unique=False
    )
    op.create_table(
        "failure",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("job_id", _ROW_ID, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("permanent", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_failure_job_id_job")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failure")),
    )
    op.create_index(op.f("ix_failure_job_id"), "failure", ["job_id"], unique=False)
    op.create_table(
        "file",
        sa.Column("id", _ROW_ID, nullable=False),
        sa.Column("batch_id", _ROW_ID, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("path_digest", sa.String(length=32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("radiograph_id", _ROW_ID, nullable=True),
        sa.Column("job_id", _ROW_ID, nullable=True),
        sa.Column("duplicate", sa.Boolean(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("disposition", sa.String(length=24), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(disposition IS NULL) = (job_id IS NOT NULL)", name=op.f("ck_file_ending")
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_file_batch_id_batch")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_file_job_id_job")),
        sa.ForeignKeyConstraint(
            ["radiograph_id"], ["radiograph.id"], name=op.f("fk_file_radiograph_id_radiograph")
        ),
        sa.CheckConstraint(
            "disposition IN ('set_aside', 'failed')", name=op.f("ck_file_disposition")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file")),
        sa.UniqueConstraint(
            "batch_id",
            "path_digest",
            "size",
            "mtime_ns",
            name=op.f("uq_file_batch_id_path_digest_size_mtime_ns"),
        ),
    )
    op.create_index("ix_file_batch_id_code", "file", ["batch_id", "code"], unique=False)
    op.create_index(op.f("ix_file_job_id"), "file", ["job_id"], unique=False)
    op.create_index(op.f("ix_file_path_digest"), "file", ["path_digest"], unique=False)
    op.create_index(op.f("ix_file_radiograph_id"), "file", ["radiograph_id"], unique=False)
    op.create_index(
        "uq_file_job_id_owned",
        "file",
        ["job_id"],
        unique=True,
        sqlite_where=sa.text("NOT duplicate"),
        postgresql_where=sa.text("NOT duplicate"),
    )


def downgrade() -> None:
    """Drop every table, with all rows."""
    for table in (
        "file",
        "failure",
        "measurement",
        "job",
        "radiograph",
        "model",
        "chunk",
        "batch",
    ):
        op.drop_table(table)
