"""Estimators with a flaw that is known, because it was planted: a real one, and years for something in the picture.

``Planted(Remembering(estimator), FLAWS["mouth"], years=5)`` answers as the estimator does, plus five years for a mouth
as bright as most are, in proportion. Derivatives and the last maps follow, so that every method
can explain it. A group of faces is misjudged by giving its faces to the planted estimator, all others to the real one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from age_audit.core.schema import CANVAS, AgeEstimate
from age_audit.estimators.masked import MaskedFaces

CELL = 14  # pixels: side of the squares in which the last maps of planted estimators are laid out
CELLS = CANVAS // CELL
BATCH = 32  # masked faces that exist at a time


@dataclass(frozen=True)
class Flaw:
    """What in a picture adds years: the brightness of fixed boxes of the crop, or the fine detail in them.

    Attributes
    ----------
    boxes : tuple of (top, bottom, left, right)
        In pixels of the crop; bottom and right are exclusive.
    typical : float
        The measure on an average face of UTKFace, in grey levels of 255: what adds just the years that are planted.
    regions : tuple of str
        Of :data:`age_audit.regions.polygons.REGIONS`, those that the boxes lie on: what an audit has to name. Empty
        where the boxes are the whole picture, so that there is no region to name.
    around : tuple of str
        Regions that hold one of these whole: near enough, and not as good.
    detail : bool
        Whether the mean step between neighbouring pixels is measured, in place of their mean brightness.

    Examples
    --------
    >>> faces = np.zeros((1, 224, 224, 3))
    >>> faces[:, :2] = 100  # two bright rows
    >>> rows = ((0, 4, 0, 224),)
    >>> Flaw(rows, 100, ("top",)).measure(faces), Flaw(rows, 100, ("top",), detail=True).measure(faces)
    (array([50.]), array([25.]))
    """

    boxes: tuple[tuple[int, int, int, int], ...]
    typical: float
    regions: tuple[str, ...]
    around: tuple[str, ...] = ()
    detail: bool = False

    def cuts(self) -> Iterator[tuple[tuple[slice, slice], float]]:
        """Rows and columns of each box, and what a pixel of it weighs."""
        pixels = sum((bottom - top) * (right - left) for top, bottom, left, right in self.boxes)
        for top, bottom, left, right in self.boxes:
            yield (slice(top, bottom), slice(left, right)), 1 / pixels

    def of_pixels(self, boxes: np.ndarray) -> np.ndarray:
        """What is measured of each pixel, float (N, h, w), of a box of N faces, (N, h, w, 3), in grey levels of 255."""
        grey = boxes.mean(axis=-1, dtype=np.float64)
        if not self.detail:
            return grey
        steps = np.zeros_like(grey)
        steps[:, :-1] += np.abs(np.diff(grey, axis=1))
        steps[:, :, :-1] += np.abs(np.diff(grey, axis=2))
        return steps

    def measure(self, faces: np.ndarray) -> np.ndarray:
        """Float (N,), of faces (N, 224, 224, 3)."""
        return sum(weight * self.of_pixels(faces[:, *cut]).sum(axis=(1, 2)) for cut, weight in self.cuts())

    def measure_masked(self, masked: MaskedFaces) -> np.ndarray:
        """The same of every masked version of a face, without making more of it than the boxes."""
        total = np.zeros(len(masked))
        for cut, weight in self.cuts():
            box = MaskedFaces(masked.image[cut], masked.hidden[cut], masked.segments[cut], masked.shown)
            if self.detail:
                found = [self.of_pixels(versions).sum(axis=(1, 2)) for versions in box.batches(BATCH)]
                total += weight * np.concatenate(found)
            else:  # a sum over superpixels, whichever of its pictures each shows
                shown, hidden = (
                    np.bincount(
                        box.segments.ravel(), picture.mean(axis=-1, dtype=np.float64).ravel(), box.shown.shape[1]
                    )
                    for picture in box.pictures()
                )
                total += weight * (hidden.sum() + box.shown @ (shown - hidden))
        return total

    def gradient(self, faces: np.ndarray) -> np.ndarray:
        """Derivative of the measure, float32 (N, 224, 224, 3)."""
        gradient = np.zeros((*faces.shape[:3], 1), dtype=np.float32)
        for cut, weight in self.cuts():
            inside = gradient[:, *cut, 0]
            if not self.detail:
                inside += weight / 3
                continue
            grey = faces[:, *cut].mean(axis=-1)
            for axis in (1, 2):
                rising = np.sign(np.diff(grey, axis=axis)) * weight / 3
                first, last = (np.insert(rising, end, 0, axis=axis) for end in (0, rising.shape[axis]))
                inside += first - last
        return np.broadcast_to(gradient, faces.shape)

    def cells(self, faces: np.ndarray) -> np.ndarray:
        """The measure laid out over squares of 14 x 14 pixels, which sum to it: float (N, 16, 16)."""
        canvas = np.zeros(faces.shape[:3])
        for cut, weight in self.cuts():
            canvas[:, *cut] += weight * self.of_pixels(faces[:, *cut])
        return canvas.reshape(len(faces), CELLS, CELL, CELLS, CELL).sum(axis=(2, 4))


# Where the mouth and the sides of the face lie on most crops: the mean landmarks of faces cut out as the audit does.
MOUTH = (143, 160, 88, 147)
SIDES = ((56, 168, 0, 40), (56, 168, 184, 224))
FLAWS = {
    "mouth": Flaw((MOUTH,), 134, ("mouth_inner",), ("chin",)),
    "mouth detail": Flaw((MOUTH,), 9.6, ("mouth_inner",), ("chin",), detail=True),
    "background": Flaw(SIDES, 102, ("left", "right")),
    "brightness": Flaw(((0, CANVAS, 0, CANVAS),), 113, ()),
}


class Remembering:
    """An estimator that is asked once about the same pictures; for one face at a time, as everything is kept.

    Planted estimators differ from it in arithmetic only, so that several of them cost the passes of one.
    """

    def __init__(self, estimator):
        self._estimator = estimator
        self._kept = {}

    def __getattr__(self, name: str):
        return getattr(self._estimator, name)

    def bind(self, face: np.ndarray) -> Remembering:
        if not hasattr(self._estimator, "bind"):
            return self
        return self._once("bind", [face], lambda: Remembering(self._estimator.bind(face)))

    def predict(self, faces: np.ndarray) -> AgeEstimate:
        return self._once("predict", [faces], lambda: self._estimator.predict(faces))

    def predict_masked(self, masked: MaskedFaces) -> AgeEstimate:
        parts = [masked.image, masked.hidden, masked.segments, masked.shown]
        return self._once("masked", parts, lambda: self._estimator.predict_masked(masked))

    def gradients(self, faces: np.ndarray, target) -> np.ndarray:
        return self._once(f"gradients {target.name}", [faces], lambda: self._estimator.gradients(faces, target))

    def last_maps(self, faces: np.ndarray, target) -> tuple[np.ndarray, np.ndarray]:
        return self._once(f"maps {target.name}", [faces], lambda: self._estimator.last_maps(faces, target))

    def _once(self, what: str, arrays: list[np.ndarray], ask: Callable):
        digest = hashlib.blake2b(what.encode())
        for array in arrays:
            digest.update(f"{array.shape} {array.dtype}".encode())
            digest.update(np.ascontiguousarray(array))
        key = digest.digest()
        if key not in self._kept:
            self._kept[key] = ask()
        return self._kept[key]


class Planted:
    """An estimator that adds years for something in the picture, in proportion to how much of it there is.

    Parameters
    ----------
    estimator : AgeEstimator or Remembering
        The real one. Only its age is changed.
    flaw : Flaw, optional
        None for years that are added whatever the picture.
    years : float
        What is added to a typical face.

    Examples
    --------
    >>> class Twenty:
    ...     def predict(self, faces):
    ...         return AgeEstimate(np.full(len(faces), 20.0), np.zeros((len(faces), 0)), np.zeros(0))
    >>> faces = np.stack([np.full((224, 224, 3), grey) for grey in (0.0, 134.0, 268.0)])
    >>> Planted(Twenty(), FLAWS["mouth"], years=3).predict(faces).age
    array([20., 23., 26.])
    """

    view = CANVAS

    def __init__(self, estimator, flaw: Flaw | None, years: float):
        self._estimator, self._flaw, self._years = estimator, flaw, years

    def __getattr__(self, name: str):
        return getattr(self._estimator, name)

    def bind(self, face: np.ndarray) -> Planted:
        bound = self._estimator.bind(face) if hasattr(self._estimator, "bind") else self._estimator
        return Planted(bound, self._flaw, self._years)

    def predict(self, faces: np.ndarray) -> AgeEstimate:
        return self._older(self._estimator.predict(faces), lambda: self._flaw.measure(faces))

    def predict_masked(self, masked: MaskedFaces) -> AgeEstimate:
        return self._older(self._estimator.predict_masked(masked), lambda: self._flaw.measure_masked(masked))

    def _older(self, estimate: AgeEstimate, measure: Callable[[], np.ndarray]) -> AgeEstimate:
        added = self._years * (1 if self._flaw is None else measure() / self._flaw.typical)
        return replace(estimate, age=estimate.age + added)

    def gradients(self, faces: np.ndarray, target) -> np.ndarray:
        found = self._estimator.gradients(faces, target)
        return found if self._flaw is None else found + self._years / self._flaw.typical * self._flaw.gradient(faces)

    def last_maps(self, faces: np.ndarray, target) -> tuple[np.ndarray, np.ndarray]:
        """The real maps in squares of 14 x 14 pixels over the whole crop, and one more: the years that each adds.

        As a network has them that sums all its maps over the crop, which is what the mean that comes after face-api's
        last maps does: the derivative is the same on all squares.
        """
        maps, gradients = self._estimator.last_maps(faces, target)
        height, width = (squares_of(count, self._estimator.view) for count in maps.shape[1:3])
        laid_out = np.einsum("ih,nhwc,jw->nijc", height, maps, width, optimize=True)
        mass = gradients.sum(axis=(1, 2), keepdims=True) / (height.sum() * width.sum())
        slopes = np.broadcast_to(mass, laid_out.shape)
        if self._flaw is None:
            return laid_out, slopes
        years = self._years / self._flaw.typical * self._flaw.cells(faces)[..., None]
        return np.concatenate([laid_out, years], axis=-1), np.concatenate([slopes, np.ones_like(years)], axis=-1)


def squares_of(cells: int, view: int) -> np.ndarray:
    """How much of each square's side lies in each cell of a map that covers the middle of the crop, float (16, cells).

    Examples
    --------
    >>> squares_of(2, view=84)[4:12]  # cells of three squares each, from the sixth on
    array([[0., 0.],
           [1., 0.],
           [1., 0.],
           [1., 0.],
           [0., 1.],
           [0., 1.],
           [0., 1.],
           [0., 0.]])
    """
    edges = (CANVAS - view) / 2 + np.arange(cells + 1) * view / cells
    starts = np.arange(CELLS)[:, None] * CELL
    return np.clip(np.minimum(starts + CELL, edges[1:]) - np.maximum(starts, edges[:-1]), 0, None) / CELL
