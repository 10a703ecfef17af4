"""From the bytes of a file to an RGB array, whatever a folder of photos holds."""

from __future__ import annotations

import io
import re
import stat
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageFile, ImageOps

from age_audit.core.errors import ImageFailure, is_out_of_files

VERSION = 2  # raised by hand whenever a file gives other pixels: colour profiles are applied and deep grey scaled since
# What photos come in. Pillow reads more, but some (EPS) by running other programs on the file.
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP")
_BITS = (8, 10, 12, 14, 16)  # of whole numbers of grey
MAX_PIXELS = 64_000_000  # a file that claims more is refused before its pixels are unpacked
# What else is often called .jpg, by how it begins; such a file is one command away from being a photo.
_IN_DISGUISE = {
    rb"....ftyp(?:hei|hev|mif|msf)": "it is HEIF, as iPhones take photos; save it as JPEG",
    rb"....ftypavi[fs]": "it is AVIF, as web sites send it; save it as JPEG",
    rb"\0\0\0\x0cJXL |\xff\x0a": "it is JPEG XL; save it as JPEG",
    rb"\0\0\0\x0cjP  ": "it is JPEG 2000; save it as JPEG",
    rb"version https://git-lfs": "it only points to the file; fetch that (git lfs pull)",
    rb"\s*<(?:!doctype|html|\?xml|head)": "it is a page of a web site, an error perhaps; download it again",
}
# Whatever Pillow's decoders were seen to raise on damaged files.
DECODER_ERRORS = (
    OSError,  # UnidentifiedImageError is one
    ValueError,
    SyntaxError,
    EOFError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    struct.error,
    zlib.error,
)


def read_bytes(path: Path) -> bytes:
    """Bytes of one regular file.

    Raises
    ------
    ImageFailure
        ``is-a-folder``, ``not-a-file`` (pipe, socket, device), ``unreadable`` (permission, symlink loop, vanished)
        or ``empty-file``.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise ImageFailure("is-a-folder", "a folder carries an image's name")
        if not stat.S_ISREG(mode):  # opening a pipe would wait for ever
            raise ImageFailure("not-a-file", "neither a file nor a link to one")
        content = path.read_bytes()
    except OSError as error:
        if is_out_of_files(error):
            raise
        raise ImageFailure("unreadable", f"{type(error).__name__}: {error.strerror}") from error
    if not content:
        raise ImageFailure("empty-file", "the file has zero bytes")
    return content


def decode_image(content: bytes) -> tuple[np.ndarray, tuple[str, ...]]:
    """Decode an image file as a viewer would show it.

    Rotation by EXIF is applied, the first frame of an animation is taken, transparency is laid over white, colours of
    another profile than sRGB are converted to it, and deep grey is scaled to 8 bit: whole numbers as of the fewest bits
    that hold them (8, 10, 12, 14 or 16), floats as 0-1, 0-255 or 0-65535.

    Parameters
    ----------
    content : bytes
        A whole image file, one of :data:`FORMATS`.

    Returns
    -------
    image : ndarray of uint8, shape (H, W, 3)
        RGB.
    notes : tuple of str
        What had to be converted, for the ledger.

    Raises
    ------
    ImageFailure
        ``not-an-image``, ``too-large`` (over 64 Mpx) or ``truncated``.
    """
    with warnings.catch_warnings():
        # Pillow warns at its own, higher limit; ours below is checked first and is an error.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            opened = Image.open(io.BytesIO(content), formats=FORMATS)
        except Image.DecompressionBombError as error:
            raise ImageFailure("too-large", f"over {MAX_PIXELS} pixels") from error
        except DECODER_ERRORS as error:
            hint = next((f"; {hint}" for head, hint in _IN_DISGUISE.items() if _begins(content, head)), "")
            raise ImageFailure("not-an-image", f"none of {', '.join(FORMATS)}{hint}") from error
    with opened, _whole_files_only():
        width, height = opened.size
        if width * height > MAX_PIXELS:
            raise ImageFailure("too-large", f"{width} x {height} is over {MAX_PIXELS} pixels")
        try:
            return _to_rgb(opened)
        except (*DECODER_ERRORS, Image.DecompressionBombError) as error:
            raise ImageFailure("truncated", f"decoding stopped: {type(error).__name__}: {error}") from error


def file_facts(content: bytes) -> dict[str, str | int]:
    """What a file says of itself, of which the decoded picture keeps nothing.

    Parameters
    ----------
    content : bytes
        A file that :func:`decode_image` takes.

    Returns
    -------
    dict
        ``format``, such as ``"JPEG"``; ``mode``, Pillow's for channels and depth, such as ``"RGB"`` or ``"L"``;
        ``orientation`` of EXIF, 1 to 8, where 1 is upright.

    Examples
    --------
    >>> file = io.BytesIO()
    >>> Image.new("L", (4, 3)).save(file, "PNG")
    >>> file_facts(file.getvalue())
    {'format': 'PNG', 'mode': 'L', 'orientation': 1}
    """
    with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
        return {"format": opened.format, "mode": opened.mode, "orientation": opened.getexif().get(0x0112, 1)}


def _begins(content: bytes, head: bytes) -> bool:
    return re.match(head, content[:100], re.DOTALL | re.IGNORECASE) is not None


@contextmanager
def _whole_files_only() -> Iterator[None]:
    """Decode no file that ends early, even if an estimator's module has told Pillow to: the rest would be grey."""
    before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def _to_rgb(opened: Image.Image) -> tuple[np.ndarray, tuple[str, ...]]:
    notes = []
    if getattr(opened, "n_frames", 1) > 1:
        notes.append(f"first of {opened.n_frames} frames")
        opened.seek(0)
    opened.load()
    orientation = opened.getexif().get(0x0112, 1)
    image = ImageOps.exif_transpose(opened)
    if orientation in range(2, 9):
        notes.append(f"turned by EXIF orientation {orientation}")
    if image.mode != "RGB":
        notes.append(f"converted from {image.mode}")
    if image.mode.startswith(("I", "F")):
        return np.repeat(_deep_grey_to_8_bit(np.asarray(image))[..., None], 3, axis=2), tuple(notes)
    image, said = _in_srgb(image)
    notes += said
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return np.array(image.convert("RGB")), tuple(notes)


_HOLDS_COLOURS = {"RGB": "RGB ", "RGBA": "RGB ", "RGBX": "RGB ", "CMYK": "CMYK", "L": "GRAY"}


def _in_srgb(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """The image in sRGB, which every step takes pixels for, and what is to be noted.

    A profile that is damaged, or of other colours than the image has, is passed over, as viewers do.
    """
    content = image.info.get("icc_profile")
    if not content:
        return image, []
    image.info.pop("icc_profile")  # or what is made of the image would carry it on
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(content))
        name = ImageCms.getProfileDescription(profile).strip()
        if name.startswith("sRGB") or _HOLDS_COLOURS.get(image.mode) != profile.profile.xcolor_space:
            return image, []
        mode = "RGBA" if image.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, *DECODER_ERRORS) as error:
        return image, [f"colour profile passed over: {error}"]
    return converted, [f"colours converted from the profile {name}"]


def _deep_grey_to_8_bit(grey: np.ndarray) -> np.ndarray:
    """Scale by the range that the values stand for; Pillow's own conversion would clip all above 255 to white."""
    floats = grey.dtype.kind == "f"
    grey = np.nan_to_num(grey.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    top = grey.max(initial=0.0)
    # Cameras of 12 bits write files of 16. Floats of 0-1 and 0-255 overshoot a little where they were resampled.
    ranges = ((1.0, 2.0), (255.0, 300.0), (65535.0, 65535.0)) if floats else ((2.0**b - 1,) * 2 for b in _BITS)
    full = next((full for full, limit in ranges if top <= limit), top)
    return np.clip(np.rint(grey * (255.0 / full)), 0, 255).astype(np.uint8)
