"""Several estimators: which is nearest, and that one which knows these faces is not said to be."""

from age_audit.core.randomness import Resampling
from age_audit.data.results import find_results, results_of_all
from age_audit.report.page.estimators import side_by_side
from tests.report.page.made import document, write

RESAMPLING = Resampling(1, draws=99)


def compared(folder, **off):
    for name, years in off.items():
        content = document([20, 30, 40] * 20, [age + years for age in [20.0, 30.0, 40.0] * 20])
        write(folder / name, content, name.replace("_", "-"), "utkface")
    first = next(iter(off)).replace("_", "-")
    return results_of_all(folder, find_results(folder, first, "published", "utkface"))


def test_the_nearest_is_named(tmp_path):
    section = side_by_side(compared(tmp_path, own=5, other=2), RESAMPLING)
    assert section.finding == "On the same 60 faces other is nearest of these: off by 2.0 years on average"
    assert section.claims[0].verdict == "firm"
    assert section.tables[0].frame.iloc[section.claims[0].row]["estimator"] == "other"


def test_one_that_was_trained_on_these_faces_wins_nothing(tmp_path):
    section = side_by_side(compared(tmp_path, own=5, face_api=1), RESAMPLING)
    assert "own is nearest of those not trained on these faces: off by 5.0 years" in section.finding
    assert set(section.tables[0].frame["estimator"]) == {"own", "face-api (trained on UTKFace)"}


def test_one_alone_is_compared_with_nothing(tmp_path):
    assert side_by_side(compared(tmp_path, own=5), RESAMPLING).missing


def test_of_estimators_that_were_all_trained_on_these_faces_none_is_said_not_to_be(tmp_path):
    """Two of face-api, which is marked, that err alike: their intervals overlap."""
    ages = [20, 30, 40] * 20
    for name in ("one", "other"):
        write(tmp_path / name, document(ages, [age + i % 7 for i, age in enumerate(ages)]), "face-api", "utkface")
    found = {name: find_results(tmp_path / name, "face-api", "published", "utkface") for name in ("one", "other")}
    section = side_by_side(found, RESAMPLING)
    assert "is nearest of these" in section.finding and section.claims[0].verdict == "chance"
