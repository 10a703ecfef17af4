"""Lost faces by group, from what the predictions file counts."""

from math import comb

import numpy as np
import pytest

from age_audit.audit.errors.lost_faces import lost_faces


def counted(images, failed, **reasons):
    return {
        "images_total": images,
        "images_failed": failed,
        "by_reason": {k.replace("_", "/"): v for k, v in reasons.items()},
    }


DOCUMENT = {
    "cropping": {"images_total": 9, "images_failed_detected": 9},
    "failures": {
        "overall": counted(100, 10, align_noface=4, crop_noface=6),
        "by_race": {"African": counted(40, 8), "Caucasian": counted(60, 2), "unlabelled": counted(5, 0)},
        "by_age_range": {"13-18": counted(10, 0), "0-12": counted(90, 10)},
    },
}


def test_rows_in_published_order():
    table = lost_faces(DOCUMENT)
    assert table["feature"].tolist() == ["all", "race", "race", "race", "age_range", "age_range"]
    assert table["group"].tolist() == ["all", "Caucasian", "African", "unlabelled", "0–12", "13–18"]
    assert table["share"].tolist() == pytest.approx([0.1, 2 / 60, 0.2, 0, 1 / 9, 0])
    assert table["reasons"][0] == "align/noface: 4, crop/noface: 6"
    assert table["few_faces"].tolist() == [False, False, False, True, False, True]


def test_other_features_by_number():
    groups = {f"tone {number}": counted(40, 1) for number in (10, 9, 2)}
    table = lost_faces({"failures": {"overall": counted(120, 3), "by_skin_tone": groups}})
    assert table["feature"].tolist() == ["all"] + ["skin_tone"] * 3
    assert table["group"].tolist() == ["all", "tone 2", "tone 9", "tone 10"]


def test_wilson_by_its_formula():
    row = lost_faces(DOCUMENT).iloc[2]
    n, p, z = 40, 0.2, 1.959963984540054
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    assert (row["low"], row["high"]) == pytest.approx((middle - half, middle + half))


@pytest.mark.parametrize(("images", "few"), [(29, True), (30, False)])
def test_few_are_fewer_than_thirty(images, few):
    table = lost_faces({"cropping": {"images_total": images}})
    assert (table["lost"][0], table["share"][0], table["few_faces"][0]) == (0, 0, few)


def test_files_of_the_study_count_all_images_only():
    table = lost_faces({"cropping": {"images_total": 50, "images_failed_detected": 5}, "predictions": {}})
    assert len(table) == 1 and table["share"][0] == 0.1
    assert np.isnan(lost_faces({}).loc[0, ["share", "low", "high"]].astype(float)).all()


def test_groups_are_tested_against_all_other_images():
    table = lost_faces(DOCUMENT).set_index("group")
    # Of 100 images 10 are lost; of the 40 labelled African 8, of the other 60 two: Fisher's exact test by its sum.
    ways = [comb(10, lost) * comb(90, 40 - lost) for lost in range(11)]
    assert table.loc["African", "p_value"] == pytest.approx(sum(way for way in ways if way <= ways[8]) / comb(100, 40))
    assert table["p_value"].isna().sum() == 1 and np.isnan(table.loc["all", "p_holm"])
    assert table["p_holm"].min() == pytest.approx(5 * table["p_value"].min())  # of five tests
