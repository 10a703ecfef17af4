"""What every estimator offers, and what they share: checking faces, chunking, turning answers into ages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import scipy  # whose parts are loaded where they are used

from age_audit.core.errors import UsageError, is_out_of_memory
from age_audit.core.schema import CANVAS, AgeEstimate
from age_audit.estimators.masked import MaskedFaces
from age_audit.estimators.targets import Target

# A batch of one takes another matrix kernel than larger batches do and differs in the last bits. From two on, the
# answer for a face is the same to the bit whatever it is batched with on processors with AVX-512 (tested), so single
# faces are run as a pair. Elsewhere kernels treat the last rows of a batch otherwise: probabilities differ by 1e-6 of
# themselves at most (tested).
SMALLEST_BATCH = 2
BATCH = 32  # faces per forward pass; larger gains nothing on a CPU and costs memory
# Years by which the same face may be judged differently when asked again: threads and graphics cards add up in an order
# that changes. Between TensorFlow and JAX that moves an age by a thousandth.
NOISE = 0.01


@dataclass(frozen=True)
class EstimatorInfo:
    """What the provenance of a result says about the estimator.

    ``weights_hash`` is ``"<algorithm>:<digest>"``, or ``"none"`` where no file can be hashed.
    """

    name: str
    weights_hash: str
    input_size: int
    channel_order: str
    value_range: tuple[float, float]
    precision: str = "float32"


class AgeEstimator(ABC):
    """A model that maps faces to distributions over age classes, or to plain ages.

    Subclasses set ``info`` and ``classes`` and implement :meth:`forward`.

    Examples
    --------
    >>> class Brightness(AgeEstimator):  # the brighter the picture, the older
    ...     info = EstimatorInfo("brightness", "none", 224, "RGB", (0.0, 255.0))
    ...     classes = np.array([0.0, 100.0])
    ...     def forward(self, faces):
    ...         old = faces.mean(axis=(1, 2, 3)) / 255
    ...         return np.column_stack([1 - old, old]), None
    >>> faces = np.stack([np.full((224, 224, 3), grey, dtype=np.uint8) for grey in (51, 102)])
    >>> Brightness().predict(faces).age.round(2)
    array([20., 40.])
    """

    info: EstimatorInfo
    classes: np.ndarray  # (C,) float, years; empty where the model answers with plain ages
    view = CANVAS  # rows and columns in the middle of the crop that the model sees
    batch = BATCH  # at most so many faces per forward pass
    gives_gender: bool | None = None  # whether it gives a probability of gender; None where only asking it tells
    gives_gradients = False  # whether :meth:`gradients` and :meth:`last_maps` work
    on_trial = False  # whether it has yet to show that it answers the same for the same face; see :meth:`_try`

    @property
    def gives_classes(self) -> bool:
        """Whether it gives a distribution over classes of age, not plain ages."""
        return len(self.classes) > 0

    def predict(self, faces: np.ndarray) -> AgeEstimate:
        """Estimate the age of N faces.

        Parameters
        ----------
        faces : ndarray, shape (N, 224, 224, 3)
            RGB crops with a 40 % margin. uint8, or floating point in the same 0-255 units (values are used as they
            are: explanation methods feed masked and, in the published preset, rescaled faces).

        Returns
        -------
        AgeEstimate
            Ages in float64 years. From the shipped estimators each row is the same bits in whatever batch the face
            comes, on processors with AVX-512 (on others up to a hundred-thousandth); a model of one's own may differ
            in the last ones. Plain ages come as the model gives them, whatever they are.

        Raises
        ------
        ValueError
            For another shape or type.
        UsageError
            When the model's answer is no distribution (an estimator of one's own without a softmax, say), or when an
            estimator of one's own answers differently when it is asked again.
        """
        faces = checked_faces(faces)
        return self._in_batches(len(faces), lambda rows: self.forward(_padded(faces[rows])))

    def predict_masked(self, masked: MaskedFaces) -> AgeEstimate:
        """Estimate the age of every masked version of one face: what ``predict`` gives for them, to the bit.

        Parameters
        ----------
        masked : MaskedFaces
            Of N versions.

        Returns
        -------
        AgeEstimate
            Of N ages.
        """
        visible = masked.shown.astype(bool)
        return self._in_batches(len(masked), lambda rows: self.forward_masked(masked, _padded(visible[rows])))

    def forward_masked(self, masked: MaskedFaces, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """One forward pass over some of the versions. Estimators that can do without making them override this.

        Parameters
        ----------
        masked : MaskedFaces
        visible : ndarray of bool, shape (N, S)
            Rows of ``masked.shown``.

        Returns
        -------
        answer, probability_female
            As :meth:`forward`.
        """
        (faces,) = replace(masked, shown=visible).batches(len(visible))
        return self.forward(faces)

    def gradients(self, faces: np.ndarray, target: Target) -> np.ndarray:
        """How fast a target moves with each value of each pixel.

        Parameters
        ----------
        faces : ndarray, shape (N, 224, 224, 3)
            As for :meth:`predict`.
        target : Target

        Returns
        -------
        ndarray of float32, shape (N, 224, 224, 3)
            In the target's unit per step of the pixel's value, of which there are 255; RGB.

        Raises
        ------
        UsageError
            If the estimator has no derivatives, or does not give the target.
        """
        raise no_gradients(self)

    def last_maps(self, faces: np.ndarray, target: Target) -> tuple[np.ndarray, np.ndarray]:
        """The model's last maps with rows and columns, and how fast a target moves with each of their values.

        Parameters
        ----------
        faces : ndarray, shape (N, 224, 224, 3)
        target : Target

        Returns
        -------
        maps, gradients : ndarray of float32, shape (N, h, w, C)
            They cover the middle ``view`` rows and columns of the crop.

        Raises
        ------
        UsageError
            As :meth:`gradients`; or if the model has no such maps.
        """
        raise no_gradients(self)

    def _in_batches(self, n: int, answer: Callable[[slice], tuple[np.ndarray, np.ndarray | None]]) -> AgeEstimate:
        """Join the answers for rows 0 to n, in batches that fit the memory."""
        if n == 0:
            return AgeEstimate(np.zeros(0), np.zeros((0, len(self.classes))), self.classes)
        parts, start = [], 0
        while start < n:
            rows = slice(start, min(start + self.batch, n))
            try:
                parts.append(self._checked(answer(rows), rows.stop - rows.start))
            except Exception as error:
                if not is_out_of_memory(error) or self.batch <= SMALLEST_BATCH:
                    raise
                self.batch = max(SMALLEST_BATCH, self.batch // 2)  # and stays so: the next face is as large
            else:
                start = rows.stop
                if self.on_trial:
                    self._try(parts[0][0], answer)
        answers = np.concatenate([part for part, _ in parts])
        female = None if parts[0][1] is None else np.concatenate([female for _, female in parts])
        probabilities = answers if self.gives_classes else np.zeros((n, 0))
        return AgeEstimate(self._ages(answers), probabilities, self.classes, female)

    def _ages(self, answers: np.ndarray) -> np.ndarray:
        """Years, float64 (N,), of what :meth:`forward` gave."""
        if not self.gives_classes:
            return answers.astype(np.float64)
        # Row by row: a matrix product picks its kernel, and with it the last bits, by the number of rows.
        return (answers.astype(np.float64) * self.classes).sum(axis=1)

    def _try(self, first: np.ndarray, answer: Callable[[slice], tuple[np.ndarray, np.ndarray | None]]) -> None:
        """Ask for the first half of the first batch again: an estimator that draws at random, or whose answer for a
        face depends on the faces beside it, would give results that nobody can get a second time.
        """
        rows = slice(0, -(-len(first) // 2))
        before, again = (self._ages(answers) for answers in (first[rows], self._checked(answer(rows), rows.stop)[0]))
        differs = ~np.isclose(before, again, rtol=0, atol=NOISE, equal_nan=True)
        if differs.any():
            raise UsageError(
                f"expected {self.info.name} to answer the same for the same face within {NOISE} years, it gave "
                f"{before[differs][0]:.2f}, and beside fewer faces {again[differs][0]:.2f}; switch off what it draws "
                "at random or takes from the other faces of a batch (in PyTorch: model.eval()), or fix its seed"
            )
        self.on_trial = False

    def _checked(self, answer: tuple[np.ndarray, np.ndarray | None], n: int) -> tuple[np.ndarray, np.ndarray | None]:
        answers, female = answer
        known = answers[np.isfinite(answers).all(axis=1)] if self.gives_classes else ()  # NaN is one face's failure
        if len(known) and not (known.min() >= 0 and np.abs(known.sum(axis=1) - 1).max() < 1e-3):
            raise UsageError(
                f"expected {self.info.name} to give probabilities that are not negative and sum to 1, got sums of "
                f"{known.sum(axis=1).min():.4g} to {known.sum(axis=1).max():.4g}; end it with a softmax or "
                "declare its output as 'logits'"
            )
        return answers[:n], None if female is None else female[:n]

    @abstractmethod
    def forward(self, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """One forward pass.

        Parameters
        ----------
        faces : ndarray, shape (N, 224, 224, 3)
            RGB, 0-255, uint8 or float.

        Returns
        -------
        answer : ndarray of float, shape (N, C), or (N,)
            Probabilities of the classes; ages in years where there are none.
        probability_female : ndarray of float, shape (N,), or None
        """


def no_gradients(estimator) -> UsageError:
    """The error for an estimator without derivatives.

    Examples
    --------
    >>> class Mine: ...
    >>> str(no_gradients(Mine()))[:69]
    'expected an estimator with derivatives, a Keras model, for this metho'
    """
    name = getattr(getattr(estimator, "info", None), "name", type(estimator).__name__)
    return UsageError(
        f"expected an estimator with derivatives, a Keras model, for this method; {name} has none; use lime, "
        "kernel-shap, occlusion or rise, which only ask for estimates"
    )


def _padded(rows: np.ndarray) -> np.ndarray:
    """The rows, with copies of the first until they fill the smallest batch."""
    missing = max(0, SMALLEST_BATCH - len(rows))
    return np.concatenate([rows, np.repeat(rows[:1], missing, axis=0)]) if missing else rows


def checked_faces(faces: np.ndarray) -> np.ndarray:
    """The faces unchanged, or a ValueError that says what was expected and what came.

    Examples
    --------
    >>> checked_faces(np.zeros((2, 224, 224, 3), dtype=np.uint8)).shape
    (2, 224, 224, 3)
    >>> checked_faces(np.zeros((224, 224, 3), dtype=np.uint8))
    Traceback (most recent call last):
        ...
    ValueError: expected faces of shape (N, 224, 224, 3), got (224, 224, 3)
    """
    faces = np.asarray(faces)
    if faces.ndim != 4 or faces.shape[1:] != (CANVAS, CANVAS, 3):
        raise ValueError(f"expected faces of shape (N, {CANVAS}, {CANVAS}, 3), got {faces.shape}")
    if faces.dtype != np.uint8 and not np.issubdtype(faces.dtype, np.floating):
        raise ValueError(f"expected faces of type uint8 or floating point, got {faces.dtype}")
    return faces


def answer_of(output: np.ndarray, kind: str) -> np.ndarray:
    """What :meth:`AgeEstimator.forward` gives of a model's output: logits go through a softmax, all else stays.

    Parameters
    ----------
    output : ndarray of float, shape (N, C), or (N,) for ages
    kind : str
        ``"probabilities"``, ``"logits"`` or ``"ages"``.

    Examples
    --------
    >>> answer_of(np.log([[1.0, 3.0]]), "logits")
    array([[0.25, 0.75]])
    """
    return scipy.special.softmax(output, axis=1) if kind == "logits" else output
