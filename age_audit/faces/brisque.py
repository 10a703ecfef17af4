"""BRISQUE: how far the statistics of a picture are from those of undistorted photos (Mittal, Moorthy & Bovik 2012).

36 features, fits of generalised Gaussians to locally normalised grey at two scales, go into a support vector regression
that was trained on what people said of the pictures of LIVE. The trained machine is read out of the package
``image-quality``, which is never imported: its files are text and a list of numbers, checked by their hashes.

The model is that of the authors' own C++ release, and so are the conventions, as the packages ``brisque`` and
``image-quality`` have them: grey is 0.2125 R + 0.7154 G + 0.0721 B in [0, 1] with the constant 1/255 (in [0, 255] with
1 it would be the same), beyond the border it is 0, and the second scale is half the size by bicubic interpolation with
a = -0.75 and no smoothing before, as OpenCV and the package ``brisque`` make it. (``image-quality`` takes a quadratic
spline, and scores 0.8 higher on average, r 0.998, on 300 faces of UTKFace.) Two things are other than there:

- Where a patch is of one grey, normalised grey is 0, not what rounding leaves, whose sign decides which of two
  variances a pixel counts in. Scores of the same 300 faces are within 1e-9 of the arithmetic of ``brisque`` 0.2.0 where
  no patch is flat, and within 0.1 where one is.
- A shape parameter is sought in 0.2-10, where the authors sought it; the packages search from 0.2 for a root that may
  not exist.
"""

from __future__ import annotations

import pickle
from functools import cache
from math import exp, lgamma
from typing import NamedTuple

import numpy as np
import scipy  # whose parts are loaded where they are used

from age_audit.core.errors import ImageFailure, UsageError
from age_audit.core.paths import package_file, verify_hash

PACKAGE = "imquality"  # image-quality 1.2.7
MODEL = ("models/brisque_svm.txt", "19526fb799c4c7992ccc109fcfecddb25976ba024b194cd3ee275d27e8909c8d")
RANGES = ("models/normalize.pickle", "a91753fe7088efe0b40e4d091315201fdb067966fc6785cf465e1eab060acda9")
FEATURES = 36
LEAST_SIDE = 16  # pixels; at half size a side must still hold the window of 7
GREY_WEIGHTS = np.array([0.2125, 0.7154, 0.0721]) / 255
CONSTANT = 1 / 255  # keeps flat patches from being divided by nothing
ROUNDING = 1e-12  # of grey in [0, 1]: below is what floating point leaves of a flat patch, 1e-14 at most
SHAPES = (0.2, 10.0)  # between which the authors' table looks for a shape parameter
_OFFSETS = np.arange(-3, 4)
_WINDOW = np.exp(-(_OFFSETS**2) / (2 * (7 / 6) ** 2))
WINDOW = _WINDOW / _WINDOW.sum()  # Gaussian of standard deviation 7/6 over 7 pixels, along each axis
HALVING = np.array([-3, 19, 19, -3]) / 32  # bicubic, a = -0.75, midway between the second and the third pixel


class Machine(NamedTuple):
    """A trained support vector regression with radial basis functions, and the ranges of its features."""

    vectors: np.ndarray  # (S, 36), scaled
    weights: np.ndarray  # (S,)
    gamma: float
    rho: float
    low: np.ndarray  # (36,), of features as they are
    high: np.ndarray


def score(image: np.ndarray) -> float:
    """BRISQUE of a picture, at the size it has.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB, both sides even and at least 16 pixels.

    Returns
    -------
    float
        About 0 (as an undistorted photo) to 100 (bad); a value may lie outside. What is unlike any picture of the
        training, such as stripes of one pixel, is near no support vector and gets 155.845, whatever it is.

    Raises
    ------
    ImageFailure
        ``one-grey``: nothing is normalised, and what the formula gives is the border's.
    UsageError
        When the model is absent (:func:`absent`) or another one, or the image does not fit.

    Examples
    --------
    >>> noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    >>> smooth = np.indices((100, 100)).sum(axis=0).astype(np.uint8)[..., None].repeat(3, axis=2)
    >>> round(score(noise)), round(score(smooth))
    (96, 112)
    """
    return predict(features(image), machine())


def absent() -> str:
    """Why there is no model, and what to install; empty where there is one.

    Examples
    --------
    >>> absent()
    ''
    """
    try:
        package_file(PACKAGE, MODEL[0])
    except UsageError as error:
        return str(error)
    return ""


@cache
def machine() -> Machine:
    """The trained machine, its files checked by their hashes before they are opened.

    Examples
    --------
    >>> machine().vectors.shape
    (770, 36)
    """
    for name, digest in (MODEL, RANGES):
        verify_hash(package_file(PACKAGE, name), "sha256", digest)
    text = package_file(PACKAGE, MODEL[0]).read_text(encoding="ascii")
    # Two lists of floats; a pickle may run anything, this one is known by its hash.
    ranges = pickle.loads(package_file(PACKAGE, RANGES[0]).read_bytes())
    return Machine(*parse_svm(text), np.array(ranges["min_"]), np.array(ranges["max_"]))


def parse_svm(text: str) -> tuple[np.ndarray, np.ndarray, float, float]:
    r"""Support vectors (S, 36), their weights (S,), gamma and rho out of a model of LIBSVM (epsilon-SVR, RBF kernel).

    Examples
    --------
    >>> vectors, weights, gamma, rho = parse_svm("svm_type epsilon_svr\ngamma 0.5\nrho -2\nSV\n-3 1:0.25 36:1 \n")
    >>> vectors[0, [0, 1, 35]], weights, gamma, rho
    (array([0.25, 0.  , 1.  ]), array([-3.]), 0.5, -2.0)
    """
    head, _, body = text.partition("\nSV\n")
    stated = dict(line.split(maxsplit=1) for line in head.splitlines())
    lines = [line.split() for line in body.splitlines()]
    vectors = np.zeros((len(lines), FEATURES))
    for vector, (_, *pairs) in zip(vectors, lines, strict=True):
        for index, value in (pair.split(":") for pair in pairs):
            vector[int(index) - 1] = float(value)
    return vectors, np.array([float(line[0]) for line in lines]), float(stated["gamma"]), float(stated["rho"])


def predict(values: np.ndarray, machine: Machine) -> float:
    """What a machine answers to features, (36,), as they are.

    Examples
    --------
    >>> one = np.ones(36)
    >>> round(predict(one, Machine(np.array([one, -one]), np.array([3.0, 5.0]), 0.5, -2.0, 0 * one, one)), 9)
    5.0
    """
    scaled = -1 + 2 / (machine.high - machine.low) * (values - machine.low)
    distances = ((machine.vectors - scaled) ** 2).sum(axis=1)
    return float((machine.weights * np.exp(-machine.gamma * distances)).sum() - machine.rho)


def features(image: np.ndarray) -> np.ndarray:
    """The 36 features of a picture: 18 at its size, 18 at half of it.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        RGB, both sides even and at least 16 pixels.

    Returns
    -------
    ndarray of float, shape (36,)
        At each scale shape and variance of normalised grey, and shape, mean, left and right variance of its products
        with the pixel to the right, below, below to the right, below to the left.

    Raises
    ------
    ImageFailure
        ``one-grey``.
    UsageError
        On another image.

    Examples
    --------
    >>> noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    >>> features(noise)[:2].round(1)
    array([9.6, 0.8])
    """
    fits = image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
    if not fits or min(image.shape[:2]) < LEAST_SIDE or image.shape[0] % 2 or image.shape[1] % 2:
        raise UsageError(
            f"expected a picture as uint8 (height, width, 3), RGB, its sides even and at least {LEAST_SIDE}, "
            f"got {image.dtype} {image.shape}; age_audit.faces.quality.at_common_size makes one"
        )
    levels = image @ GREY_WEIGHTS
    if np.ptp(levels) < ROUNDING:
        raise ImageFailure("one-grey", "all pixels are of one grey, which has no statistics")
    return np.concatenate([_at_one_scale(levels), _at_one_scale(halved(levels))])


def _at_one_scale(levels: np.ndarray) -> np.ndarray:
    own = normalised(levels)
    shape, _, left, right = fit(own)
    pairs = (
        own[:, :-1] * own[:, 1:],
        own[:-1] * own[1:],
        own[:-1, :-1] * own[1:, 1:],
        own[1:, :-1] * own[:-1, 1:],
    )
    return np.concatenate([[shape, (left + right) / 2], *map(fit, pairs)])


def normalised(levels: np.ndarray) -> np.ndarray:
    """Grey less its local mean, over its local standard deviation and 1/255 (MSCN coefficients).

    Parameters
    ----------
    levels : ndarray of float, shape (H, W)
        Grey, 0-1.

    Returns
    -------
    ndarray of float, shape (H, W)

    Examples
    --------
    >>> own = normalised(np.full((9, 9), 0.5))
    >>> own[4, 4], own[0, 0] > 1  # beyond the border it is dark
    (np.float64(0.0), np.True_)
    """
    mean, square = _blurred(levels), _blurred(levels**2)
    departure = levels - mean
    departure[np.abs(departure) < ROUNDING] = 0
    return departure / (np.sqrt(np.abs(square - mean**2)) + CONSTANT)


def _blurred(levels: np.ndarray) -> np.ndarray:
    down = scipy.ndimage.correlate1d(levels, WINDOW, axis=0, mode="constant")
    return scipy.ndimage.correlate1d(down, WINDOW, axis=1, mode="constant")


def halved(levels: np.ndarray) -> np.ndarray:
    """Half the size, bicubic (a = -0.75), the border repeated.

    Parameters
    ----------
    levels : ndarray of float, shape (H, W)
        Both even.

    Returns
    -------
    ndarray of float, shape (H / 2, W / 2)

    Examples
    --------
    >>> halved(np.array([[0.0, 0, 32, 32, 32, 32]] * 2))  # the step is overshot
    array([[-3., 35., 32.]])
    """
    for axis in (0, 1):
        # The filter of four begins one pixel before the pair that it stands for.
        padded = np.pad(levels, [(1, 1) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        first = padded.swapaxes(0, axis)
        count = levels.shape[axis] // 2
        levels = sum(w * first[i : i + 2 * count : 2] for i, w in enumerate(HALVING)).swapaxes(0, axis)
    return levels


def fit(values: np.ndarray) -> tuple[float, float, float, float]:
    """An asymmetric generalised Gaussian, fitted by moments (Lasmar, Stitou & Berthoumieu 2009).

    Parameters
    ----------
    values : ndarray of float
        Of any shape.

    Returns
    -------
    shape, mean, left, right : float
        The shape parameter, 2 for a normal distribution, kept within 0.2-10; the mean of the fitted distribution; mean
        square of values below 0, and of all others.

    Raises
    ------
    ImageFailure
        ``one-grey``, when all values are 0.

    Examples
    --------
    >>> [round(value, 1) for value in fit(np.random.default_rng(0).normal(0, 2, 100_000))]
    [2.0, 0.0, 4.0, 4.0]
    """
    below = values < 0
    squares = values**2
    count = np.count_nonzero(below)
    left = float(squares[below].sum() / max(count, 1))
    right = float(squares[~below].sum() / max(values.size - count, 1))
    if left == right == 0:
        raise ImageFailure("one-grey", "all pixels are of one grey, which has no statistics")
    ratio = np.sqrt(min(left, right) / max(left, right))  # either way round, the formula gives the same
    concentration = np.abs(values).mean() ** 2 / squares.mean()
    shape = shape_of(concentration * (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2)
    # The scales' common factor, sqrt(G(1/s) / G(3/s)), times G(2/s) / G(1/s).
    factor = exp(lgamma(2 / shape) - (lgamma(1 / shape) + lgamma(3 / shape)) / 2)
    return shape, float((np.sqrt(right) - np.sqrt(left)) * factor), left, right


def shape_of(concentration: float) -> float:
    """The shape at which a generalised Gaussian has this squared mean modulus over mean square; within 0.2-10.

    Examples
    --------
    >>> round(shape_of(2 / np.pi), 6), round(shape_of(0.5), 6), shape_of(0.75)  # normal, Laplace, uniform
    (2.0, 1.0, 10.0)
    """
    if not _concentration(SHAPES[0]) < concentration < _concentration(SHAPES[1]):
        return SHAPES[int(concentration > _concentration(SHAPES[0]))]
    return scipy.optimize.brentq(lambda shape: _concentration(shape) - concentration, *SHAPES, xtol=1e-12)


def _concentration(shape: float) -> float:
    return exp(2 * lgamma(2 / shape) - lgamma(1 / shape) - lgamma(3 / shape))
