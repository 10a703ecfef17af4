"""How good estimates are, as means over faces: what each measure asks of a face, its names, its unit, stated once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from age_audit.core.metrics import absolute_error, signed_error, study_accuracy, within_years


@dataclass(frozen=True)
class Measure:
    """A mean over faces.

    Attributes
    ----------
    key : str
        What tables call it.
    name, short, label : str
        In a sentence, at the head of a column, and along an axis with its unit.
    unit : str
        ``"years"``, ``"share"`` (0-1, told in percent where there is little room), or none.
    digits : int
        Behind the point.
    of_faces : callable
        Estimates and real ages (or their lowest and highest, of labels that are a range), each (N,), to what each face
        adds; NaN where either is missing.
    worse : callable
        From values to numbers that are the larger the worse.
    from_zero : bool
        Whether an axis begins at 0, below which no value lies.
    """

    key: str
    name: str
    short: str
    label: str
    unit: str
    digits: int
    of_faces: Callable[..., np.ndarray]
    worse: Callable[[np.ndarray], np.ndarray]
    from_zero: bool = False


MAE = Measure(
    key="mean_absolute_error",
    name="mean absolute error",
    short="MAE",
    label="mean absolute error (years)",
    unit="years",
    digits=1,
    of_faces=absolute_error,
    worse=np.positive,
    from_zero=True,
)
SIGNED_ERROR = Measure(
    key="mean_signed_error",
    name="mean signed error",
    short="signed error",
    label="mean signed error, estimate − real age (years)",
    unit="years",
    digits=1,
    of_faces=signed_error,
    worse=np.abs,
)
CS_5 = Measure(
    key="cumulative_score_5",
    name="share within 5 years",
    short="CS@5",
    label="share of faces within 5 years",
    unit="share",
    digits=2,
    of_faces=within_years,
    worse=np.negative,
    from_zero=True,
)
ACCURACY = Measure(
    key="study_accuracy",
    name="accuracy",
    short="accuracy",
    label="accuracy = (100 − |estimate − real age in years|) / 100",
    unit="",
    digits=3,
    of_faces=study_accuracy,
    worse=np.negative,
)
MEASURES = {measure.key: measure for measure in (MAE, SIGNED_ERROR, CS_5, ACCURACY)}
# The study's accuracy is 1 - MAE / 100: a test of it is the test of MAE once more, and would only add to the family.
COMPARED = (MAE.key, SIGNED_ERROR.key, CS_5.key)
