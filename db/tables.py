"""The tables, their constraints and indexes, as the newest revision in migrations/ creates them."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)

from db.columns import (
    ArchivePath,
    FilePath,
    Moment,
    Prose,
    RowId,
    gap_index,
    measure_column,
    one_of,
)
from db.states import Destination, JobState, Priority, QueueName, RunState
from radiograph.errors import Disposition
from radiograph.measures import MEASURES
from radiograph.records import Bucket, ImageFormat, SpacingSource, View

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    }
)

batch = Table(
    "batch",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("name", Prose, nullable=False, unique=True),
    Column("priority", one_of(Priority, "priority"), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("paused_at", Moment),  # its waiting chunks are held back
    Column("cancelled_at", Moment),  # the files it had then wait for nothing
    Column("puts_away", Boolean),  # a watch moves its files, and needs their paths until then
)

radiograph = Table(
    "radiograph",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("format", one_of(ImageFormat, "format"), nullable=False),
    Column("path", ArchivePath, nullable=False),  # the first file that had this content
    Column("size", BigInteger, nullable=False),
    Column("pixel_digest", String(64), index=True),
    Column("study_uid", Prose, index=True),
    Column("series_uid", Prose),
    Column("sop_uid", Prose, index=True),
    Column("patient_id", Prose, index=True),
    Column("accession", Prose),
    Column("study_date", Date, index=True),
    Column("modality", Prose),
    Column("body_part", Prose),
    Column("view", one_of(View, "view"), nullable=False),
    Column("age_years", Float),
    Column("sex", Prose),
    Column("transfer_syntax", Prose),
    Column("photometric", Prose),
    Column("bits_stored", Integer),
    Column("rows", Integer),  # null until the file was read
    Column("columns", Integer),
    Column("frames", Integer, nullable=False),
    Column("spacing_row_mm", Float),
    Column("spacing_column_mm", Float),
    Column("spacing_source", one_of(SpacingSource, "spacing_source")),
    Column("created_at", Moment, nullable=False),
    Column("reading_note", Prose),  # codes, separated by spaces
    # Of a DICOM instance, by which a file and what the network brought are one; null otherwise.
    Column("content_digest", String(64)),
    Index("uq_radiograph_content_digest", "content_digest", unique=True),
)

chunk = Table(  # the outbox; a message contains only the id
    "chunk",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("model_version", Prose, nullable=False),
    Column("priority", one_of(Priority, "priority"), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("not_before", Moment),  # delay of a retry; null: none
    Column("sent_at", Moment),  # null: to be sent
    Column("claimed_at", Moment),  # a chunk is claimed once; requeued jobs get a new one
    Column("batch_id", ForeignKey("batch.id")),  # if paused, the chunk is held back
    Index("ix_chunk_claimed_at_sent_at", "claimed_at", "sent_at"),
)

job = Table(
    "job",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("radiograph_id", ForeignKey("radiograph.id"), nullable=False),
    Column("model_version", Prose, nullable=False),
    Column("state", one_of(JobState, "state"), nullable=False),
    Column("priority", one_of(Priority, "priority"), nullable=False),
    Column("chunk_id", ForeignKey("chunk.id")),
    Column("owner", String(36), index=True),  # a fresh token each claim; the fence
    Column("worker", Prose),
    Column("lease_expires_at", Moment),
    Column("attempts", Integer, nullable=False),
    Column("transient_refusals", Integer, nullable=False),
    Column("alone_crashes", Integer, nullable=False),
    Column("first_claimed_at", Moment),
    Column("settled_at", Moment),
    Column("code", String(64)),
    Column("detail", Prose),
    UniqueConstraint("radiograph_id", "model_version"),
    # Exactly the running jobs have an owner and a lease, so that each can be requeued.
    CheckConstraint("(state = 'running') = (owner IS NOT NULL)", name="owner"),
    CheckConstraint("(state = 'running') = (lease_expires_at IS NOT NULL)", name="lease"),
    Index("ix_job_chunk_id_state", "chunk_id", "state"),
    Index("ix_job_state_lease_expires_at", "state", "lease_expires_at"),
    Index("ix_job_state_code", "state", "code"),
)

file = Table(
    "file",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("batch_id", ForeignKey("batch.id"), nullable=False),
    Column("path", ArchivePath, nullable=False),
    Column("path_digest", String(32), nullable=False, index=True),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("sha256", String(64)),
    Column("radiograph_id", ForeignKey("radiograph.id"), index=True),
    Column("job_id", ForeignKey("job.id"), index=True),
    Column("duplicate", Boolean, nullable=False),
    Column("code", String(64)),  # of a file refused at intake
    Column("detail", Prose),
    Column("disposition", one_of(Disposition, "disposition")),
    Column("seen_at", Moment, nullable=False),
    Column("destination", one_of(Destination, "destination")),  # null: no watch put it away
    UniqueConstraint("batch_id", "path_digest", "size", "mtime_ns"),
    # The ledger: a file is refused or has a job, and a job counts for one file only.
    CheckConstraint("(disposition IS NULL) = (job_id IS NOT NULL)", name="ending"),
    Index(
        "uq_file_job_id_owned",
        "job_id",
        unique=True,
        sqlite_where=text("NOT duplicate"),
        postgresql_where=text("NOT duplicate"),
    ),
    Index(
        "ix_file_batch_id_duplicate",
        "batch_id",
        sqlite_where=text("duplicate = 1"),
        postgresql_where=text("duplicate"),
    ),
    Index("ix_file_batch_id_code", "batch_id", "code"),
    Index("ix_file_batch_id_destination", "batch_id", "destination"),
)

measurement = Table(
    "measurement",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("radiograph_id", ForeignKey("radiograph.id"), nullable=False),
    Column("model_version", Prose, nullable=False),
    Column("points", JSON, nullable=False),  # nineteen [x, y] in source pixels
    Column("spreads", JSON, nullable=False),  # nineteen, in px of a 224 frame
    *map(measure_column, MEASURES),
    Column("weights_digest", String(64), nullable=False),
    Column("code_version", Prose, nullable=False),
    Column("device", Prose, nullable=False),
    Column("precision", Prose, nullable=False),
    Column("worker", Prose, nullable=False),
    Column("duration_ms", Float, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("measured_at", Moment, nullable=False, index=True),
    UniqueConstraint("radiograph_id", "model_version"),
    # In the order of listings.
    Index("ix_measurement_bucket_measured_at_id", "bucket", "measured_at", "id"),
    Index("ix_measurement_model_version_measured_at_id", "model_version", "measured_at", "id"),
    # Results older than a measure, until `recompute`.
    *(gap_index(measure) for measure in MEASURES if measure.of_points is not None),
)

failure = Table(  # every refusal and lost worker, also if a later try succeeded
    "failure",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("job_id", ForeignKey("job.id"), nullable=False, index=True),
    Column("code", String(64), nullable=False),
    Column("detail", Prose, nullable=False),
    Column("permanent", Boolean, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("worker", Prose),
    Column("at", Moment, nullable=False),
)

model = Table(
    "model",
    metadata,
    Column("version", Prose, primary_key=True),
    Column("weights_digest", String(64), nullable=False),
    Column("card", JSON, nullable=False),
    Column("served", Boolean, nullable=False),
    Column("registered_at", Moment, nullable=False),
    Index(
        "uq_model_served",
        "served",
        unique=True,
        sqlite_where=text("served"),
        postgresql_where=text("served"),
    ),
)

training_run = Table(  # also an outbox: a message contains only the id
    "training_run",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("name", Prose, nullable=False, unique=True),
    Column("data", FilePath, nullable=False),
    Column("plan", JSON, nullable=False),
    Column("start", FilePath),
    Column("teachers", JSON, nullable=False),
    Column("parent", Prose),
    Column("state", one_of(RunState, "state"), nullable=False, index=True),
    Column("cancel_requested", Boolean, nullable=False),
    Column("owner", String(36), index=True),  # a fresh token each claim; the fence
    Column("lease_expires_at", Moment),
    Column("attempts", Integer, nullable=False),  # claims since the last check
    Column("last", JSON),  # the newest check
    Column("device", Prose),
    Column("worker", Prose),
    Column("code", String(64)),
    Column("detail", Prose),
    Column("model_version", Prose),
    Column("created_at", Moment, nullable=False),
    Column("sent_at", Moment),  # null: to be sent
    Column("started_at", Moment),
    Column("ended_at", Moment),
    CheckConstraint("(state = 'running') = (owner IS NOT NULL)", name="owner"),
    CheckConstraint("(state = 'running') = (lease_expires_at IS NOT NULL)", name="lease"),
)

training_check = Table(
    "training_check",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("run_id", ForeignKey("training_run.id"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("step", Integer, nullable=False),
    Column("figures", JSON, nullable=False),
    # A run that resumes from a checkpoint repeats some steps.
    UniqueConstraint("run_id", "ordinal", "step"),
)

training_phase = Table(
    "training_phase",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("run_id", ForeignKey("training_run.id"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("outcome", JSON, nullable=False),
    UniqueConstraint("run_id", "ordinal"),
)

# The ledger of each batch: sums and newer entries, kept by the triggers of migration 0010. A
# migration that recreates `file`, `job` or `radiograph` on SQLite must recreate their triggers. A
# change of a finished measurement must subtract it from its old group and add it to the new one.
tally = Table(
    "tally",
    metadata,
    Column("id", RowId, primary_key=True),
    # Without a foreign key: each entry would lock its batch.
    Column("batch_id", BigInteger, nullable=False, index=True),
    Column("ending", String(24), nullable=False),  # a job's state, or duplicate
    Column("code", String(64)),  # of what was set aside or failed
    Column("bucket", one_of(Bucket, "bucket")),
    Column("enlarged", Boolean),
    Column("files", BigInteger, nullable=False),  # negative: files that left this group
    Column("first_claimed_at", Moment),
    Column("last_settled_at", Moment),
    # The ICT rule and line applied, and what was missing in the header: from these sums follows
    # whether the current settings would give other results, without reading the results.
    Column("ict_rule", String(24)),
    Column("ict_threshold", Float),
    Column("view_unknown", Boolean),  # neither PA nor AP
    Column("age_unknown", Boolean),
)

queue_pause = Table(
    "queue_pause",
    metadata,
    Column("queue", one_of(QueueName, "queue"), primary_key=True),
    Column("paused_at", Moment, nullable=False),
)

output = Table(  # reports and pictures on the hosts' disks; forgetting removes them
    "output",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("batch_id", ForeignKey("batch.id"), index=True),  # of a report
    Column("radiograph_id", ForeignKey("radiograph.id"), index=True),  # of a picture of one
    Column("host", Prose, nullable=False),
    Column("path", FilePath, nullable=False),
    # A file that differs in these was changed or replaced by someone else.
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("at", Moment, nullable=False),
    Column("exported", Boolean),  # a person's file with rows of the batch: listed, never removed
)

audit = Table(  # who asked for what; written in the transaction of the change
    "audit",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("at", Moment, nullable=False, index=True),
    Column("who", Prose, nullable=False),
    Column("action", String(24), nullable=False),
    Column("subject", Prose),
    Column("details", JSON, nullable=False),  # its options, and what it did
)
