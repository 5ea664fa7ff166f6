"""What goes wrong with the database.

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

A code is stable. Messages name neither SQL nor values: rows hold patients' identifiers.
"""

from __future__ import annotations

from radiograph.errors import ErrorKind, ThoraqError


class DatabaseError(ThoraqError):
    """The database could not do what was asked."""

    code = "database-error"
    kind = ErrorKind.DATABASE

    @property
    def awaited(self) -> bool:
        """Whether a process at work waits and asks again; a command ends at once either way."""
        return not self.permanent


class DatabaseAway(DatabaseError):
    """The database does not answer; see `thoraq doctor`, then run the same command again."""

    code = "database-away"
    permanent = False


class DatabaseLoginFails(DatabaseError):
    """The server lets nobody in by this user, password or name; see `thoraq doctor`."""

    code = "database-login-fails"

    @property
    def awaited(self) -> bool:
        """Yes: a password is changed here and there one after the other, roles are restored."""
        return True


class DatabaseForbidden(DatabaseError):
    """The file or its folder is closed to this user; run as its owner, or set THORAQ_GROUP."""

    code = "database-forbidden"

    @property
    def awaited(self) -> bool:
        """Yes: rights are given back."""
        return True


class DatabaseBusy(DatabaseError):
    """Another process holds what is needed for too long; run the same command again."""

    code = "database-busy"
    permanent = False


class DatabaseReadOnly(DatabaseError):
    """It takes no writes: a standby, a failover, a read-only disk; see `thoraq doctor`."""

    code = "database-read-only"
    permanent = False


class DatabaseFull(DatabaseError):
    """The disk of the database is full; free some space, what waits goes on by itself."""

    code = "database-full"
    permanent = False


class DatabaseDiskFails(DatabaseError):
    """The disk of the database cannot be read or written; look at the system's log."""

    code = "database-disk-fails"
    permanent = False


class DatabaseBroken(DatabaseError):
    """The file is damaged or no database; restore a copy with --replace, or move it away."""

    code = "database-broken"


class DatabaseUrlInvalid(DatabaseError):
    """The URL names no database thoraq speaks; give sqlite:///PATH or postgresql://HOST/NAME."""

    code = "database-url-invalid"
    kind = ErrorKind.USAGE


class DatabaseRefused(DatabaseError):
    """The database refused a value or a constraint held; this is a fault of the program."""

    code = "database-refused"


class SchemaDiffers(DatabaseError):
    """The database has another schema than this program's; nothing is read or written."""

    code = "schema-differs"


class SchemaOutdated(SchemaDiffers):
    """The tables are missing or older than this program; run `thoraq db upgrade`."""

    code = "schema-outdated"


class SchemaNewer(SchemaDiffers):
    """A newer thoraq upgraded this database; install that version here."""

    code = "schema-newer"


class CopyExists(DatabaseError):
    """There is a file already; give another name, or --overwrite."""

    code = "copy-exists"


class CopyFailed(DatabaseError):
    """The copy could not be finished; nothing was changed, run the same command again."""

    code = "copy-failed"
    permanent = False


class CopyForeign(DatabaseError):
    """No copy of such a database by `thoraq db backup`; those of SQLite and PostgreSQL differ."""

    code = "copy-foreign"


class CopyDamaged(DatabaseError):
    """The copy cannot be read to its end; take an older one."""

    code = "copy-damaged"


class CopyUntrusted(DatabaseError):
    """The copy holds what `thoraq db backup` never writes; take a copy that nobody changed."""

    code = "copy-untrusted"


class DatabaseNotEmpty(DatabaseError):
    """The database holds tables; restore into an empty one, or give --replace to lose them."""

    code = "database-not-empty"


class ToolMissing(DatabaseError):
    """PostgreSQL's client tools are not installed; on Debian: apt-get install postgresql-client."""

    code = "tool-missing"


class ToolOutdated(DatabaseError):
    """PostgreSQL's client tools are older than the server or the copy; install newer ones."""

    code = "tool-outdated"


class MoveForbidden(DatabaseError):
    """A job was to move between states that db.states.MOVES keeps apart; a program fault."""

    code = "move-forbidden"


class ModelDiffers(DatabaseError):
    """The version is registered with other weights; give the new weights a new version."""

    code = "model-differs"


class RunNameTaken(DatabaseError):
    """A training run has this name; give another, or resume that one."""

    code = "run-name-taken"
    kind = ErrorKind.USAGE


class RunSettled(DatabaseError):
    """The training run cannot do this from where it stands; see `thoraq train status`."""

    code = "run-settled"
    kind = ErrorKind.USAGE


class BatchUnfinished(DatabaseError):
    """Files of the batch wait or run; `thoraq cancel` it, let running ones end, then forget it."""

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
    """Several batches' names begin like this; give more of the name, `thoraq status` lists them."""

    code = "batch-ambiguous"
    kind = ErrorKind.USAGE


class ModelUnknown(NameUnknown):
    """No model has this version; `thoraq models list` shows those there are."""

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
