"""Reading PNG, JPEG and TIFF files."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from radiograph.errors import RadiographError, TruncatedFile, UndecodablePixels, UnsupportedPixels
from radiograph.image import Radiograph
from radiograph.reading.assembly import assemble
from radiograph.reading.codestream import jpeg_exif, jpeg_frame, jpeg_is_scalable
from radiograph.reading.integrity import check_jpeg, check_tiff, intact_png
from radiograph.reading.jpeg import jpeg_values
from radiograph.reading.limits import Check, ReadLimits, check_size
from radiograph.reading.orientation import Turn, exif_turn
from radiograph.reading.reduced_decoding import scale_down
from radiograph.reading.sample_grid import WHOLE, Grid
from radiograph.reading.samples import Alpha, Grey, full_scale, grey_of
from radiograph.reading.signature import Signature, signature_of
from radiograph.records import Header, ImageFormat

_EXIF_ORIENTATION = 0x0112
#: Colour types of PNG with colours or alpha (PNG 11.2.1), and the alpha bit.
_PNG_COLOURS, _PNG_ALPHA = frozenset({2, 4, 6}), 4
#: Frames of a JPEG that Pillow decodes: Huffman-coded DCT, and arithmetic-coded.
_PILLOWS_JPEGS = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
_TIFF_OFFSETS, _TIFF_LENGTHS = (273, 324), (279, 325)  # of strips and of tiles


@dataclass(frozen=True, slots=True)
class Raster:
    """An image file that is not decoded yet.

    ``rows``, ``columns``: as stored, before ``turn``. ``decode``: takes ``enough_px`` of
    `ReadLimits` and returns grey levels as stored, with their grid.
    """

    rows: int
    columns: int
    photometric: str
    bits_stored: int
    turn: Turn
    decode: Callable[[int | None], tuple[Grey, Grid]]


def read_png(data: bytes, limits: ReadLimits, check: Check) -> Radiograph:
    """Read a PNG. Raises TooLarge, TooSmall, TruncatedFile, UndecodablePixels, UniformPixels."""
    return _read(_png, ImageFormat.PNG, intact_png(data), limits, check)


def read_jpeg(data: bytes, limits: ReadLimits, check: Check) -> Radiograph:
    """Read a JPEG of 8, 12 or up to 16 bits, or a JPEG-LS.

    Raises TooLarge, TooSmall, TruncatedFile, UndecodablePixels, UniformPixels, UnsupportedPixels.
    """
    check_jpeg(data)
    return _read(_jpeg, ImageFormat.JPEG, data, limits, check)


def read_tiff(data: bytes, limits: ReadLimits, check: Check) -> Radiograph:
    """Read the first page of a TIFF at full resolution.

    Raises TooLarge, TooSmall, TruncatedFile, UndecodablePixels, UniformPixels, UnsupportedPixels.
    """
    check_tiff(data)
    return _read(_tiff, ImageFormat.TIFF, data, limits, check)


def _read(
    open_raster: Callable[[bytes], Raster],
    image_format: ImageFormat,
    data: bytes,
    limits: ReadLimits,
    check: Check,
) -> Radiograph:
    header: Header | None = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            raster = open_raster(data)
            check_size(raster.rows, raster.columns, limits)
            header = Header(
                format=image_format,
                rows=raster.rows,
                columns=raster.columns,
                photometric=raster.photometric,
                bits_stored=raster.bits_stored,
            )
            check(header)
            grey, grid = raster.decode(limits.enough_px)
            return assemble(grey, grid, raster.turn, header)
        except MemoryError:
            raise
        except RadiographError as exc:
            exc.header = header
            raise
        except Exception as exc:  # Pillow and its codecs raise many built-in exceptions
            error = TruncatedFile if _is_cut(exc) else UndecodablePixels
            raise error.because(type(exc).__name__) from exc


def _png(data: bytes) -> Raster:
    raster = _pillows(PngImageFile(io.BytesIO(data)), data)
    depth, colours = data[24], data[25]  # of IHDR, the first chunk (PNG 11.2.1)
    if depth != 16 or colours not in _PNG_COLOURS:
        return raster
    alpha = Alpha.STRAIGHT if colours & _PNG_ALPHA else Alpha.NONE

    def decode(_enough_px: int | None) -> tuple[Grey, Grid]:
        # Pillow reduces 16-bit colours to 8 bits.
        samples = np.asarray(imagecodecs.png_decode(data))
        with_alpha = Alpha.STRAIGHT if samples.shape[-1] in {2, 4} else alpha  # by tRNS
        return grey_of(samples, alpha=with_alpha), WHOLE

    return replace(raster, bits_stored=16, decode=decode)


def _jpeg(data: bytes) -> Raster:
    frame = jpeg_frame(data)
    if frame is None or (frame.bits == 8 and frame.marker in _PILLOWS_JPEGS):
        return _pillows(JpegImageFile(io.BytesIO(data)), data)
    rows, columns, samples = frame.claim

    def decode(_enough_px: int | None) -> tuple[Grey, Grid]:
        if samples not in {1, 3}:
            raise UnsupportedPixels.because(f"JPEG of {samples} colours of {frame.bits} bits")
        if signature_of(data) is Signature.JPEG_LS:
            values = np.asarray(imagecodecs.jpegls_decode(data))
        else:
            values = jpeg_values(data, frame.bits)
        return grey_of(values), WHOLE

    return Raster(rows, columns, f"JPEG;{frame.bits}", frame.bits, _exif_of(data), decode)


def _tiff(data: bytes) -> Raster:
    """Open a TIFF. tifffile is imported on first use, which takes a tenth of a second."""
    from radiograph.reading import tiff  # noqa: PLC0415 - most archives have no TIFF

    page = tiff.page_to_measure(data)
    if page.is_pillows:
        try:
            image = TiffImageFile(io.BytesIO(data))
            image.seek(page.number or 0)
        except (SyntaxError, EOFError):  # a layout unknown to Pillow
            pass
        else:
            return _pillows(image, data)
    of = page.image
    return Raster(
        of.imagelength,
        of.imagewidth,
        page.photometric,
        page.bits,
        exif_turn(page.orientation),
        lambda _enough_px: (tiff.decode_page(page, data), WHOLE),
    )


def _pillows(image: ImageFile.ImageFile, data: bytes) -> Raster:
    """Return an image of Pillow. Opened by its plugin class, only our size limits apply."""
    turn = _turn(image)
    # Only for TIFF, Pillow swaps the size and turns the pixels upright on loading.
    turned = isinstance(image, TiffImageFile)
    columns, rows = image.size[::-1] if turned and turn.transpose else image.size

    def decode(enough_px: int | None) -> tuple[Grey, Grid]:
        grid = _grid(image, data, enough_px)
        try:
            grey = _grey(image)
        except (RadiographError, MemoryError):
            raise
        except Exception as exc:
            if _lacks_pieces(image, len(data)):
                raise TruncatedFile.because(type(exc).__name__) from exc
            raise
        return turn.stored(grey) if turned else grey, grid

    deep = image.mode.startswith(("I", "F"))
    return Raster(rows, columns, image.mode, 16 if deep else 8, turn, decode)


def _grid(image: ImageFile.ImageFile, data: bytes, enough_px: int | None) -> Grid:
    """Set a JPEG to decode at reduced size if possible; return the grid of its samples."""
    if isinstance(image, JpegImageFile) and jpeg_is_scalable(data):
        return scale_down(image, enough_px)
    return WHOLE


def _turn(image: ImageFile.ImageFile) -> Turn:
    try:
        return exif_turn(image.getexif().get(_EXIF_ORIENTATION))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - broken EXIF is ignored
        return Turn()


def _exif_of(data: bytes) -> Turn:
    """Return the turn by the EXIF of a JPEG that Pillow cannot open."""
    exif = Image.Exif()
    try:
        exif.load(jpeg_exif(data))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - as above
        return Turn()
    return exif_turn(exif.get(_EXIF_ORIENTATION))


def _grey(image: ImageFile.ImageFile) -> Grey:
    """Return grey pixels as the file stores them, uint8 or uint16."""
    if image.mode.startswith("I") or image.mode == "F":
        return full_scale(np.asarray(image))
    if image.mode == "P" or "A" in image.mode or "transparency" in image.info:
        # Transparent pixels become black.
        opaque = Image.new("RGBA", image.size, (0, 0, 0, 255))
        return np.asarray(Image.alpha_composite(opaque, image.convert("RGBA")).convert("L"))
    if image.mode == "L":
        return np.asarray(image)
    if image.mode in {"1", "RGB", "RGBX", "CMYK", "YCbCr", "LAB"}:
        return np.asarray(image.convert("RGB").convert("L"))
    raise UnsupportedPixels.because(f"mode {image.mode}")


def _is_cut(error: Exception) -> bool:
    """Return whether an error means that the file is truncated."""
    return isinstance(error, (EOFError, struct.error)) or "truncated" in str(error).lower()


def _lacks_pieces(image: ImageFile.ImageFile, length: int) -> bool:
    """Return whether strips or tiles of a TIFF are beyond the end of the file."""
    for offsets, lengths in zip(_TIFF_OFFSETS, _TIFF_LENGTHS, strict=True):
        pieces = zip(_tag(image, offsets) or (), _tag(image, lengths) or (), strict=False)
        # An entry of another type (bytes, fractions) is broken, not truncated.
        whole = [sum(each) for each in pieces if all(isinstance(part, int) for part in each)]
        if any(end > length for end in whole):
            return True
    return False


def _tag(image: ImageFile.ImageFile, number: int) -> tuple[Any, ...] | None:
    if not isinstance(image, TiffImageFile):
        return None
    value = image.tag_v2.get(number)
    return value if value is None or isinstance(value, tuple) else (value,)
