"""Errors of the database.

    DatabaseError                       code, permanent, kind
    |-- DatabaseAway                    database-away       transient
    |-- DatabaseLoginFails              database-login-fails
    |-- DatabaseForbidden               database-forbidden
    |-- DatabaseBusy                    database-busy       transient
    |-- DatabaseReadOnly                database-read-only  transient
    |-- DatabaseFull                    database-full       transient
    |-- DatabaseDiskFails               database-disk-fails transient
    |-- DatabaseBroken                  database-broken
    |-- DatabaseUrlInvalid              database-url-invalid
    |-- DatabaseRefused                 database-refused
    |-- SchemaDiffers
    |   |-- SchemaOutdated              schema-outdated
    |   `-- SchemaNewer                 schema-newer
    |-- CopyExists                      copy-exists
    |-- CopyFailed                      copy-failed         transient
    |-- CopyForeign                     copy-foreign
    |-- CopyDamaged                     copy-damaged
    |-- CopyUntrusted                   copy-untrusted
    |-- DatabaseNotEmpty                database-not-empty
    |-- ToolMissing                     tool-missing
    |-- ToolOutdated                    tool-outdated
    |-- MoveForbidden                   move-forbidden
    |-- ModelDiffers                    model-differs
    |-- RunNameTaken                    run-name-taken
    |-- RunSettled                      run-settled
    |-- BatchUnfinished                 batch-unfinished
    `-- NameUnknown                     name-unknown
        |-- BatchUnknown                batch-unknown
        |-- BatchAmbiguous              batch-ambiguous
        |-- ModelUnknown                model-unknown
        |-- RunUnknown                  run-unknown
        `-- StudyUnknown                study-unknown

Codes are stable. Messages contain neither SQL nor values: rows include patients' identifiers.
"""

from __future__ import annotations

from radiograph.errors import ErrorKind, ThoraqError


class DatabaseError(ThoraqError):
    """The database could not do what was asked."""

    code = "database-error"
    kind = ErrorKind.DATABASE

    @property
    def awaited(self) -> bool:
        """Return whether a running process waits and retries; a command ends at once."""
        return not self.permanent


class DatabaseAway(DatabaseError):
    """The database does not answer; see `thoraq doctor`, then run the same command again."""

    code = "database-away"
    permanent = False


class DatabaseLoginFails(DatabaseError):
    """The server rejects this user, password or database name; see `thoraq doctor`."""

    code = "database-login-fails"

    @property
    def awaited(self) -> bool:
        """Return True: a password is changed on one side after the other, roles are restored."""
        return True


class DatabaseForbidden(DatabaseError):
    """The file or its folder is not accessible; run as its owner, or set THORAQ_GROUP."""

    code = "database-forbidden"

    @property
    def awaited(self) -> bool:
        """Return True: permissions may be restored."""
        return True


class DatabaseBusy(DatabaseError):
    """Another process held a lock for too long; run the same command again."""

    code = "database-busy"
    permanent = False


class DatabaseReadOnly(DatabaseError):
    """The database is read-only: a standby, a failover, a read-only disk; see `thoraq doctor`."""

    code = "database-read-only"
    permanent = False


class DatabaseFull(DatabaseError):
    """The disk of the database is full; free some space, then waiting work resumes by itself."""

    code = "database-full"
    permanent = False


class DatabaseDiskFails(DatabaseError):
    """The disk of the database cannot be read or written; look at the system's log."""

    code = "database-disk-fails"
    permanent = False


class DatabaseBroken(DatabaseError):
    """The file is damaged or not a database; restore a copy with --replace, or move it away."""

    code = "database-broken"


class DatabaseUrlInvalid(DatabaseError):
    """The database URL is not supported; give sqlite:///PATH or postgresql://HOST/NAME."""

    code = "database-url-invalid"
    kind = ErrorKind.USAGE


class DatabaseRefused(DatabaseError):
    """The database rejected a value or a constraint failed; this is a fault of the program."""

    code = "database-refused"


class SchemaDiffers(DatabaseError):
    """The database schema is not the one of this program; nothing is read or written."""

    code = "schema-differs"


class SchemaOutdated(SchemaDiffers):
    """The tables are missing or older than this program; run `thoraq db upgrade`."""

    code = "schema-outdated"


class SchemaNewer(SchemaDiffers):
    """A newer thoraq upgraded this database; install that version here."""

    code = "schema-newer"


class CopyExists(DatabaseError):
    """The file already exists; give another name, or --overwrite."""

    code = "copy-exists"


class CopyFailed(DatabaseError):
    """The copy could not be finished; nothing was changed, run the same command again."""

    code = "copy-failed"
    permanent = False


class CopyForeign(DatabaseError):
    """Not a copy by `thoraq db backup` of this kind of database, SQLite or PostgreSQL."""

    code = "copy-foreign"


class CopyDamaged(DatabaseError):
    """The copy cannot be read completely; use an older one."""

    code = "copy-damaged"


class CopyUntrusted(DatabaseError):
    """The copy contains what `thoraq db backup` never writes; use an unmodified copy."""

    code = "copy-untrusted"


class DatabaseNotEmpty(DatabaseError):
    """The database is not empty; restore into an empty one, or give --replace to discard it."""

    code = "database-not-empty"


class ToolMissing(DatabaseError):
    """PostgreSQL's client tools are not installed; on Debian: apt-get install postgresql-client."""

    code = "tool-missing"


class ToolOutdated(DatabaseError):
    """PostgreSQL's client tools are older than the server or the copy; install newer ones."""

    code = "tool-outdated"


class MoveForbidden(DatabaseError):
    """db.states.MOVES does not allow a job this change of state; a fault of the program."""

    code = "move-forbidden"


class ModelDiffers(DatabaseError):
    """The version is registered with other weights; give the new weights a new version."""

    code = "model-differs"


class RunNameTaken(DatabaseError):
    """A training run has this name; give another, or resume that one."""

    code = "run-name-taken"
    kind = ErrorKind.USAGE


class RunSettled(DatabaseError):
    """The state of the training run does not allow this; see `thoraq train status`."""

    code = "run-settled"
    kind = ErrorKind.USAGE


class BatchUnfinished(DatabaseError):
    """Files of the batch are not finished; `thoraq cancel` it, let running ones end, try again."""

    code = "batch-unfinished"
    kind = ErrorKind.USAGE


class NameUnknown(DatabaseError):
    """No row has this name."""

    code = "name-unknown"


class BatchUnknown(NameUnknown):
    """No batch has this name; `thoraq status` lists them."""

    code = "batch-unknown"
    kind = ErrorKind.NOT_FOUND


class BatchAmbiguous(NameUnknown):
    """Several batches have names that begin like this; `thoraq status` lists them."""

    code = "batch-ambiguous"
    kind = ErrorKind.USAGE


class ModelUnknown(NameUnknown):
    """No model has this version; `thoraq models list` lists them."""

    code = "model-unknown"
    kind = ErrorKind.NOT_FOUND


class RunUnknown(NameUnknown):
    """No training run has this name; `thoraq train status` lists them."""

    code = "run-unknown"
    kind = ErrorKind.NOT_FOUND


class StudyUnknown(NameUnknown):
    """Nothing matches; give a study UID, SOP UID, radiograph id, SHA-256 prefix or file path."""

    code = "study-unknown"
    kind = ErrorKind.NOT_FOUND
