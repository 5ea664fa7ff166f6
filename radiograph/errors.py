"""The base of every error, and why a file is not measured.

    ThoraqError                         code, permanent, kind; the base of every folder's tree
    `-- RadiographError                 disposition, header
        |-- SetAside                    a sound file that is no upright frontal chest radiograph
        |   |-- NotAnImage              not-an-image
        |   |-- LateralView             lateral-view
        |   |-- OtherBodyPart           other-body-part
        |   |-- NotARadiograph          not-a-radiograph
        |   |-- NotAChest               not-a-chest
        |   |-- OwnObject               own-object
        |   `-- TooSmall                too-small
        `-- Unreadable                  a file that should have been measured and was not
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

A code is stable: databases and scripts hold it. The message says what to do.
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
    """Return a coded value of a header as a message may show it.

    Headers hold patients' names in the wrong places: what is no code is not shown.
    """
    if value is None:
        return "missing"
    return value if _CODED.fullmatch(value) else "no code"


def without_remedy(detail: str, remedy: str) -> str:
    """Return what was found in a file, where `ThoraqError.because` put what to do after it.

    Empty where only what to do was said.
    """
    said = " ".join(detail.split())
    if not remedy or not said.endswith(remedy):
        return detail
    return said.removesuffix(remedy).rstrip().removesuffix(".")


class ErrorKind(IntEnum):
    """What an error is about; its number is the exit code of a program that it ends."""

    BUG = 1
    USAGE = 2
    NOT_FOUND = 3
    UNSOUND = 4
    DATABASE = 5
    QUEUE = 6
    RADIOGRAPH = 7
    NETWORK = 8


class ThoraqError(Exception):
    """The base of every error of thoraq's own.

    The first paragraph of a class's docstring is its remedy, which is also the message where none
    is given. ``permanent``: trying again without a change is no use.
    """

    code: ClassVar[str] = "thoraq-error"
    permanent: ClassVar[bool] = True
    kind: ClassVar[ErrorKind] = ErrorKind.BUG

    @classmethod
    def remedy(cls) -> str:
        """Return what to do about it, in one line."""
        paragraph = inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0]
        return " ".join(paragraph.split())

    @classmethod
    def because(cls, found: object) -> Self:
        """Make the error: what was found, and after it what to do."""
        return cls(f"{found}. {cls.remedy()}")

    @classmethod
    def about(cls, subject: object) -> Self:
        """Make the error: which file, name or device it is about, and after it what to do."""
        return cls(f"{subject}: {cls.remedy()}")

    def __str__(self) -> str:
        return super().__str__() or self.remedy()


class Disposition(StrEnum):
    """How a file that was not measured is counted."""

    SET_ASIDE = "set_aside"
    FAILED = "failed"


class RadiographError(ThoraqError):
    """A file was not measured.

    ``header`` is what the file says of the study, where it could be read before this happened.
    """

    code = "radiograph-error"
    kind = ErrorKind.RADIOGRAPH
    disposition: ClassVar[Disposition] = Disposition.FAILED
    header: Header | None = None


class SetAside(RadiographError):
    """A sound file that is no upright frontal chest radiograph; it is counted, not measured."""

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
    """The modality is no projection radiograph (CR, DX, RG, XR, SC); export radiographs only."""

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
    """A file that should have been measured and could not be read."""

    code = "unreadable"


class FileUnavailable(Unreadable):
    """The file is away or may not be read; check the share and the permissions, then retry."""

    code = "file-unavailable"
    permanent = False


class UnknownContent(Unreadable):
    """The name claims an image but the content is none thoraq reads; export the file again."""

    code = "unknown-content"


class TruncatedFile(Unreadable):
    """The file ends before its content does; copy it again."""

    code = "truncated-file"


class BrokenHeader(Unreadable):
    """The header contradicts itself or its pixels, or is unreadable; correct it at its source."""

    code = "broken-header"


class NoPixels(Unreadable):
    """The file holds no image; export the study with its pixel data."""

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
    """The name, time or header of the file holds what no database takes; please report its kind."""

    code = "unrecordable"


class PathNotKept(Unreadable):
    """Of its path the hash alone is kept, so it cannot be read again; submit its folder again."""

    code = "path-not-kept"
