"""Model cards: numbers of the results, marks and doubts beside them, and the page that ships is of what ships."""

import pandas as pd
import pytest

from age_audit.core.errors import UsageError
from age_audit.core.paths import ROOT
from age_audit.core.randomness import Resampling
from age_audit.data.metadatasets import write_metadataset
from age_audit.data.results import Results
from age_audit.report.model_card import model_card
from tools import model_cards

FEW_DRAWS = Resampling(seed=1, draws=50)


def results_in(folder, ages, estimator="mine|*x*", **more):
    labels = {f"{i}.jpg": {"age_real": real, "gender_real": gender, "race_real": None} for i, (real, _, gender) in ages}
    document = {
        "cropping": {"images_total": 5, "images_failed_detected": 1},
        "predictions": {f"{i}.jpg": estimate for i, (_, estimate, _) in ages},
        "explanations": {"images_total": 0, "images_failed_detected": 0},
        "labels": labels,
    }
    stated = {"dataset": "faces", "estimator": {"name": estimator, "weights_hash": "sha256:ab"}, "preset": "published"}
    write_metadataset(folder, "faces", "predictions", document | more, stated)
    return Results(folder, "faces", estimator, "published")


FACES = list(enumerate([(10, 14.0, "Male"), (20, 18.0, "Male"), (30, 30.0, "Female"), (40, 52.0, "Female")]))


def test_numbers_worked_by_hand(tmp_path):
    card = model_card(results_in(tmp_path, FACES), resampling=FEW_DRAWS)
    assert card.startswith("## mine\\|\\*x\\*\n")
    assert "4 faces of faces, cropped without alignment; 1 of 5 pictures got no estimate" in card
    rows = {line.split(" | ")[0].strip("| "): line for line in card.splitlines() if line.startswith("|")}
    # errors 4, 2, 0, 12: mean 4.5; signed 4, -2, 0, 12: mean 3.5; three of four within five years
    assert rows["all faces"].startswith("| all faces | 4 (few) | 4.5 (")
    assert "| +3.5 (" in rows["all faces"] and "| 75 % (" in rows["all faces"]
    assert rows["gender: Male"].startswith("| gender: Male | 2 (few) | 3.0 (") and "| +1.0 (" in rows["gender: Male"]
    assert "within one stated standard deviation" not in card  # it states none


def test_the_stated_spread_is_judged(tmp_path):
    spread = {"age_spread": {"0.jpg": 5.0, "1.jpg": 1.0, "2.jpg": 1.0, "3.jpg": 2.0}}  # errors 4, 2, 0, 12: two of four
    card = model_card(results_in(tmp_path, FACES, **spread), resampling=FEW_DRAWS)
    assert "within one stated standard deviation of 50 % of faces" in card and "it would be 68 %" in card


def test_no_face_with_a_label_is_refused(tmp_path):
    faces = [(0, (None, 14.0, "Male"))]
    with pytest.raises(UsageError, match="expected faces with a label and an estimate"):
        model_card(results_in(tmp_path, faces), resampling=FEW_DRAWS)


def test_an_estimator_that_has_seen_the_faces_is_marked():
    results = next(found for found in model_cards.shipped() if found.estimator == "face-api")
    card = model_card(results, resampling=FEW_DRAWS)
    assert card.startswith("## face-api (trained on UTKFace)") and "on new faces it errs more" in card


@pytest.mark.long
def test_the_page_is_of_what_ships(capsys):
    assert model_cards.main(["--check"]) == 0
    page = model_cards.PAGE.read_text()
    tables = (ROOT / "tables").rglob("utkface_dex-wrn_errors_by_gender.csv")
    frame = pd.read_csv(next(tables)).query("age_range == 'all' and gender == 'Male'")  # the same, another way
    row = frame[frame["measure"] == "mean_absolute_error"].iloc[0]
    assert f"| gender: Male | {row['n']:,} | {row['value']:.1f} ({row['low']:.1f} to {row['high']:.1f})" in page
