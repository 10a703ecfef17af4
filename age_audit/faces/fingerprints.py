"""What tells whether two pictures are the same: a hash of their pixels, and what copies nearly share.

Copies that were scaled, compressed, brightened or watermarked have perceptual hashes that differ in few of 64 bits; so
have many pictures of different people, for aligned faces are alike. Hashes therefore only find what may be copies;
:func:`likeness` compares the details of small versions of both and decides.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import scipy
from PIL import Image

VERSION = 1  # raised by hand whenever a picture gives another fingerprint
SIDE = 32  # pixels of a small version
_AROUND = 5  # pixels of it, across which brightness is light and shade, not detail
_AT_ONCE = 2**9  # pairs compared at a time: 4 MiB, which stay in the processor's cache


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of a picture to find its copies: about a kilobyte.

    Attributes
    ----------
    pixels : str
        32 hexadecimal digits, equal for pictures of the same size and pixels, whatever file they came in.
    dhash, phash : int
        64 bits each, see :func:`fingerprint`.
    details : ndarray of int8, shape (32, 32)
        The picture in grey, small, less the mean of 5 x 5 pixels around each; -127 to 127, scaled to fill that.
    """

    pixels: str
    dhash: int
    phash: int
    details: np.ndarray


def fingerprint(image: np.ndarray) -> Fingerprint:
    """Fingerprint a decoded picture.

    dHash compares the brightness of neighbours in a row of 9 x 8 pixels (Krawetz 2013, "Kind of like that"); pHash the
    lowest 8 x 8 frequencies of 32 x 32 pixels with their median (Zauner 2010). Both are ImageHash's.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB, as :func:`age_audit.faces.decoding.decode_image` gives it.

    Returns
    -------
    Fingerprint

    Raises
    ------
    ValueError
        If that is no RGB picture of 8 bits.

    Examples
    --------
    >>> ramp = np.repeat(np.arange(0, 180, 2, dtype=np.uint8)[None, :, None], 80, axis=0).repeat(3, axis=2)
    >>> found, brighter = fingerprint(ramp), fingerprint(ramp + np.uint8(9))
    >>> f"{found.dhash:016x}"  # every pixel is brighter than its left neighbour
    'ffffffffffffffff'
    >>> found.dhash == brighter.dhash, found.pixels == brighter.pixels
    (True, False)
    """
    import imagehash  # an environment without it can do all else

    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"expected uint8 pixels of shape (H, W, 3), got {image.dtype} of shape {image.shape}")
    opened = Image.fromarray(image)
    pixels = hashlib.sha256(repr(image.shape).encode() + image.tobytes()).hexdigest()[:32]
    hashes = (int(str(of(opened)), 16) for of in (imagehash.dhash, imagehash.phash))
    return Fingerprint(pixels, *hashes, _details(opened))


def _details(opened: Image.Image) -> np.ndarray:
    small = np.asarray(opened.convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS), dtype=np.float64)
    details = small - scipy.ndimage.uniform_filter(small, _AROUND)
    details -= details.mean()
    highest = np.abs(details).max()
    # What is plain but for rounding has no details; scaled up, rounding would look like some.
    return np.rint(details * (127 / highest if highest > 0.5 else 0)).astype(np.int8)


def likeness(details: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """How alike the details of two pictures are, whatever their brightness, contrast, light and shade.

    Parameters
    ----------
    details : ndarray of int8, shape (N, 32, 32)
        Of each picture.
    pairs : ndarray of int, shape (P, 2)
        Pictures to compare, by number.

    Returns
    -------
    ndarray of float, shape (P,)
        The cosine of both as vectors, -1 to 1, which is Pearson's r of their pixels; 1 for two pictures without
        details, 0 for one without and another.

    Examples
    --------
    >>> details = np.eye(32, dtype=np.int8) * np.array([100, 50, -100, 0], dtype=np.int8)[:, None, None]
    >>> likeness(details, np.array([[0, 1], [0, 2], [0, 3], [3, 3]]))
    array([ 1., -1.,  0.,  1.])
    """
    parts = [pairs[start : start + _AT_ONCE] for start in range(0, len(pairs), _AT_ONCE)]
    return np.concatenate([_cosines(*(details[part.T])) for part in parts]) if parts else np.empty(0)


def _cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    # Exact, in whatever order it is summed: whole numbers of at most 1,024 times 127 squared, which is below 2 ** 24.
    first, second = (details.reshape(len(details), -1).astype(np.float32) for details in (first, second))
    products, *squares = (np.einsum("np,np->n", *of) for of in ((first, second), (first, first), (second, second)))
    lengths = np.sqrt(squares[0].astype(np.float64) * squares[1])
    plain = (squares[0] == 0) & (squares[1] == 0)
    return np.divide(products, lengths, out=plain.astype(np.float64), where=lengths > 0)
