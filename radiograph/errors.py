"""The base class of all errors, and the reasons why a file is not measured.

    ThoraqError                         code, permanent, kind; the base of every folder's tree
    `-- RadiographError                 disposition, header
        |-- SetAside                    a readable file that is not an upright frontal chest
        |   |-- NotAnImage              not-an-image
        |   |-- LateralView             lateral-view
        |   |-- OtherBodyPart           other-body-part
        |   |-- NotARadiograph          not-a-radiograph
        |   |-- NotAChest               not-a-chest
        |   |-- OwnObject               own-object
        |   `-- TooSmall                too-small
        `-- Unreadable                  a file that should have been measured but was not
            |-- FileUnavailable         file-unavailable      transient
            |-- UnknownContent          unknown-content
            |-- TruncatedFile           truncated-file
            |-- BrokenHeader            broken-header
            |-- NoPixels                no-pixels
            |-- UnsupportedPixels       unsupported-pixels
            |-- UndecodablePixels       undecodable-pixels
            |-- UniformPixels           uniform-pixels
            |-- TooLarge                too-large
            |-- Unrecordable            unrecordable
            `-- PathNotKept             path-not-kept

Codes are stable: databases and scripts contain them. The message names the remedy.
"""

from __future__ import annotations

import inspect
import re
from enum import IntEnum, StrEnum
from typing import ClassVar, Self

from radiograph.records import Header

#: Code strings and UIDs (PS3.5 section 6.2).
_CODED = re.compile(r"[A-Z0-9_ ]{1,16}|[0-9.]{1,64}")


def quoted(value: str | None) -> str:
    """Return a coded value of a header for a message.

    A value that is not a code is not shown: some headers have patient names in other elements.
    """
    if value is None:
        return "missing"
    return value if _CODED.fullmatch(value) else "not a code"


def without_remedy(detail: str, remedy: str) -> str:
    """Return what was found, from a message of `ThoraqError.because` with its remedy.

    Empty if the message is the remedy alone.
    """
    found = " ".join(detail.split())
    if not remedy or not found.endswith(remedy):
        return detail
    return found.removesuffix(remedy).rstrip().removesuffix(".")


class ErrorKind(IntEnum):
    """Subject of an error; its value is the exit code of the command."""

    BUG = 1
    USAGE = 2
    NOT_FOUND = 3
    UNSOUND = 4
    DATABASE = 5
    QUEUE = 6
    RADIOGRAPH = 7
    NETWORK = 8


class ThoraqError(Exception):
    """The base class of all errors of thoraq.

    The first paragraph of a class's docstring is its remedy, and the message if none is given.
    ``permanent``: retrying without a change cannot succeed.
    """

    code: ClassVar[str] = "thoraq-error"
    permanent: ClassVar[bool] = True
    kind: ClassVar[ErrorKind] = ErrorKind.BUG

    @classmethod
    def remedy(cls) -> str:
        """Return the remedy in one line."""
        paragraph = inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0]
        return " ".join(paragraph.split())

    @classmethod
    def because(cls, found: object) -> Self:
        """Return the error with the message ``found``, then the remedy."""
        return cls(f"{found}. {cls.remedy()}")

    @classmethod
    def about(cls, subject: object) -> Self:
        """Return the error with ``subject`` (a file, name or device), then the remedy."""
        return cls(f"{subject}: {cls.remedy()}")

    def __str__(self) -> str:
        return super().__str__() or self.remedy()


class Disposition(StrEnum):
    """How to count a file that was not measured."""

    SET_ASIDE = "set_aside"
    FAILED = "failed"


class RadiographError(ThoraqError):
    """A file was not measured.

    ``header``: the header of the file, if it was read before the error.
    """

    code = "radiograph-error"
    kind = ErrorKind.RADIOGRAPH
    disposition: ClassVar[Disposition] = Disposition.FAILED
    header: Header | None = None


class SetAside(RadiographError):
    """A readable file that is not an upright frontal chest radiograph; counted, not measured."""

    code = "set-aside"
    disposition = Disposition.SET_ASIDE


class NotAnImage(SetAside):
    """Neither the content nor the name claims a radiograph; leave such files out of the archive."""

    code = "not-an-image"


class LateralView(SetAside):
    """The study is a lateral view; only frontal views have a cardiothoracic index."""

    code = "lateral-view"


class OtherBodyPart(SetAside):
    """The header names a body part other than the chest; correct the header if it is wrong."""

    code = "other-body-part"


class NotARadiograph(SetAside):
    """The modality is not projection radiography (CR, DX, RG, XR, SC); export radiographs only."""

    code = "not-a-radiograph"


class NotAChest(SetAside):
    """The network does not find an upright frontal chest; look at the image."""

    code = "not-a-chest"


class OwnObject(SetAside):
    """Thoraq made this object of another image, which is measured; leave it out of the archive."""

    code = "own-object"


class TooSmall(SetAside):
    """The image is too small to place landmarks; export it at its full size."""

    code = "too-small"


class Unreadable(RadiographError):
    """A file that should have been measured but could not be read."""

    code = "unreadable"


class FileUnavailable(Unreadable):
    """The file is missing or not readable; check the share and the permissions, then retry."""

    code = "file-unavailable"
    permanent = False


class UnknownContent(Unreadable):
    """The name is that of an image but the content is not a supported format; export it again."""

    code = "unknown-content"


class TruncatedFile(Unreadable):
    """The file ends before its content does; copy it again."""

    code = "truncated-file"


class BrokenHeader(Unreadable):
    """The header contradicts itself or its pixels, or is unreadable; correct it at its source."""

    code = "broken-header"


class NoPixels(Unreadable):
    """The file contains no image; export the study with its pixel data."""

    code = "no-pixels"


class UnsupportedPixels(Unreadable):
    """The pixel layout is not supported; convert it to explicit little endian or a grey image."""

    code = "unsupported-pixels"


class UndecodablePixels(Unreadable):
    """The compressed pixels cannot be decoded; export the file again."""

    code = "undecodable-pixels"


class UniformPixels(Unreadable):
    """Every pixel has the same value; the exposure or the export is empty."""

    code = "uniform-pixels"


class TooLarge(Unreadable):
    """The image or file exceeds the limits; raise them in the settings if it is genuine."""

    code = "too-large"


class Unrecordable(Unreadable):
    """A name, time or header value of the file cannot be stored; please report what kind it is."""

    code = "unrecordable"


class PathNotKept(Unreadable):
    """Only the hash of its path is stored, so it cannot be read again; submit its folder again."""

    code = "path-not-kept"
