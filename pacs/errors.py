"""Why nothing can be received, and why an object was not.

    PacsError                           code, permanent, kind
    |-- NotConfigured                   listen-not-configured
    |-- ListenerPortUnusable            listener-port-unusable
    |-- ReceivedFolderTaken             received-folder-taken
    |-- TlsUnusable                     tls-unusable
    `-- ObjectRefused                   status; the answer to a C-STORE
        |-- ObjectTooLarge              object-too-large
        |-- ObjectTruncated             object-truncated
        |-- ObjectInvalid               object-invalid
        |-- ObjectMismatched            object-mismatched
        |-- DiskFull                    disk-full              transient
        |-- NotStored                   not-stored             transient
        `-- ListenerStopping            listener-stopping      transient

A code is stable. The message says what to do.
"""

from __future__ import annotations

from typing import ClassVar

from radiograph.errors import ErrorKind, ThoraqError


class PacsError(ThoraqError):
    """Something between this and another DICOM node is wrong."""

    code = "pacs-error"
    kind = ErrorKind.USAGE


class NotConfigured(PacsError):
    """Nothing says what to listen for; set THORAQ_CONNECTIONS to a file with a [listen] section."""

    code = "listen-not-configured"


class ListenerPortUnusable(PacsError):
    """The listener cannot have its address and port; end what has them, or change [listen]."""

    code = "listener-port-unusable"


class ReceivedFolderTaken(PacsError):
    """Another listener has this folder; end it, or give this one a THORAQ_RECEIVED of its own."""

    code = "received-folder-taken"


class TlsUnusable(PacsError):
    """A certificate or key for TLS cannot be used; check the files, and who may read them."""

    code = "tls-unusable"


class ObjectRefused(PacsError):
    """An object was not stored. ``status``: of the answer, as PS3.4 B.2.3 has it."""

    code = "object-refused"
    kind = ErrorKind.RADIOGRAPH
    status: ClassVar[int] = 0xC000


class ObjectTooLarge(ObjectRefused):
    """It exceeds the limits; raise object_mb in [listen.limits] or THORAQ_MAX_MEGAPIXELS."""

    code = "object-too-large"
    status = 0xC001


class ObjectTruncated(ObjectRefused):
    """The object ended before it was complete; have it sent again."""

    code = "object-truncated"
    status = 0xC002


class ObjectInvalid(ObjectRefused):
    """The data set cannot be followed, or a UID is invalid; the sender has to correct it."""

    code = "object-invalid"
    status = 0xC003


class ObjectMismatched(ObjectRefused):
    """The data set is another instance than the request names; the sender has to correct it."""

    code = "object-mismatched"
    status = 0xA900


class DiskFull(ObjectRefused):
    """The disk of the received objects is full; make room, and have the object sent again."""

    code = "disk-full"
    permanent = False
    status = 0xA700


class NotStored(ObjectRefused):
    """Disk or database did not take the object; see the log, and have it sent again."""

    code = "not-stored"
    permanent = False
    status = 0xA701


class ListenerStopping(ObjectRefused):
    """The listener is being stopped; have the object sent again once it runs."""

    code = "listener-stopping"
    permanent = False
    status = 0xA702
