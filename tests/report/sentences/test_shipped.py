"""From the tables that ship to the claims that ship, word for word."""

import re

import pandas as pd
import pytest

from age_audit.core.paths import ROOT
from age_audit.recheck import appendix_a

NUMBER = re.compile(r"\d+(?:\.\d+)?")
PREFIX = "utkface_dex-wrn"
PREFIXES = {"age_classifier": "utkface_age-classifier"}  # of others it is the above
NOTEBOOKS = {
    "age_classifier": ("age_classifier", {}),
    "analysis_age_estimations_accuracy_and_differences": (
        "errors",
        {
            "features": {"race": "race", "gender": "gender"},
            "oldest": "Over 60 years",
            "floor": 1 / 20_000,
        },
    ),
    "analysis_image_segment_activations": ("heatmaps", {"feature_name": "race", "floor": 1 / 2_000}),
    "analysis_pearson_correlations": ("appendix_b", {"preset": "published", "floor": 1 / 2_001}),
    "analysis_statistical_significance": ("appendix_a", appendix_a.words() | {"floor": 1 / 2_000}),
    "audit_dataset": (
        "dataset",
        {"first": "dex-wrn", "quality": "brisque", "together": "all measures", "sex": "gender", "main": "race"},
    ),
    "audit_explanations": ("explanations", {}),
    "audit_gate": (
        "gate",
        {"limit": "18", "near": "13–17", "above": "18–22", "ask_below": "25", "last_year": "17", "main": "race"}
        | {"bare": "estimate ≥ 18", "buffered": "estimate ≥ 25", "noise": "3.1"}
        | {"noise_is": ", as labels of 13–22 do of copies of one picture (40 pairs)"},
    ),
    "audit_gender_regions": ("gender", {"up_to": "0–60", "oldest": "76–100", "floor": 1 / 5_000}),
    "compare_estimators": ("compare", {}),
}


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_claims_that_ship_follow_from_the_tables_that_ship(notebook, claimed):
    prefix = PREFIXES.get(notebook, PREFIX)
    paths = (ROOT / "tables" / notebook).glob(f"{prefix}_*.csv")
    saved = {path.stem.removeprefix(f"{prefix}_"): pd.read_csv(path) for path in paths}
    expected = saved.pop("claims").fillna("")
    sentences, words = NOTEBOOKS[notebook]
    found = claimed(sentences, saved, prefix, **words)
    for sentence, shipped in zip(found.pop("claim"), expected.pop("claim"), strict=True):
        assert NUMBER.sub("…", sentence) == NUMBER.sub("…", shipped)
        numbers = [[float(number) for number in NUMBER.findall(text)] for text in (sentence, shipped)]
        assert numbers[0] == pytest.approx(numbers[1], abs=0.0011)  # tables are rounded before the sentences
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
