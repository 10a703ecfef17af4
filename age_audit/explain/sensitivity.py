"""One face explained again, with one choice made otherwise: what of an explanation is the face's, what the choice's?

Preset ``audit`` is one set of choices. :data:`CHOICES` lists others that might as well have been made; each differs
from the preset in one thing. Explanations on different superpixels, or of different crops, are compared on 14 x 14
squares of the preset's crop (:func:`age_audit.explain.units.grid_units`), of which those count that the estimator looks
at: what the others get is noise, whatever is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from age_audit.core.config import PRESETS, CropParameters
from age_audit.core.schema import CANVAS, Attribution, FaceBox
from age_audit.explain.base import on_canvas
from age_audit.explain.lime import LimeExplainer
from age_audit.explain.superpixels import mean_colours
from age_audit.explain.units import CELLS, grid_units, rank_correlation
from age_audit.faces.detection import with_margin
from age_audit.regions.polygons import REGIONS, region_masks

AUDIT = PRESETS["audit"]
BLUR = 10.0  # pixels: standard deviation with which Fong and Vedaldi (2017, section 4.3) blur what they hide
REDUCED = 4  # pixels a side of what becomes one pixel before superpixels are in-painted
COMPACTNESS = 10.0  # of SLIC, scikit-image's default
BASE = "preset audit"


@dataclass(frozen=True)
class Choice:
    """One thing that is done otherwise than in preset ``audit``.

    Attributes
    ----------
    kind : str
        Which choice it is one of.
    parameters : mapping
        In place of the preset's.
    segments : callable, optional
        From image, the preset's superpixels and landmarks to other superpixels.
    hidden : callable, optional
        From image, superpixels and another face to what is seen where a superpixel is hidden.
    seed : int
        Added to the seed.
    margin : float
        Of the crop, as a share of the detector's box.
    """

    kind: str
    parameters: Mapping = field(default_factory=dict)
    segments: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray] | None = None
    hidden: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray] | None = None
    seed: int = 0
    margin: float = CropParameters.margin

    @property
    def stated(self) -> dict:
        """What a result depends on, for its key: all parameters, and the names of what replaces a step."""
        return {
            "parameters": asdict(replace(AUDIT, **self.parameters)),
            "segments": self.segments and self.segments.__name__,
            "hidden": self.hidden and self.hidden.__name__,
            "seed": self.seed,
            "margin": self.margin,
        }


def blurred(image: np.ndarray, segments: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The image blurred, in whatever superpixels.

    Examples
    --------
    >>> image = np.zeros((224, 224, 3), dtype=np.uint8)
    >>> image[:, 112:] = 200
    >>> blurred(image, None, None)[0, [0, 111, 112, 223], 0].tolist()
    [0, 96, 104, 200]
    """
    return np.rint(gaussian_filter(image.astype(float), (BLUR, BLUR, 0), mode="nearest")).astype(image.dtype)


def of_another_face(image: np.ndarray, segments: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The same place of another face.

    Examples
    --------
    >>> of_another_face(np.zeros((1, 1, 3)), np.array([[0]]), np.ones((1, 1, 3))).tolist()
    [[[1.0, 1.0, 1.0]]]
    """
    return other


def inpainted(image: np.ndarray, segments: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Every superpixel filled from what surrounds it, by scikit-image's biharmonic in-painting.

    One picture a face: each superpixel is filled as if it alone were missing, so that of two that are hidden together
    each still goes on from the other's own colours at their common border. The picture is reduced to a quarter of its
    side before, and enlarged after, for what is filled is smooth anyway; whatever touches the superpixel is missing
    there, so that no pixel of it enters what it is filled with.

    Parameters
    ----------
    image : ndarray of uint8, shape (224, 224, 3)
    segments : ndarray of int, shape (224, 224)
    other : ndarray
        Not used.

    Returns
    -------
    ndarray of uint8, shape (224, 224, 3)
        One superpixel that is all of the image, or nearly so, has its mean colour.

    Examples
    --------
    >>> image = np.full((224, 224, 3), 60, dtype=np.uint8)
    >>> segments = np.zeros((224, 224), dtype=int)
    >>> segments[80:120, 80:120] = 1
    >>> image[80:120, 80:120] = 250  # bright, all of it
    >>> inpainted(image, segments, None)[[80, 100, 119], 100, 0]  # nothing of it is left
    array([60, 60, 60], dtype=uint8)
    """
    from skimage.restoration import inpaint_biharmonic

    side = CANVAS // REDUCED
    small = image.reshape(side, REDUCED, side, REDUCED, 3).mean(axis=(1, 3)) / 255
    picture = mean_colours(image, segments)
    for part in range(int(segments.max()) + 1):
        inside = segments == part
        hole = inside.reshape(side, REDUCED, side, REDUCED).any(axis=(1, 3))
        if not hole.all():
            filled = on_canvas(inpaint_biharmonic(small, hole, channel_axis=-1), CANVAS)
            picture[inside] = np.rint(255 * filled[inside].clip(0, 1))
    return picture


def slic(image: np.ndarray, segments: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """SLIC's superpixels (Achanta et al. 2012), about as many as those given.

    Examples
    --------
    >>> halves = np.zeros((224, 224, 3), dtype=np.uint8)
    >>> halves[:, 112:] = 200
    >>> labels = slic(halves, np.arange(50176).reshape(224, 224) // 3136, None)  # 16 superpixels
    >>> int(labels.max()) + 1, bool((labels[:, 111] != labels[:, 112]).all())
    (16, True)
    """
    from skimage import segmentation

    found = segmentation.slic(image, n_segments=int(segments.max()) + 1, compactness=COMPACTNESS, start_label=0)
    return _numbered(found)


def grid(image: np.ndarray, segments: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Squares, about as many as there are superpixels in those given.

    Examples
    --------
    >>> squares = grid(None, np.arange(30).reshape(5, 6), None)
    >>> squares.shape, int(squares.max()) + 1
    ((224, 224), 25)
    """
    return grid_units(max(2, round(np.sqrt(segments.max() + 1))))


def of_landmarks(image: np.ndarray, segments: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The 13 regions as superpixels, and the rest as another.

    Where regions overlap, eyes and mouth come before those that they lie in, those of the face before those around it;
    otherwise the one that :data:`age_audit.regions.polygons.REGIONS` names later.

    Examples
    --------
    >>> landmarks = np.full((68, 2), 100)
    >>> landmarks[36:42] = [(20, 20), (60, 20), (60, 60), (20, 60), (20, 60), (20, 60)]  # an eye, and no other region
    >>> int((of_landmarks(None, None, landmarks) == of_landmarks(None, None, landmarks)[40, 40]).sum()) # 39 x 39
    1521
    """
    masks = region_masks(landmarks)
    found = np.zeros((CANVAS, CANVAS), dtype=int)
    within = ("eye_l_inner", "eye_r_inner", "mouth_inner")
    outer = ("top", "left", "right", "bottom")
    order = [*outer, *(name for name in REGIONS if name not in outer + within), *within]
    for number, name in enumerate(order, 1):
        found[masks[name]] = number
    return _numbered(found)


def _numbered(labels: np.ndarray) -> np.ndarray:
    """The same parts numbered from 0 without gaps."""
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape)


CHOICES = {
    BASE: Choice("none"),
    "black": Choice("hidden by", {"hidden": "black"}),
    "blur": Choice("hidden by", hidden=blurred),
    "another face": Choice("hidden by", hidden=of_another_face),
    "in-painting": Choice("hidden by", hidden=inpainted),
    "SLIC": Choice("superpixels", segments=slic),
    "grid": Choice("superpixels", segments=grid),
    "landmark regions": Choice("superpixels", segments=of_landmarks),
    "half as wide": Choice("kernel", {"kernel_width": AUDIT.kernel_width / 2}),
    "twice as wide": Choice("kernel", {"kernel_width": AUDIT.kernel_width * 2}),
    "128 samples": Choice("samples", {"num_samples": 128}),
    "512 samples": Choice("samples", {"num_samples": 512}),
    "margin 30 %": Choice("crop", margin=0.3),
    "margin 50 %": Choice("crop", margin=0.5),
    "another seed": Choice("seed", seed=1),
}


class OtherwiseExplainer(LimeExplainer):
    """Preset ``audit`` with one choice made otherwise.

    Parameters
    ----------
    name : str
        A key of :data:`CHOICES`.
    estimator : AgeEstimator
    landmarks : ndarray, shape (68, 2)
        (x, y) in pixels of the crop that is explained.
    other : ndarray of uint8, shape (224, 224, 3)
        Another face's crop.
    seed : int

    Examples
    --------
    >>> from skimage.data import astronaut
    >>> from age_audit.core.schema import AgeEstimate
    >>> class Brightness:
    ...     def predict(self, faces):
    ...         ages = faces.mean(axis=(1, 2, 3)) / 2.55
    ...         return AgeEstimate(ages, np.ones((len(ages), 1)), np.zeros(1))
    >>> face = astronaut()[:224, 100:324]
    >>> explainer = OtherwiseExplainer("grid", Brightness(), np.full((68, 2), 100), face[:, ::-1], seed=42)
    >>> sizes = np.bincount(explainer.explain(face).segments.ravel())
    >>> int(sizes.min()) > 900, int(sizes.max()) < 2600
    (True, True)
    """

    def __init__(self, name: str, estimator, landmarks: np.ndarray, other: np.ndarray, seed: int):
        self.choice = CHOICES[name]
        parameters = replace(AUDIT, **self.choice.parameters)
        super().__init__(estimator, parameters=parameters, seed=(seed + self.choice.seed) % 2**32)
        self._landmarks, self._other = landmarks, other

    def _segments(self, image: np.ndarray) -> np.ndarray:
        segments = super()._segments(image)
        return segments if self.choice.segments is None else self.choice.segments(image, segments, self._landmarks)

    def _hidden(self, image: np.ndarray, segments: np.ndarray) -> np.ndarray:
        if self.choice.hidden is None:
            return super()._hidden(image, segments)
        return self.choice.hidden(image, segments, self._other)


class Frame(NamedTuple):
    """Where the pixels of the preset's crop lie on a crop of the same face with another margin.

    Attributes
    ----------
    scale, offset : ndarray of float, shape (2,)
        A point (x, y) of the preset's crop, in pixels from the middle of its first one, is at
        ``(point + 0.5) * scale + offset - 0.5`` on the other.

    Examples
    --------
    >>> Frame(np.array([0.5, 0.5]), np.array([56.0, 56.0])).points(np.array([[111.5, 0.0]]))  # the middle stays
    array([[111.5 ,  55.75]])
    """

    scale: np.ndarray
    offset: np.ndarray

    def points(self, points: np.ndarray) -> np.ndarray:
        """Points (x, y) of the preset's crop, shape (N, 2), on the other."""
        return (np.asarray(points) + 0.5) * self.scale + self.offset - 0.5

    def brought_back(self, values: np.ndarray) -> np.ndarray:
        """Values of the other crop's pixels, float (224, 224), at those of the preset's; NaN where it does not reach.

        Examples
        --------
        >>> frame = frame_of(FaceBox(0, 0, 100, 100), margin=0.9)  # 280 pixels of the photo a side, instead of 180
        >>> values = np.arange(224.0) * np.ones((224, 1))
        >>> frame.brought_back(values)[0, [0, 111, 223]].tolist()  # the middle stays in the middle
        [40.0, 111.0, 183.0]
        """
        middles = np.arange(CANVAS) + 0.5
        columns, rows = (np.floor(middles * scale + offset).astype(int) for scale, offset in zip(*self, strict=True))
        there = ((rows >= 0) & (rows < CANVAS))[:, None] & ((columns >= 0) & (columns < CANVAS))
        found = values[rows.clip(0, CANVAS - 1)[:, None], columns.clip(0, CANVAS - 1)]
        return np.where(there, found, np.nan)


def frame_of(box: FaceBox, margin: float) -> Frame:
    """How a crop of a box with another margin lies to that of the preset.

    Examples
    --------
    >>> frame_of(FaceBox(10, 20, 110, 120), CropParameters.margin).points(np.array([[5.0, 7.0]])).round(9)
    array([[5., 7.]])
    """
    base, other = with_margin(box, CropParameters.margin), with_margin(box, margin)
    sizes = [np.array([one.width, one.height]) for one in (base, other)]
    between = np.array([base.left - other.left, base.top - other.top])
    return Frame(sizes[0] / sizes[1], between * CANVAS / sizes[1])


class Cells(NamedTuple):
    """An explanation on squares of the preset's crop.

    ``years``: what the model says of each, float (14, 14); NaN of those not wholly on the crop that was explained.
    ``settled``: 1 or -1 where more than half of it raises, or lowers, the estimate by settled superpixels, else 0.

    Examples
    --------
    >>> Cells(np.zeros((14, 14)), np.zeros((14, 14), dtype=int)).years.shape
    (14, 14)
    """

    years: np.ndarray
    settled: np.ndarray


def cells_of(attribution: Attribution, frame: Frame | None = None) -> Cells:
    """Share the weights of superpixels out over the squares of the preset's crop, as regions get theirs.

    Parameters
    ----------
    attribution : Attribution
        Of superpixels.
    frame : Frame, optional
        Where the preset's crop lies on the one that was explained; the same by default.

    Returns
    -------
    Cells

    Examples
    --------
    >>> segments = np.zeros((224, 224), dtype=int)
    >>> segments[:, 112:] = 1
    >>> masks = segments == 1, np.zeros((224, 224), dtype=bool)
    >>> cells = cells_of(Attribution(segments, np.array([-9.8, 19.6]), "expected_age", *masks))
    >>> cells.years[0, [0, 13]].round(9), cells.settled[0, [0, 13]]  # 98 squares each
    (array([-0.1,  0.2]), array([0, 1]))
    """
    segments, weights = attribution.segments, attribution.weights
    years = (weights / np.maximum(np.bincount(segments.ravel(), minlength=len(weights)), 1))[segments]
    signs = attribution.positive_mask.astype(float) - attribution.negative_mask
    if frame is not None:
        years = frame.brought_back(years) * frame.scale.prod()
        signs = np.nan_to_num(frame.brought_back(signs))
    size = CANVAS // CELLS
    years, raised, lowered = (values.reshape(CELLS, size, CELLS, size) for values in (years, signs > 0, signs < 0))
    settled = (raised.mean(axis=(1, 3)) > 0.5).astype(int) - (lowered.mean(axis=(1, 3)) > 0.5)
    return Cells(years.sum(axis=(1, 3)), settled)


class Agreement(NamedTuple):
    """How alike two explanations are on the squares that both reach and that count.

    ``rank_correlation``: Spearman's, of years; NaN where one does not vary. ``same_sign``: share of squares, 0 to 1;
    ``same_sign_settled``: of those settled in both, NaN where there are none. ``settled_in_both``: their share.
    ``squares``: how many count.

    Examples
    --------
    >>> Agreement(0.4, 0.7, 1.0, 0.1, 96).same_sign
    0.7
    """

    rank_correlation: float
    same_sign: float
    same_sign_settled: float
    settled_in_both: float
    squares: int


def agreement(first: Cells, second: Cells, seen: np.ndarray | None = None) -> Agreement:
    """Compare two explanations.

    Parameters
    ----------
    first, second : Cells
    seen : ndarray of bool, shape (14, 14), optional
        Squares that count; all by default.

    Examples
    --------
    >>> years = np.arange(-97.5, 98.5).reshape(14, 14)
    >>> first = Cells(years, np.sign(years).astype(int) * (abs(years) > 90))
    >>> second = Cells(years - 49, np.ones((14, 14), dtype=int))  # the same order
    >>> found = agreement(first, second)
    >>> found.same_sign, found.same_sign_settled, round(found.settled_in_both, 3), found.squares
    (0.75, 0.5, 0.082, 196)
    >>> round(found.rank_correlation, 9)
    1.0
    >>> agreement(first, second, seen=years > 0)[1:]  # of the upper half 49 are turned round, and 8 settled
    (0.5, 1.0, 0.08163265306122448, 98)
    """
    there = np.isfinite(first.years) & np.isfinite(second.years)
    if seen is not None:
        there &= seen
    if not there.any():
        return Agreement(*[float("nan")] * 4, 0)
    one, other = first.years[there], second.years[there]
    signs, others = first.settled[there], second.settled[there]
    both = (signs != 0) & (others != 0)
    agreed = float((signs == others)[both].mean()) if both.any() else float("nan")
    same = float((np.sign(one) == np.sign(other)).mean())
    return Agreement(rank_correlation(one, other), same, agreed, float(both.mean()), int(there.sum()))
