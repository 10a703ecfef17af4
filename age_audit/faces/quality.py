"""How good a picture is, in seven numbers that need no other picture to compare with.

They are those of a published exploration of UTKFace: each picture is brought to 100 x 100 pixels by area, and measured
there, so that a large photo of a face is not called sharper than a small one. Preset ``published`` repeats its values
to the last printed digit. Its Laplacian and its Fourier transform saw grey values of swapped channels, red weighted as
blue and blue as red; the default, ``audit``, takes the right ones. The other measures are the same in both.
"""

from __future__ import annotations

import warnings
from functools import lru_cache

import numpy as np
from scipy import fft, ndimage, sparse

from age_audit.core.errors import ImageFailure, UsageError
from age_audit.faces import brisque

SIDE = 100  # pixels; what is measured is this by this
LONGEST_IN_32_BITS = (2**31 - 1) // 255  # of a white picture's side the levels add up to 255 times its length
HOLE = slice(SIDE // 2 - 30, SIDE // 2 + 30)  # of the shifted spectrum: coarse structure, which blur leaves as it is
PRESETS = {"audit": 1, "published": -1}  # step over the channels before the grey of Laplacian and Fourier transform
# Red, green, blue of 0.299, 0.587, 0.114 as OpenCV has them, in 1/32768.
GREY_WEIGHTS = np.array([9798, 19235, 3735], dtype=np.uint32)
_LAPLACIAN = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]], dtype=np.int32)


def measure(image: np.ndarray, preset: str = "audit", with_brisque: bool = True) -> dict[str, float | int | None]:
    """Measures of quality of one picture.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB, as :func:`age_audit.faces.decoding.decode_image` gives it; of any size from 1 x 1.
    preset : str
        ``"audit"``, or ``"published"`` for Laplacian and FFT on grey of swapped channels.
    with_brisque : bool
        Whether to ask for BRISQUE, a third of the time; where not, it is None.

    Returns
    -------
    dict
        Of the picture at 100 x 100 (:func:`at_common_size`), grey levels 0-255:
        ``variance``, mean of the variances of the three channels (levels squared);
        ``unique_colours``, int, 1-10,000;
        ``entropy``, Shannon's, of the levels of all three channels together (bits, 0-8);
        ``luminance``, mean grey (0-255);
        ``laplacian_variance``, of the sum of the four neighbours less four times the pixel (levels squared);
        ``fft_blur``, mean modulus of the inverse transform after the middle 60 x 60 of the shifted spectrum, the low
        frequencies, is set to 0 (levels; small where the picture is blurred);
        ``brisque``, :func:`age_audit.faces.brisque.score` (about 0-100, large where it is bad). None for a picture of
        one grey, and for every picture where the model is absent, which a warning then says.

    Raises
    ------
    UsageError
        On an image of another kind, an unknown preset, or a damaged model of BRISQUE.

    Notes
    -----
    The variance of the Laplacian is of Pech-Pacheco et al. (ICPR 2000, section 2.3), BRISQUE of Mittal, Moorthy and
    Bovik (IEEE Transactions on Image Processing 21, 2012). Detectors of blur often take the mean logarithm of what
    ``fft_blur`` takes the mean of; thresholds of theirs do not apply.

    Examples
    --------
    >>> left_half_white = np.zeros((200, 200, 3), dtype=np.uint8)
    >>> left_half_white[:, :100] = 255
    >>> found = measure(left_half_white)
    >>> found["variance"], found["unique_colours"], found["entropy"], found["luminance"], found["laplacian_variance"]
    (16256.25, 2, 1.0, 127.5, 1300.5)
    """
    if preset not in PRESETS:
        raise UsageError(f"expected a preset of {', '.join(PRESETS)}, got {preset!r}")
    small = at_common_size(image)
    seen = grey(small[..., :: PRESETS[preset]])
    return {
        "variance": float(small.var(axis=(0, 1)).mean()),
        "unique_colours": unique_colours(small),
        "entropy": entropy(small),
        "luminance": float(grey(small).mean()),
        "laplacian_variance": laplacian_variance(seen),
        "fft_blur": fft_blur(seen),
        "brisque": _brisque(small) if with_brisque else None,
    }


def _brisque(small: np.ndarray) -> float | None:
    absent = brisque.absent()
    if absent:
        warnings.warn(f"brisque is missing: {absent}", stacklevel=3)
        return None
    try:
        return brisque.score(small)
    except ImageFailure:  # one grey
        return None


def at_common_size(image: np.ndarray) -> np.ndarray:
    """The picture at 100 x 100, whatever its shape: each pixel the mean of the area that it covers.

    Pixels of the source that lie in several of the result's count in each by their share. Sums are of whole numbers,
    hence exact and the same on every machine, and rounded once, halves up. From 200 x 200 that is what OpenCV's
    ``INTER_AREA`` gives, to the last value of 300 faces. From other sizes above 100 OpenCV sums in single precision and
    rounds halves to even: of faces cut to odd sizes 0.05 % of the values differ, by 1; from 400 x 400, where many sums
    fall on a half, 5 %. What is smaller than 100 pixels it enlarges by weights of few bits, and may take a neighbour
    for a pixel where its arithmetic falls on the wrong side of a border: from 90 x 90, 10 % of values differ by more
    than 1. Pillow's ``BOX`` takes whole pixels only, which is something else (values differ by up to 70).

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB.

    Returns
    -------
    ndarray of uint8, shape (100, 100, 3)

    Raises
    ------
    UsageError
        On anything else than such an image.

    Examples
    --------
    >>> checks = np.indices((200, 200)).sum(axis=0) % 2 * 255  # each pixel of the result has two black and two white
    >>> np.unique(at_common_size(np.stack([checks] * 3, axis=-1).astype(np.uint8)))
    array([128], dtype=uint8)
    """
    _check(image)
    height, width = image.shape[:2]
    if width > height:  # the longer side first, or a long thin picture would fill the memory
        return np.ascontiguousarray(at_common_size(image.swapaxes(0, 1)).swapaxes(0, 1))
    rows = (_overlaps(height) @ image.reshape(height, -1)).reshape(SIDE, width, 3)
    sums = _overlaps(width) @ rows.swapaxes(0, 1).reshape(width, -1).astype(np.int64)
    area = height * width
    means = (2 * sums + area) // (2 * area)
    return means.reshape(SIDE, SIDE, 3).swapaxes(0, 1).astype(np.uint8, order="C")


def _check(image: np.ndarray) -> None:
    fits = isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
    if not fits or not image.size:
        kind = f"{image.dtype} of shape {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise UsageError(
            f"expected a picture as an array of uint8 of shape (height, width, 3), RGB, got {kind}; "
            "age_audit.faces.decoding.decode_image makes one of any file"
        )


@lru_cache(maxsize=256)
def _overlaps(length: int) -> sparse.csr_matrix:
    """How much of each source pixel lies in each of the 100, in hundredths of a pixel; (100, length)."""
    edges = np.arange(SIDE + 1) * length  # of the result's pixels, in hundredths
    pixels = np.arange(length) * SIDE
    cuts = np.union1d(edges, np.append(pixels, length * SIDE))  # between two, there is one pixel of each
    starts = cuts[:-1]
    shares = np.diff(cuts).astype(np.int32 if length <= LONGEST_IN_32_BITS else np.int64)
    return sparse.csr_matrix((shares, (starts // length, starts // SIDE)), shape=(SIDE, length))


def grey(image: np.ndarray) -> np.ndarray:
    """Grey of an RGB image, by the whole numbers of OpenCV's conversion (0.299, 0.587, 0.114, rounded).

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)

    Returns
    -------
    ndarray of uint8, shape (H, W)

    Examples
    --------
    >>> grey(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [7, 7, 7]]], dtype=np.uint8))
    array([[ 76, 150,  29,   7]], dtype=uint8)
    """
    red, green, blue = (image[..., channel] * weight for channel, weight in enumerate(GREY_WEIGHTS))
    return (red + green + blue + (1 << 14) >> 15).astype(np.uint8)


def unique_colours(image: np.ndarray) -> int:
    """Count of different colours of an RGB image, uint8 (H, W, 3).

    Examples
    --------
    >>> unique_colours(np.array([[[0, 0, 1], [0, 1, 0], [0, 0, 1]]], dtype=np.uint8))
    2
    """
    red, green, blue = np.moveaxis(image.astype(np.uint32), -1, 0)
    return len(np.unique(red << 16 | green << 8 | blue))


def entropy(levels: np.ndarray) -> float:
    """Shannon entropy of an array of uint8 of any shape, in bits, 0-8.

    Examples
    --------
    >>> entropy(np.array([0, 0, 7, 9], dtype=np.uint8))
    1.5
    """
    shares = np.bincount(levels.ravel(), minlength=256) / levels.size
    shares = shares[shares > 0]
    return float(shares @ np.log2(1 / shares))


def laplacian_variance(levels: np.ndarray) -> float:
    """Variance of the Laplacian (4 neighbours; beyond the border the picture is mirrored about its last pixels).

    Parameters
    ----------
    levels : ndarray of uint8, shape (H, W)
        Grey, 0-255.

    Returns
    -------
    float
        Levels squared.

    Examples
    --------
    >>> laplacian_variance(np.array([[1, 0, 0]], dtype=np.uint8))  # of -2, 1, 0
    1.5555555555555554
    """
    return float(ndimage.correlate(levels.astype(np.int32), _LAPLACIAN, mode="mirror").var())


def fft_blur(levels: np.ndarray) -> float:
    """Mean modulus of what is left of the picture without its low frequencies: small where it is blurred.

    Parameters
    ----------
    levels : ndarray, shape (100, 100)
        Grey, 0-255.

    Returns
    -------
    float
        Levels.

    Notes
    -----
    Of the shifted spectrum the frequencies -30 to 29 are removed, on both axes: one more below 0 than above, as in the
    published exploration. What is left is therefore not quite the spectrum of a real picture.

    Examples
    --------
    >>> stripes = np.indices((100, 100))[1] % 2 * 255  # nothing is finer, and their mean is removed
    >>> round(fft_blur(stripes), 6), round(fft_blur(stripes * 0 + 9), 6)
    (127.5, 0.0)
    """
    spectrum = fft.fftshift(fft.fft2(levels.astype(np.float64)))
    spectrum[HOLE, HOLE] = 0
    return float(np.abs(fft.ifft2(spectrum)).mean())  # where zero frequency lies does not move a modulus
