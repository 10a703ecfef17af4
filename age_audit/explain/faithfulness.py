"""Does the estimate move as an explanation says? Parts of the face are hidden in its order, beside random orders.

Deletion and insertion are Petsiuk, Das & Saenko's (2018), the gap between hiding the highest and the lowest first that
of Rong et al. (2022), who also show why hidden parts should not look foreign. Our own and not quantus' or xplique's,
whose scores are of class probabilities and know no random orders of the same face; these are in the target's unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from age_audit.core.checks import checked_whole
from age_audit.core.config import Stage1Config, check_choice
from age_audit.core.randomness import stream
from age_audit.core.schema import CANVAS, Attribution
from age_audit.estimators.masked import MaskedFaces
from age_audit.estimators.targets import parse_target
from age_audit.explain.superpixels import checked_face, image_seed, masked_targets
from age_audit.explain.units import checked_units, grid_units, unit_means

FILLS = ("mean-colour", "blurred")
BLUR = 20.0  # standard deviation in pixels: skin, hair and light stay where they are, wrinkles and features go
STEPS = 14  # equal steps from nothing hidden to all
ORDERS = 6  # random orders of a face; each also counts reversed
SCORES = ("deletion", "insertion", "gap", "absolute")


@dataclass(frozen=True)
class Chance:
    """What random orders give on one face, in the target's unit.

    Attributes
    ----------
    whole, none : float
        Target of the face, and of the face with all hidden.
    level, level_spread : float
        Mean and standard deviation, over random orders, of the area under the target against the share hidden.
    gap_spread : float
        Root mean square of the gap between a random order and its reverse, which is 0 in the mean.
    absolute, absolute_spread : float
        Mean and standard deviation of the area under the absolute change of the target.
    """

    whole: float
    none: float
    level: float
    level_spread: float
    gap_spread: float
    absolute: float
    absolute_spread: float


@dataclass(frozen=True)
class Faithfulness:
    """How much better a map is than random orders of the same face, in the target's unit; 0 is no better.

    Attributes
    ----------
    deletion : float
        How much lower the target is, in the mean over all shares, while parts are hidden from the highest value on.
    insertion : float
        How much higher it is while parts are shown from the highest value on. That is to hide from the lowest on.
    gap : float
        Both together: hidden from the lowest on, less hidden from the highest on. It asks for the signs of values.
    absolute : float
        How much more the target has changed, either way, while parts are hidden from the largest size of value on.
        It does not ask for signs, so that methods with and without them can be compared.
    chance : Chance
    """

    deletion: float
    insertion: float
    gap: float
    absolute: float
    chance: Chance

    def in_spreads(self) -> dict[str, float]:
        """The scores over the spread of random orders of this face: no unit. NaN where these do not differ."""
        chance = self.chance
        spreads = chance.level_spread, chance.level_spread, chance.gap_spread, chance.absolute_spread
        values = self.deletion, self.insertion, self.gap, self.absolute
        return {n: v / s if s > 0 else float("nan") for n, v, s in zip(SCORES, values, spreads, strict=True)}


def faithfulness(
    estimator,
    face: np.ndarray,
    attribution: Attribution,
    *,
    units: np.ndarray | None = None,
    fill: str = "mean-colour",
    steps: int = STEPS,
    orders: int = ORDERS,
    seed: int = Stage1Config.seed,
    chance: Chance | None = None,
) -> Faithfulness:
    """Hide parts of a face as a map orders them, and compare with random orders.

    Parameters
    ----------
    estimator : AgeEstimator
        The one that was explained.
    face : ndarray of uint8, shape (224, 224, 3)
    attribution : Attribution
        Of this face; its ``target`` is asked for.
    units : ndarray of int, shape (224, 224), optional
        Parts that are hidden, numbered from 0; a map is ranked by its mean over each, so that dense maps and
        superpixels are treated alike. A grid of 14 x 14 by default.
    fill : str
        What is seen of a hidden part: ``"mean-colour"`` of the face, or the face ``"blurred"``, which keeps the
        picture more natural.
    steps : int
        Of equal shares of the picture, about.
    orders : int
        Random orders, for ``chance``.
    seed : int
        Mixed with the face's bytes; of the random orders and of the order of units with equal values.
    chance : Chance, optional
        From :func:`chance_of` with the same arguments, where several maps of a face are judged.

    Raises
    ------
    ValueError
        For another shape or type of the face or the units, what is no attribution, or a map with values that are not
        finite, which would be judged as if it ranked nothing.
    UsageError
        For another fill, or fewer than two steps or one random order.
    ImageFailure
        ``estimate-not-finite`` when some version of the face gets no number.

    Examples
    --------
    >>> from age_audit.core.schema import AgeEstimate
    >>> from age_audit.explain.base import of_map
    >>> class LeftHalf:  # the brighter the left half, the older
    ...     def predict(self, faces):
    ...         return AgeEstimate(faces[:, :, :112].mean(axis=(1, 2, 3)), np.ones((len(faces), 1)), np.zeros(1))
    >>> face = np.zeros((224, 224, 3), dtype=np.uint8)
    >>> face[:, :112] = 100  # mean colour 50: hidden, the left half is 50 years younger
    >>> said = of_map((face[..., 0] / 2).astype(float), "expected_age", signed=True)
    >>> found = faithfulness(LeftHalf(), face, said)
    >>> round(found.gap, 1)  # all of the fall in the first half of the way, or all in the second
    25.0
    >>> round(found.deletion + found.insertion, 1)
    25.0
    >>> bool(found.absolute > 10)
    True
    """
    face = checked_face(face)
    units = grid_units() if units is None else checked_units(units)
    _check_map(attribution)
    checked_whole("steps", steps, 2)
    asked = attribution.target
    if chance is None:
        chance = chance_of(estimator, face, asked, units=units, fill=fill, steps=steps, orders=orders, seed=seed)
    values = unit_means(attribution.map, units)
    draws = _draws(face, seed, "ties")
    by_value, by_size = hiding_order(values, draws), hiding_order(np.abs(values), draws)
    ways = [by_value, by_value[::-1]] + ([by_size] if attribution.signed else [])
    shares, targets = hiding_curves(estimator, face, np.stack(ways), units, fill, asked, steps)
    highest, lowest = area(shares, targets)[:2]
    # Without signs, to hide the largest first is to hide the highest first.
    changed = area(shares, np.abs(targets - targets[:, :1]))[-1 if attribution.signed else 0]
    return Faithfulness(
        deletion=float(chance.level - highest),
        insertion=float(lowest - chance.level),
        gap=float(lowest - highest),
        absolute=float(changed - chance.absolute),
        chance=chance,
    )


def chance_of(
    estimator,
    face: np.ndarray,
    target: str = "age",
    *,
    units: np.ndarray | None = None,
    fill: str = "mean-colour",
    steps: int = STEPS,
    orders: int = ORDERS,
    seed: int = Stage1Config.seed,
) -> Chance:
    """What random orders of the units give on a face: parameters as for :func:`faithfulness`.

    Examples
    --------
    >>> from age_audit.core.schema import AgeEstimate
    >>> class Brightness:
    ...     def predict(self, faces):
    ...         return AgeEstimate(faces.mean(axis=(1, 2, 3)), np.ones((len(faces), 1)), np.zeros(1))
    >>> found = chance_of(Brightness(), np.full((224, 224, 3), 40, dtype=np.uint8))
    >>> found.whole, found.none, found.level_spread  # one colour: nothing to hide
    (40.0, 40.0, 0.0)
    """
    face = checked_face(face)
    checked_whole("steps", steps, 2)
    checked_whole("orders", orders, 1)
    units = grid_units() if units is None else checked_units(units)
    generator = _draws(face, seed, "orders")
    drawn = [generator.permutation(int(units.max()) + 1) for _ in range(orders)]
    ways = np.stack([way for order in drawn for way in (order, order[::-1])])
    shares, targets = hiding_curves(estimator, face, ways, units, fill, target, steps)
    levels, changes = area(shares, targets), area(shares, np.abs(targets - targets[:, :1]))
    gaps = levels[1::2] - levels[::2]
    return Chance(
        whole=float(targets[0, 0]),
        none=float(targets[0, -1]),
        level=float(levels.mean()),
        level_spread=float(levels.std(ddof=1)),
        gap_spread=float(np.sqrt((gaps**2).mean())),
        absolute=float(changes.mean()),
        absolute_spread=float(changes.std(ddof=1)),
    )


def hiding_curves(
    estimator, face: np.ndarray, orders: np.ndarray, units: np.ndarray, fill: str, target: str, steps: int = STEPS
) -> tuple[np.ndarray, np.ndarray]:
    """The target while more and more of a face is hidden.

    Parameters
    ----------
    estimator, face, units, fill, target, steps
        As for :func:`faithfulness`.
    orders : ndarray of int, shape (K, U)
        Units in the order in which they are hidden.

    Returns
    -------
    shares : ndarray of float, shape (K, steps + 1)
        Of the pixels that are hidden, from 0 to 1: at each step the fewest units that reach it.
    targets : ndarray of float, shape (K, steps + 1)

    Examples
    --------
    >>> from age_audit.core.schema import AgeEstimate
    >>> class LeftHalf:
    ...     def predict(self, faces):
    ...         return AgeEstimate(faces[:, :, :112].mean(axis=(1, 2, 3)), np.ones((len(faces), 1)), np.zeros(1))
    >>> face = np.zeros((224, 224, 3), dtype=np.uint8)
    >>> face[:, :112] = 100
    >>> halves = grid_units(2) % 2  # left and right
    >>> shares, targets = hiding_curves(LeftHalf(), face, np.array([[0, 1], [1, 0]]), halves, "mean-colour", "age", 2)
    >>> shares.tolist(), targets.tolist()
    ([[0.0, 0.5, 1.0], [0.0, 0.5, 1.0]], [[100.0, 50.0, 50.0], [100.0, 100.0, 50.0]])
    """
    sizes = np.bincount(units.ravel())
    covered = np.cumsum(sizes[orders], axis=1)  # pixels, after each unit
    wanted = np.arange(1, steps) * units.size / steps
    hidden = np.stack([np.searchsorted(row, wanted - 1e-9) + 1 for row in covered])  # units, at each step
    places = np.argsort(orders, axis=1)  # of each unit in its order
    between = places[:, None, :] >= hidden[..., None]
    ends = np.array([[True], [False]]) & np.ones(len(sizes), dtype=bool)  # the first row shows all: see masked_targets
    shown = np.concatenate([ends, between.reshape(-1, len(sizes))]).astype(int)
    masked = MaskedFaces(face, filled(face, fill), units, shown)
    numbers, _ = masked_targets(estimator, face, masked, parse_target(target))
    targets = np.column_stack(
        [np.full(len(orders), numbers[0]), numbers[2:].reshape(len(orders), -1), np.full(len(orders), numbers[1])]
    )
    reached = np.take_along_axis(covered, hidden - 1, axis=1) / units.size
    return np.column_stack([np.zeros(len(orders)), reached, np.ones(len(orders))]), targets


def filled(face: np.ndarray, fill: str) -> np.ndarray:
    """What is seen of a face where it is hidden, uint8 (224, 224, 3): its mean colour, or itself blurred.

    Examples
    --------
    >>> face = np.zeros((224, 224, 3), dtype=np.uint8)
    >>> face[:, :112] = 100
    >>> filled(face, "mean-colour")[0, [0, 223], 0], filled(face, "blurred")[0, [0, 111, 223], 0]
    (array([50, 50], dtype=uint8), array([100,  51,   0], dtype=uint8))
    """
    from scipy.ndimage import gaussian_filter

    check_choice("fill", fill, FILLS)
    if fill == "mean-colour":
        return np.broadcast_to(np.rint(face.mean(axis=(0, 1))).astype(np.uint8), face.shape)
    blurred = gaussian_filter(face.astype(np.float64), (BLUR, BLUR, 0), mode="nearest")
    return np.rint(blurred).astype(np.uint8)


def hiding_order(values: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Units from the highest value on, int (U,); equal ones in random order, or corners of the picture come first.

    Examples
    --------
    >>> hiding_order(np.array([0.0, 2, -1, 1]), np.random.default_rng(0))
    array([1, 3, 0, 2])
    """
    return np.lexsort((generator.permutation(len(values)), -values))


def area(shares: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Area under each curve, float (K,), by trapezia: the mean of the target over all shares, in its unit.

    Examples
    --------
    >>> area(np.array([[0.0, 0.5, 1.0]]), np.array([[40.0, 20.0, 20.0]]))
    array([25.])
    """
    return np.trapezoid(targets, shares, axis=1)


def _check_map(attribution: Attribution) -> None:
    if not isinstance(attribution, Attribution):
        raise ValueError(f"expected an Attribution, as explain(face) returns it, got {type(attribution).__name__}")
    values = attribution.map
    if values.shape != (CANVAS, CANVAS):
        raise ValueError(f"expected a map of shape ({CANVAS}, {CANVAS}), got {values.shape}")
    count = np.count_nonzero(~np.isfinite(values))
    if count:
        raise ValueError(f"expected a map of finite values, got {count} of {values.size} that are not; leave it out")


def _draws(face: np.ndarray, seed: int, what: str) -> np.random.Generator:
    return stream(image_seed(face, seed), what)
