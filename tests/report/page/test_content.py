"""The page as a whole: what it opens, in which order it asks, and how many claims it makes."""

import numpy as np
import pandas as pd
import pytest

from age_audit.core.errors import UsageError
from age_audit.data.estimates import write_estimates
from age_audit.data.results import find_results
from age_audit.report.page.content import build, opened
from tests.report.page.made import document, gate_faces, write

ORDER = ["ages", "gate", "groups", "explanations", "accuracy", "data", "estimators"]


def test_all_questions_are_asked_in_their_order_and_claims_point_at_rows(tmp_path):
    ages, estimates = gate_faces()
    write(tmp_path, document(ages, estimates, {"gender_real": ["Male", "Female"]}))
    page = build(tmp_path, find_results(tmp_path, "own", "published", "mine"))
    assert [section.key for section in page.sections] == ORDER
    rows = {table.key: len(table.frame) for section in page.sections for table in section.tables}
    assert page.claims and all(0 <= claim.row < rows[claim.table] for _, claim in page.claims)
    assert len(page.headline) == 3 and len(page.method) == 6
    assert "SHA-256 " in page.method[0] and "weights sha256:00" in page.method[1]


def test_the_one_set_in_a_folder_is_opened_without_a_name(tmp_path):
    write(tmp_path, document([20] * 3, [21.0] * 3), "theirs")
    assert opened(tmp_path, None, "published", None, None, None).estimator == "theirs"


def test_two_sets_are_asked_apart(tmp_path):
    for dataset in ("one", "two"):
        write(tmp_path, document([20], [21.0]), dataset=dataset)
    with pytest.raises(UsageError, match=r"expected one file .*predictions\.json in .*one.*two.*--dataset"):
        opened(tmp_path, None, "published", None, None, None)
    assert opened(tmp_path, None, "published", "two", None, None).dataset == "two"


def test_faces_without_a_label_are_no_results(tmp_path):
    write(tmp_path, document([None] * 3, [21.0] * 3))
    with pytest.raises(UsageError, match=r"expected faces with a labelled age and an estimate .* got none of 3"):
        opened(tmp_path, None, "published", None, None, None)


def six_times(count):
    """Faces among whose groups nothing differs but by chance, and each of them six times over, as copies."""
    rng = np.random.default_rng(3)
    age = rng.integers(5, 60, count)
    once = pd.DataFrame(
        {"fname": [f"{i:04}" for i in range(count)], "age": age, "gender": rng.choice(["F", "M"], count)}
    )
    once["estimate"] = np.clip(age + rng.normal(1, 8, count), 0, 100).round(2)
    often = once.loc[once.index.repeat(6)].assign(cluster=lambda table: table["fname"])
    often["fname"] = [f"{name}_{i}" for i, name in enumerate(often["fname"])]
    return once, often


def page_of(folder, table):
    folder.mkdir()
    table.to_csv(folder / "faces.csv", index=False)
    write_estimates(folder / "faces.csv", folder)
    return build(folder, find_results(folder, "faces", "published", "faces"))


def test_copies_say_no_more_than_one_of_them(tmp_path):
    once, often = (page_of(tmp_path / name, table) for name, table in zip(("a", "b"), six_times(600), strict=True))
    frames = [
        {table.key: table.frame for section in page.sections for table in section.tables} for page in (once, often)
    ]
    for key, ends in (
        ("groups-gender", ["standardised_low", "standardised_high", "difference_low", "difference_high"]),
        ("gate-curves", ["low", "high"]),
        ("gate-buffers", ["buffer", "refused_low", "refused_high"]),
        ("gate-policies", ["let_through_low", "let_through_high", "refused_low", "refused_high"]),
    ):
        first, second = (frame[key][ends].to_numpy(dtype=float) for frame in frames)
        shown = np.isfinite(first)  # of ten copies of a face, or of few faces, no share is shown
        assert shown.any() and first[shown] == pytest.approx(second[shown]), key
    for key, column in (("errors", "value"), ("guesses", "estimator_ahead"), ("gate-gap-gender", "gap")):
        low, high = ("low", "high") if column != "gap" else ("gap_low", "gap_high")
        first, second = (frame[key][[low, high]].to_numpy(dtype=float) for frame in frames)
        assert np.nanmax(second - first) < 0.2 * np.nanmax(first[:, 1] - first[:, 0]), key  # drawn by chance
    assert not [claim for section, claim in often.claims if section.key == "groups" and claim.verdict == "firm"][1:]
    assert "Copies of one picture count together" in often.method[2]
    assert "Pictures count as independent" in once.method[2]
