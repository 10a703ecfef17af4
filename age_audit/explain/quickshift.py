"""Quickshift, compiled: scikit-image's superpixels, label for label, about ten times as fast.

Quickshift (Vedaldi & Soatto 2008, "Quick shift and kernel methods for mode seeking", ECCV) gives every pixel a density,
the sum of Gaussian kernels over its neighbours in colour and place, and links it to its nearest neighbour of higher
density; superpixels are the trees. scikit-image, whose implementation is the standard one, takes an exponential for
every ordered pair of neighbours, and the distance to each that is denser. Here, on one thread,

- an exponential is taken once a pair, and for several pairs at a time: a polynomial, raised to a power by squaring;
- neighbours are visited nearest first, and no further than a parent can be.

The labels are the same nevertheless. Densities of the two ways differ by less than a bound that is derived in
:func:`error_bound`, so that fast densities decide most comparisons; where two are closer, both are summed again as
scikit-image sums them: the same exponentials in the same order. Distances are always computed in its order.

numba compiles it, in seconds and once: it keeps what it compiled in ``__pycache__`` beside this file or, where that
cannot be written, in the user's cache; ``NUMBA_CACHE_DIR`` names another folder. Whatever is not covered goes to
scikit-image, with the same result: single precision, values that are not finite, a machine other than Linux on x86-64
(where compilers may round distances in other ways), no numba.
"""

from __future__ import annotations

import logging
import math
import platform
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
from skimage import segmentation
from skimage.color import rgb2lab
from skimage.util import img_as_float


def quickshift(
    image: np.ndarray, kernel_size: float = 4, max_dist: float = 200, ratio: float = 0.2, rng: int = 42
) -> np.ndarray:
    """Superpixels of an RGB picture, the same as ``skimage.segmentation.quickshift`` gives for these arguments.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3)
        Of any type that scikit-image takes: bytes, or floats of 0 to 1.
    kernel_size : float
        Width of the Gaussian kernel, at least 1; its window reaches three times as far. Larger: fewer superpixels.
    max_dist : float
        Pixels further than this from any denser one are roots. Larger: fewer superpixels.
    ratio : float
        Weight of colour (in CIELab) against place.
    rng : int
        Seed of the noise that breaks ties between densities.

    Returns
    -------
    ndarray of int, shape (H, W)
        Numbered from 0.

    Raises
    ------
    ValueError
        scikit-image's, for arguments that it refuses.

    Examples
    --------
    >>> from skimage.data import astronaut
    >>> face = astronaut()[:96, 176:272]
    >>> labels = quickshift(face)
    >>> labels.shape, bool((labels == segmentation.quickshift(face, ratio=0.2, kernel_size=4, max_dist=200)).all())
    ((96, 96), True)
    """
    image = np.asarray(image)
    if image.dtype == np.longdouble:
        image = image.astype(np.float64)
    found = None
    ordinary = 1 <= kernel_size < np.inf and isinstance(rng, (int, np.integer))
    if image.ndim == 3 and image.shape[2] == 3 and image.size and ordinary and compiled():
        lab = rgb2lab(img_as_float(image)) * ratio
        if lab.dtype == np.float64 and np.isfinite(lab).all():
            found = tree(lab, kernel_size, rng)
    if found is None:
        return segmentation.quickshift(image, ratio=ratio, kernel_size=kernel_size, max_dist=max_dist, rng=rng)
    pixels = np.arange(lab[..., 0].size)
    parents, distances, _ = found
    parents = np.where(distances.ravel() > max_dist, pixels, parents.ravel())
    roots = parents == pixels
    while (parents != (parents := parents[parents])).any():
        pass  # from parents to grandparents, until all are roots
    return (roots.cumsum() - 1)[parents].reshape(lab.shape[:2])


def tree(lab: np.ndarray, kernel_size: float, rng: int) -> tuple[np.ndarray, np.ndarray, int]:
    """The parent of each pixel, its distance, and how many comparisons took exact densities.

    Parameters
    ----------
    lab : ndarray of float64, shape (H, W, 3)
        Finite colours, weighted.
    kernel_size, rng
        As in :func:`quickshift`.

    Examples
    --------
    Of three grey pixels in a row the middle one is densest, and stays its own parent.

    >>> parents, distances, exact = tree(np.zeros((1, 3, 3)), kernel_size=1, rng=42)
    >>> parents.tolist(), distances[0, [0, 2]].tolist(), exact
    ([[1, 1, 1]], [1.0, 1.0], 0)
    """
    densities_of, parents_of = compiled()
    height, width, _ = lab.shape
    lab = np.ascontiguousarray(np.moveaxis(lab, 2, 0))
    noise = np.random.default_rng(rng).normal(scale=0.00001, size=(height, width))
    radius = math.ceil(3 * kernel_size)
    reach = [min(radius, side - 1) for side in (height, width)]
    steps = np.stack(np.mgrid[-reach[0] : reach[0] + 1, -reach[1] : reach[1] + 1], axis=-1).reshape(-1, 2)
    steps = steps[np.argsort((steps**2).sum(axis=1), kind="stable")[1:]]  # nearest first, without staying in place
    densities = densities_of(lab, *reach, float(kernel_size)) + noise
    parents, squares, exact = parents_of(
        lab, noise, densities, *reach, float(kernel_size), np.ascontiguousarray(steps), 2 * error_bound(len(steps) + 1)
    )
    return parents, np.sqrt(squares), exact


def error_bound(terms: int) -> float:
    """How far a fast density may be from scikit-image's, if each is a sum of so many kernels.

    For e^x the fast way takes p(x / 64)^64, p the Taylor polynomial of degree 7, and -40 for any x below. It differs
    from the exponential that scikit-image takes, of an x rounded in another way, by less than the sum of

    - 3.6e-14, the rest of the polynomial, 64 e^x |x / 64|^8 / 8! e^|x / 64|, which is largest at x = -8;
    - 256 u (u = 2^-53), the rounding of p, at most 4 u, to the 64th power;
    - 63 u, the rounding of six squarings, each doubled by those that follow;
    - 8 u, the rounding of x, at most 20 u |x|, times e^x;
    - 2 u, the rounding of scikit-image's own;

    which is below 1e-13. Both ways then add up ``terms`` numbers of at most 1, and each addition is off by at most u
    times the sum so far.

    Examples
    --------
    >>> f"{error_bound(25 * 25):.1e}"  # of densities that are at least 1: each pixel is its own neighbour
    '1.5e-10'
    """
    return terms * (1e-13 + terms * 2.0**-52)


@cache
def compiled() -> tuple | None:
    """Both loops compiled for this processor, or None where scikit-image has to do the work.

    Examples
    --------
    >>> densities, parents = compiled()
    >>> densities(np.zeros((3, 1, 2)), 0, 1, 1.0).round(3)  # two grey pixels: 1 + exp(-1 / 2) each
    array([[1.607, 1.607]])
    """
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return None
    import fcntl  # not everywhere

    try:
        import numba  # here, because it takes a third of a second
    except ImportError as error:
        logging.getLogger(__name__).warning(
            "quickshift: %s; scikit-image does it, with the same result, ten times slower (pip install numba)", error
        )
        return None
    start = time.perf_counter()
    loops = (
        (_densities, "(f8[:,:,::1], i8, i8, f8)", {"contract"}),
        (_parents, "(f8[:,:,::1], f8[:,::1], f8[:,::1], i8, i8, f8, i8[:,::1], f8)", False),
    )
    with Path(__file__).open() as held:
        with suppress(OSError):  # some network drives have no locks: then every worker compiles
            fcntl.flock(held, fcntl.LOCK_EX)  # workers that start together wait for the first one
        try:
            found = [numba.njit(types, cache=True, nogil=True, fastmath=fast)(loop) for loop, types, fast in loops]
        except Exception as error:  # no folder to write, a full disk, or what was kept is damaged: in many ways
            if not isinstance(error, RuntimeError):  # which says that there is no folder: nothing to mend
                logging.getLogger(__name__).warning(
                    "quickshift: what numba keeps of compiled code cannot be used (%s: %s), so it compiles for this "
                    "process alone; to mend it, empty the folder NUMBA_CACHE_DIR, or __pycache__ beside %s",
                    *(type(error).__name__, error, Path(__file__).name),
                )
            found = [numba.njit(types, nogil=True, fastmath=fast)(loop) for loop, types, fast in loops]
    if not all(hasattr(loop, "stats") for loop in found):  # NUMBA_DISABLE_JIT: the loops would take minutes
        logging.getLogger(__name__).warning("quickshift: numba is told not to compile; scikit-image does it")
        return None
    if not all(loop.stats.cache_hits for loop in found):
        seconds = time.perf_counter() - start
        logging.getLogger(__name__).warning("quickshift: compiled for this processor, in %.1f s", seconds)
    return tuple(found)


def _densities(lab, rows, columns, kernel_size):
    """Sums of kernels, each taken once for both of its pixels; in any order, with fused multiplications."""
    _, height, width = lab.shape
    densities = np.ones((height, width))  # each pixel's own
    kernels = np.empty(width)
    factor = -0.5 / (kernel_size * kernel_size) / 64
    for r in range(height):
        for down in range(min(rows, height - 1 - r) + 1):
            for right in range(-columns if down else 1, columns + 1):
                low, high = max(0, -right), min(width, width - right)
                one = lab[0, r, low:high], lab[1, r, low:high], lab[2, r, low:high]
                r_, low_, high_ = r + down, low + right, high + right
                other = lab[0, r_, low_:high_], lab[1, r_, low_:high_], lab[2, r_, low_:high_]
                place = float(down * down + right * right)
                for i in range(high - low):
                    lightness, a, b = one[0][i] - other[0][i], one[1][i] - other[1][i], one[2][i] - other[2][i]
                    x = max((lightness * lightness + a * a + b * b + place) * factor, -0.625)
                    e = 1 + x * (
                        1 + x * (1 / 2 + x * (1 / 6 + x * (1 / 24 + x * (1 / 120 + x * (1 / 720 + x / 5040)))))
                    )
                    kernels[i] = e**64  # which numba makes six squarings
                sums, sums_ = densities[r, low:high], densities[r_, low_:high_]
                for i in range(high - low):
                    sums[i] += kernels[i]
                for i in range(high - low):
                    sums_[i] += kernels[i]
    return densities


def _parents(lab, noise, densities, rows, columns, kernel_size, steps, margin):
    """Each pixel's nearest denser neighbour, its squared distance, and how many comparisons took exact densities."""
    _, height, width = lab.shape
    factor = -0.5 / (kernel_size * kernel_size)
    parents, squares = np.empty((height, width), np.int64), np.empty((height, width))
    exact = 0

    def square(r, c, r_, c_):  # in scikit-image's order
        total = 0.0
        for channel in range(3):
            t = lab[channel, r, c] - lab[channel, r_, c_]
            total += t * t
        total += float((r - r_) * (r - r_))
        return total + float((c - c_) * (c - c_))

    def density(r, c):  # in scikit-image's order
        total = noise[r, c]
        for r_ in range(max(r - rows, 0), min(r + rows + 1, height)):
            for c_ in range(max(c - columns, 0), min(c + columns + 1, width)):
                total += math.exp(square(r, c, r_, c_) * factor)
        return total

    for r in range(height):
        for c in range(width):
            parent, nearest = r * width + c, np.finfo(np.float64).max
            for k in range(len(steps)):
                down, right = steps[k]
                if down * down + right * right > nearest:
                    break  # all that follow are further, whatever their colour
                r_, c_ = r + down, c + right
                if not (0 <= r_ < height and 0 <= c_ < width):
                    continue
                more = densities[r_, c_] - densities[r, c]
                if more < -margin:
                    continue
                distance, other = square(r, c, r_, c_), r_ * width + c_
                if distance > nearest or (distance == nearest and other > parent):  # scikit-image takes the first
                    continue
                if more <= margin:
                    exact += 1
                    if density(r_, c_) <= density(r, c):
                        continue
                parent, nearest = other, distance
            parents[r, c], squares[r, c] = parent, nearest
    return parents, squares, exact
