"""Faces dealt anew to both halves."""

import pandas as pd

from age_audit.core.vocabulary import FEATURES_ALL
from age_audit.recheck.shuffled import shuffled_parts
from age_audit.study.rows import generate_processed_datasets

RANGES = [[0, 12], [13, 100]]
GROUPS = ["Asian", "Other"]


def rows():
    return [
        {
            **{"fname": f"{i}.jpg", "race_real": GROUPS[i % 2], "age_real": 10 if i < 12 else 40},
            **{"age_estimation": 20.0, "age_estimation_accuracy": 0.95 if i % 3 else 0.5, "gender_real": "Male"},
            **dict.fromkeys(FEATURES_ALL, 0.5),
        }
        for i in range(20)
    ]


def test_shuffled_within_group_and_age_range():
    parts, _ = generate_processed_datasets(rows())
    dealt = shuffled_parts(parts, seed=1, age_ranges=RANGES)

    def counts(of):
        frames = {half: pd.DataFrame(of[half]) for half in ("positive", "negative")}
        return {half: frame.groupby(["race_real", "age_real"]).size().to_dict() for half, frame in frames.items()}

    def names(of):
        return {half: sorted(row["fname"] for row in of[half]) for half in ("positive", "negative")}

    assert counts(dealt) == counts(parts)
    before, after = names(parts), names(dealt)
    assert before["positive"] != after["positive"]
    assert sorted(before["positive"] + before["negative"]) == sorted(after["positive"] + after["negative"])
    assert shuffled_parts(parts, seed=1, age_ranges=RANGES) == dealt
    assert shuffled_parts({"positive": [], "negative": []}, seed=1) == {"positive": [], "negative": []}
