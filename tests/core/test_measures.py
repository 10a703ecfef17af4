"""Measures by hand, and the names that stored tables have."""

import numpy as np
import pytest

from age_audit.core.measures import ACCURACY, COMPARED, CS_5, MAE, MEASURES, SIGNED_ERROR

ESTIMATE, AGE = [15, 4, 5, 31], [10, 10, None, 30]  # +5, -6, missing, +1


@pytest.mark.parametrize(
    ("measure", "expected"),
    [(MAE, 4), (SIGNED_ERROR, 0), (CS_5, 2 / 3), (ACCURACY, 0.96)],  # (5 + 6 + 1) / 3, (5 - 6 + 1) / 3 …
)
def test_is_the_mean_of_what_faces_add(measure, expected):
    faces = measure.of_faces(ESTIMATE, AGE)
    assert np.isnan(faces).tolist() == [False, False, True, False]
    assert np.nanmean(faces) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("measure", "best_first"), [(MAE, [1, 2, 3]), (SIGNED_ERROR, [-1, 2, -3]), (CS_5, [0.9, 0.5]), (ACCURACY, [1, 0.8])]
)
def test_which_value_is_worse(measure, best_first):
    assert (np.diff(measure.worse(np.array(best_first))) > 0).all()


def test_names_that_tables_hold_do_not_change():
    assert list(MEASURES) == ["mean_absolute_error", "mean_signed_error", "cumulative_score_5", "study_accuracy"]
    assert list(COMPARED) == list(MEASURES)[:3]


def test_how_they_are_shown():
    shown = {
        measure.short: (measure.unit, measure.digits, measure.from_zero)
        for measure in (MAE, SIGNED_ERROR, CS_5, ACCURACY)
    }
    assert shown == {
        "MAE": ("years", 1, True),
        "signed error": ("years", 1, False),
        "CS@5": ("share", 2, True),
        "accuracy": ("", 3, False),
    }
