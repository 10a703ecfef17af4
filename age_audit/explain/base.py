"""What every explanation method offers, and what they share that give a value to every pixel."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

import numpy as np

from age_audit.core.checks import checked_seed
from age_audit.core.config import Stage1Config
from age_audit.core.schema import CANVAS, Attribution
from age_audit.estimators.targets import Target, parse_target
from age_audit.explain.superpixels import bound_to, checked_face, image_seed, targets_of

# Share of an estimate below which a change of it is rounding: a few of single precision's steps, because an estimate is
# a sum over some hundred classes.
ROUNDING = 8 * float(np.finfo(np.float32).eps)
MATTERS = 90  # percentile of a map without signs from which on a pixel counts as one that matters


class Explainer(ABC):
    """Explains one number of one estimate at a time.

    Parameters
    ----------
    estimator : AgeEstimator
        Methods that only ask for estimates take anything with ``predict(faces) -> AgeEstimate``.
    parameters : dataclass
        One of the method's; its ``target`` is explained where no other is asked for.
    seed : int
        Mixed with the face's bytes into the seed of all that the method draws.

    Raises
    ------
    UsageError
        If the estimator does not give the target, or lacks what the method asks for.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> class Brightness(Explainer):  # a method of one's own: how bright each pixel is
    ...     def _explain(self, face, target):
    ...         return of_map(face.mean(axis=2), target.name, signed=False)
    >>> found = Brightness(None, SimpleNamespace(target="age")).explain(np.zeros((224, 224, 3), dtype=np.uint8))
    >>> found.target, found.map.shape
    ('expected_age', (224, 224))
    """

    def __init__(self, estimator, parameters, seed: int = Stage1Config.seed):
        check_target(estimator, parameters.target)
        self.estimator = estimator
        self.parameters = parameters
        self.seed = checked_seed(seed)

    def explain(self, face: np.ndarray, target: str | Target | None = None) -> Attribution:
        """Attribute a number of the estimate of one face to its superpixels, or to its pixels.

        Parameters
        ----------
        face : ndarray of uint8, shape (224, 224, 3)
            RGB crop with a 40 % margin.
        target : str, optional
            ``age``, ``over:18``, ``class:25``, ``female`` or ``top-class``; that of the parameters by default.

        Raises
        ------
        ValueError
            For another shape or type.
        UsageError
            If the estimator does not give the target.
        """
        face = checked_face(face)
        asked = parse_target(self.parameters.target if target is None else target)
        check_target(self.estimator, asked)
        return self._explain(face, self._on(face, asked))

    def _on(self, face: np.ndarray, target: Target) -> Target:
        """The target with the class that ``top-class`` means on this face."""
        return target.on(self.estimator.predict(face[None])) if target.kind == "top-class" else target

    @abstractmethod
    def _explain(self, face: np.ndarray, target: Target) -> Attribution:
        """What :meth:`explain` gives, of a face and a target that were checked."""

    def _generator(self, face: np.ndarray) -> np.random.Generator:
        return np.random.default_rng(image_seed(face, self.seed))

    def _ask(self, face: np.ndarray, versions: Iterable[np.ndarray], target: Target) -> np.ndarray:
        """The target, float (N,), of versions of one face, a batch of float or uint8 (n, 224, 224, 3) at a time."""
        estimator = bound_to(self.estimator, face)
        return targets_of([estimator.predict(batch) for batch in versions], target)[0]


def check_target(estimator, target: str | Target) -> None:
    """Refuse a target before any work where it is known that the estimator does not give it.

    Examples
    --------
    >>> class Ages:
    ...     gives_classes = False
    >>> check_target(Ages(), "age")  # nothing to say
    >>> check_target(Ages(), "over:18")
    Traceback (most recent call last):
        ...
    age_audit.core.errors.UsageError: expected probabilities of classes of age to explain over:18, but ...
    """
    gives_gender = getattr(estimator, "gives_gender", None) is not False
    classes = getattr(estimator, "classes", ()) if getattr(estimator, "gives_classes", True) else ()
    unknown = not len(classes) and getattr(estimator, "gives_classes", True)
    parse_target(target).check(None if unknown else np.asarray(classes), gives_gender)


def of_map(
    values: np.ndarray, target: str, signed: bool, interval: np.ndarray | None = None, unexplained: float = 0.0
) -> Attribution:
    """An attribution of a value a pixel.

    Pixels whose interval includes 0 are in neither mask, nor are those of value 0. Of a map without signs the tenth
    that matters most is in the positive mask.

    Parameters
    ----------
    values : ndarray of float, shape (224, 224)
    target : str
    signed : bool
    interval : ndarray of float, shape (224, 224, 2), optional
    unexplained : float
        As :class:`age_audit.core.schema.Attribution`.

    Examples
    --------
    >>> values = np.zeros((224, 224))
    >>> values[:10], values[10:30] = 2, -1
    >>> found = of_map(values, "expected_age", signed=True)
    >>> int(found.positive_mask.sum()), int(found.negative_mask.sum())
    (2240, 4480)
    >>> int(of_map(values.clip(0), "expected_age", signed=False).positive_mask.sum())
    2240
    """
    if signed:
        low, high = (values, values) if interval is None else (interval[..., 0], interval[..., 1])
        positive, negative = low > 0, high < 0
    else:
        positive = (values > 0) & (values >= np.percentile(values, MATTERS))
        negative = np.zeros_like(positive)
    return Attribution(
        None, None, target, positive, negative, interval, dense=values, signed=signed, unexplained=unexplained
    )


def on_canvas(maps: np.ndarray, view: int) -> np.ndarray:
    """Coarse maps of the middle of the crop, enlarged to all of it by bilinear interpolation; 0 where none reaches.

    Parameters
    ----------
    maps : ndarray of float, shape (h, w, N)
    view : int
        Rows and columns that they cover.

    Returns
    -------
    ndarray of float, shape (224, 224, N)

    Examples
    --------
    >>> on_canvas(np.ones((7, 7, 1)), view=112)[[0, 55, 56, 112], 112, 0]
    array([0., 0., 1., 1.])
    """
    from scipy.ndimage import zoom

    margin = (CANVAS - view) // 2
    size = CANVAS - 2 * margin
    factors = (size / maps.shape[0], size / maps.shape[1], 1)
    inside = zoom(maps, factors, order=1, mode="nearest", grid_mode=True)
    return np.pad(inside, ((margin, margin), (margin, margin), (0, 0)))
