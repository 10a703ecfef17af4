"""Errors in fifths of quality at equal ages, by hand and beside the bands as they are."""

import numpy as np
import pandas as pd
import pytest

from age_audit.audit.dataset.quality_and_error import BANDS, error_by_quality_band, quality_bands
from age_audit.audit.dataset.quality_at_equal_ages import error_by_band_at_equal_ages
from age_audit.core.errors import UsageError
from age_audit.core.randomness import Resampling

DRAWING = {"resampling": Resampling(1, 99)}


@pytest.fixture(scope="module")
def frame():
    """Error is a tenth of the age and two years a band; the best pictures are mostly of the old."""
    rng = np.random.default_rng(4)
    quality = rng.permutation(2_000) * 1.0
    band = quality_bands(pd.Series(quality)).codes
    age = np.where(rng.random(2_000) < 0.8 - 0.15 * band, 60, 20)
    gender = rng.choice(["Female", "Male"], 2_000)
    columns = {"age_real": age, "age_estimation": 1.1 * age + 2.0 * band, "quality": quality, "gender_real": gender}
    return pd.DataFrame(columns)


def test_at_equal_ages_it_is_what_was_planted(frame):
    table = error_by_band_at_equal_ages(frame, ["quality"], **DRAWING)
    share = (frame["age_real"] == 60).mean()
    assert table["band"].tolist() == list(BANDS) and table["n"].tolist() == [400] * 5
    np.testing.assert_allclose(table["value"], 2 + 4 * share + 2.0 * np.arange(5))
    assert table["value"].is_monotonic_increasing and (table["low"] <= table["value"]).all()


def test_as_they_are_and_of_groups_it_is_the_plain_mean(frame):
    table = error_by_band_at_equal_ages(frame, ["quality"], ["gender_real"], **DRAWING)
    plain = error_by_quality_band(frame, ["quality"], ["gender_real"], **DRAWING)
    plain = plain[plain["measure"] == "mean_absolute_error"].set_index(["group", "band"])["value"]
    assert table["group"].astype(str).unique().tolist() == ["all", "Female", "Male"]
    found = table.set_index([table["group"].astype(str), table["band"].astype(str)])["as_they_are"]
    for (group, band), value in found.items():
        assert value == pytest.approx(plain[(group, band)])


def test_a_band_of_one_age_alone_has_no_value(frame):
    alone = frame.assign(age_real=np.where(frame["quality"] < 400, 60, frame["age_real"]))
    table = error_by_band_at_equal_ages(alone, ["quality"], **DRAWING)
    assert np.isnan(table["value"][0]) and table["as_they_are"].notna().all()


def test_a_column_that_is_not_there_is_refused(frame):
    with pytest.raises(UsageError, match="sharpness"):
        error_by_band_at_equal_ages(frame, ["sharpness"], **DRAWING)
