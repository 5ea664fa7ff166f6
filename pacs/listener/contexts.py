"""What may be sent: SOP classes, and the transfer syntaxes that are decoded."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    ComputedRadiographyImageStorage,
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
    SecondaryCaptureImageStorage,
)
from pynetdicom import AllStoragePresentationContexts
from pynetdicom.presentation import PresentationContext, build_context

#: C-ECHO, and the storage commitment by N-ACTION.
Verification = UID("1.2.840.10008.1.1")
StorageCommitmentPushModel = UID("1.2.840.10008.1.20.1")
#: Chest radiographs, and what films are scanned or converted to.
IMAGES = (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
)
#: Those that `radiograph.reading` decodes, in our order of preference; the sender's comes first.
SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLosslessSV1,
    JPEGLossless,
    JPEGLSLossless,
    JPEG2000Lossless,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    RLELossless,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
    JPEG2000,
    HTJ2K,
)
#: Of objects without pixels.
_PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)


def supported_contexts(*, foreign: bool) -> list[PresentationContext]:
    """Return what is supported; ``foreign``: every class of storage as well."""
    contexts = [build_context(each, list(SYNTAXES)) for each in IMAGES]
    contexts += [
        build_context(each, list(_PLAIN)) for each in (Verification, StorageCommitmentPushModel)
    ]
    if foreign:
        known = {each.abstract_syntax for each in contexts}
        contexts += [
            build_context(str(each.abstract_syntax), list(SYNTAXES))
            for each in AllStoragePresentationContexts
            if each.abstract_syntax not in known
        ]
    return contexts


def in_order_of(
    supported: Sequence[PresentationContext], proposed: Sequence[PresentationContext]
) -> list[PresentationContext]:
    """Return those supported contexts that were proposed, their syntaxes in the sender's order.

    An acceptor takes the first of its own syntaxes, so an image would be decompressed to be sent.
    """
    wanted: dict[UID, list[UID]] = {}
    for each in proposed:
        if each.abstract_syntax is not None:
            wanted.setdefault(each.abstract_syntax, []).extend(each.transfer_syntax)
    ordered = []
    for each in supported:
        asked = wanted.get(each.abstract_syntax) if each.abstract_syntax else None
        if asked is not None:
            syntaxes: list[str | UID] = [
                one for one in dict.fromkeys(asked) if one in each.transfer_syntax
            ]
            ordered.append(build_context(str(each.abstract_syntax), syntaxes or list(_PLAIN)))
    return ordered
