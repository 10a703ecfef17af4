"""The records that flow between rooms.

Small frozen dataclasses with no behaviour beyond what their fields imply. Every room may import this module, and it
imports nothing of the package, so the records can never pull a heavy library in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

CANVAS = 224  # side in pixels of the square crop on which faces are explained and regions are measured
LANDMARK_COUNT = 68  # dlib's 68-point annotation (iBUG 300-W)

GENDERS = ("Male", "Female")
UTKFACE_RACES = ("Caucasian", "African", "Asian", "Indian", "Other")  # in the order of the UTKFace codes 0-4
AGE_RANGES = ((0, 12), (13, 18), (19, 25), (26, 100))  # inclusive at both ends, in years


@dataclass(frozen=True)
class FaceLabel:
    """What annotators wrote down about one image; ``None`` wherever nothing usable was written.

    Attributes
    ----------
    fname : str
        File name without any folder.
    age : float or None
        Annotated age in years.
    gender, race : str or None
        Annotators' categories, one of :data:`GENDERS` / :data:`UTKFACE_RACES` (a CSV may bring others).
    problem : str or None
        Why a label is missing although the naming scheme promises one.
    age_bounds : (float, float) or None
        Lowest and highest age in years, both included, where only a range was written down; ``age`` is then None.
    features : mapping of str to str or None
        Whatever else a table says of the image, by column: any of it can be a sensitive feature.
    """

    fname: str
    age: float | None = None
    gender: str | None = None
    race: str | None = None
    problem: str | None = None
    age_bounds: tuple[float, float] | None = None
    features: Mapping[str, str | None] = field(default_factory=dict)

    def feature(self, name: str) -> str | None:
        """The group of the image by ``gender``, ``race`` or a further column."""
        return getattr(self, name) if name in ("gender", "race") else self.features.get(name)


@dataclass(frozen=True)
class FaceBox:
    """A detector's rectangle in pixels of the image it was found in; edges may lie outside the image.

    ``right`` and ``bottom`` are exclusive: the box is ``right - left`` pixels wide.
    """

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


@dataclass(frozen=True)
class FaceCrop:
    """A face cut out with its margin and resized to the canvas.

    Attributes
    ----------
    image : ndarray of uint8, shape (224, 224, 3)
        RGB.
    box : FaceBox
        The detector's box in the source image, before the margin.
    faces_found : int
        How many faces the detector saw; the largest one is this one.
    """

    image: np.ndarray
    box: FaceBox
    faces_found: int


@dataclass(frozen=True)
class AgeEstimate:
    """Ages estimated for N faces.

    Attributes
    ----------
    age : ndarray of float, shape (N,)
        Expected age in years, the sum of class times probability; or the plain age that the model gave.
    probabilities : ndarray of float, shape (N, C)
        Distribution over age classes; rows sum to 1. C is 0 where the model gives plain ages.
    classes : ndarray of float, shape (C,)
        The age in years that each class stands for.
    probability_female : ndarray of float, shape (N,), or None
        Where the model has such an output.
    """

    age: np.ndarray
    probabilities: np.ndarray
    classes: np.ndarray
    probability_female: np.ndarray | None = None


@dataclass(frozen=True)
class Attribution:
    """What moved the estimate of one face: superpixels with a weight each, or every pixel by its own value.

    Attributes
    ----------
    segments : ndarray of int, shape (224, 224), or None
        Superpixel number of every pixel, 0 to S - 1.
    weights : ndarray of float, shape (S,), or None
        Weight of each superpixel in the local linear model, in the unit of the target (a probability, or years).
    target : str
        What was explained: ``"expected_age"`` (years), or the probability of ``"class:<index>"`` (one age class),
        ``"over:<years>"`` (that age or more) or ``"female"``.
    positive_mask : ndarray of bool, shape (224, 224)
        Pixels that raise the target (and are settled, where settledness was asked for). Of a method without signs: the
        tenth of the pixels that matter most.
    negative_mask : ndarray of bool, shape (224, 224)
        Pixels that lower the target. Pixels in neither mask are unsettled, where the method has intervals; else their
        value is 0, or, of a method without signs, below the highest tenth.
    interval : ndarray of float, shape (S, 2), or (224, 224, 2) of a dense map, or None
        Interval of each weight, or of each pixel's value, in their unit.
    settled : ndarray of bool, shape (S,), or None
        Whether the interval excludes 0.
    samples : int or None
        Masked versions that were asked about, where their number depends on the face.
    intercept : float
        Of the local linear model.
    score : float
        Weighted R² of the local linear model on its own samples.
    dense : ndarray of float, shape (224, 224), or None
        Value of every pixel, in the unit that its method states, where there are no superpixels.
    signed : bool
        Whether values below 0 lower the target; otherwise they only say how much a pixel matters, from 0 on.
    unexplained : float
        Of a method whose values should sum to a difference of the target: what they lack of it, in its unit, where that
        is more than the method tolerates; else 0.

    Raises
    ------
    ValueError
        Unless there are either segments and weights, or a dense map.
    """

    segments: np.ndarray | None
    weights: np.ndarray | None
    target: str
    positive_mask: np.ndarray
    negative_mask: np.ndarray
    interval: np.ndarray | None = None
    settled: np.ndarray | None = None
    intercept: float = 0.0
    score: float = float("nan")
    dense: np.ndarray | None = None
    signed: bool = True
    samples: int | None = None
    unexplained: float = 0.0

    def __post_init__(self):
        there = [part is not None for part in (self.segments, self.weights, self.dense)]
        if there not in ([True, True, False], [False, False, True]):
            raise ValueError("expected an attribution of either segments with weights, or a dense map")

    @property
    def map(self) -> np.ndarray:
        """Float (224, 224): the value of every pixel, that of its superpixel where it has one."""
        return self.weights[self.segments] if self.dense is None else self.dense

    @property
    def settled_map(self) -> np.ndarray:
        """:attr:`map` with 0 where the sign is undecided: what boxes are made of. All of it without intervals."""
        if self.interval is None:
            return self.map
        return np.where(self.positive_mask | self.negative_mask, self.map, 0)


@dataclass(frozen=True)
class RegionActivation:
    """Region scores of one face, and what had to be mended to get them.

    ``scores`` holds ``activation_<region>_from_all`` and ``activation_<region>_pct_of_feature``, each a share in 0-1.
    """

    fname: str
    scores: dict[str, float]
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class ImageOutcome:
    """How one step ended for one image.

    ``fname`` is the image's path within its folder; ``status`` is ``"done"`` or ``"failed"``; ``reason`` is a short
    stable code such as ``"no-face"``, ``""`` when done; ``note`` is free text for a person.
    """

    fname: str
    stage: str
    status: str
    reason: str = ""
    note: str = ""
    seconds: float = 0.0
