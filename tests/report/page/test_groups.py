"""Groups at equal ages and as they are: which of them a finding may name."""

import numpy as np

from age_audit.core.randomness import Resampling
from age_audit.data.estimates import write_estimates
from age_audit.data.results import find_results
from age_audit.report.page.errors import with_bands
from age_audit.report.page.groups import for_whom
from tests.report.page.made import document, write

RESAMPLING = Resampling(1, draws=99)


def section(folder, ages, estimates, groups=None, lost=0):
    write(folder, document(ages, estimates, groups, lost=lost))
    results = find_results(folder, "own", "published", "mine", ["cam"] if groups else None)
    return for_whom(results, with_bands(results), RESAMPLING)


def test_a_group_that_is_judged_worse_is_named_with_its_number(tmp_path):
    off = [[2.0, 6.0], [3.0, 7.0], [1.0, 5.0]] * 20
    estimates = [30 + years for pair in off for years in pair]
    found = section(tmp_path, [30] * 120, estimates, {"cam": ["near", "far"]})
    # 2 and 6 on average, 4 of all: either is 2 from all.
    assert found.claims[0].verdict == "firm" and "by 2.0 years" in found.claims[0].sentence
    assert found.finding == found.claims[0].sentence.rstrip(".")
    row = found.tables[0].frame.iloc[found.claims[0].row]
    assert abs(row["difference"]) == 2.0
    assert [table.view for table in found.tables[:2]] == ["adjusted", "plain"]


def test_a_difference_of_ages_alone_is_none_at_equal_ages(tmp_path):
    """At one age both err alike; the old err more, and more of one group are old."""
    ages, estimates, names = [], [], []
    for old, young, name in ((40, 20, "b"), (20, 40, "a")):
        for age, off, count in ((60, (9, 10, 11, 10), old), (20, (1, 2, 3, 2), young)):
            ages += [age] * count
            estimates += [float(age + off[i % 4]) for i in range(count)]
            names += [name] * count
    content = document(ages, estimates)
    for label, name in zip(content["labels"].values(), names, strict=True):
        label["cam"] = name
    write(tmp_path, content)
    results = find_results(tmp_path, "own", "published", "mine", ["cam"])
    found = for_whom(results, with_bands(results), RESAMPLING)
    assert found.claims[0].verdict == "chance" and "no group by cam is told apart" in found.claims[0].sentence
    assert found.finding == "No group is surely told apart from all faces at equal ages"
    mae = found.tables[0].frame.query("measure == 'mean_absolute_error'").set_index("cam")
    assert mae.loc["b", "crude"] - mae.loc["a", "crude"] > 2


def test_the_furthest_of_many_groups_that_are_alike_makes_no_heading(tmp_path):
    """Estimates are drawn alike for all eight; the furthest is beyond its own 95 %, as one of so many often is."""
    estimates = (30 + np.random.default_rng(0).normal(0, 5, 400)).tolist()
    found = section(tmp_path, [30] * 400, estimates, {"cam": list("abcdefgh")})
    assert found.claims[0].verdict == "tentative"
    assert found.finding == "No group is surely told apart from all faces at equal ages"


def test_without_groups_that_is_said(tmp_path):
    found = section(tmp_path, [30] * 40, [31.0] * 40, lost=10)
    assert found.missing and found.finding == "Nothing is known of groups"
    assert found.claims[0].sentence == "Of 50 pictures 20 % (11 to 33 %) ended without an estimate."


def test_of_fewer_than_ten_pictures_no_share_is_told(tmp_path):
    assert not section(tmp_path, [30] * 5, [31.0] * 5, lost=4).claims
    assert "10 pictures" in section(tmp_path, [30] * 5, [31.0] * 5, lost=5).claims[0].sentence


def test_no_number_follows_a_name_that_is_written_from_right_to_left(tmp_path):
    content = document([30] * 80, [31.0] * 80, {"cam": ["\u05d0", "\u05d1"]})
    counts = {name: {"images_total": 40, "images_failed": lost} for name, lost in (("\u05d0", 20), ("\u05d1", 0))}
    content["failures"] = {"overall": {"images_total": 80, "images_failed": 20}, "by_cam": counts}
    write(tmp_path, content)
    results = find_results(tmp_path, "own", "published", "mine", ["cam"])
    claims = for_whom(results, with_bands(results), RESAMPLING).claims
    assert claims[-1].sentence.startswith("Most often no face is found where cam is \u05d0, in 50 % (")


def test_where_every_face_is_found_none_is_lost_most_often(tmp_path):
    rows = [f"{i}.jpg,{20 + i % 20},30,{('Male', 'Female')[i % 2]}" for i in range(80)]
    (tmp_path / "mine.csv").write_text("\n".join(["fname,age,estimate,gender", *rows]) + "\n")
    write_estimates(tmp_path / "mine.csv", tmp_path)
    results = find_results(tmp_path, "mine", "published", "mine")
    found = for_whom(results, with_bands(results), RESAMPLING)
    told = [claim.sentence for claim in found.claims if claim.table == "lost-faces"]
    assert told == ["Of 80 pictures 0 % (0 to 5 %) ended without an estimate."]


def test_faces_that_are_in_no_year_are_told_of(tmp_path):
    write(tmp_path, document([30] * 40 + [105] * 2, [31.0] * 42, {"gender_real": ["Male", "Female"]}))
    results = find_results(tmp_path, "own", "published", "mine")
    section = for_whom(results, with_bands(results), Resampling(1, draws=99))
    assert any(line.startswith("2 faces labelled over 100 years") for line in section.text)
    assert any("is called tentative, and is often chance" in line for line in section.text)
