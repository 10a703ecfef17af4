"""The words of the published study, as notebooks rely on them."""

import pytest

from age_audit.core import schema, vocabulary
from age_audit.core.vocabulary import UTKFACE_LABELS, label_origin
from age_audit.estimators.entries import ENTRIES
from age_audit.regions import polygons


def test_published_names():
    assert vocabulary.GENDERS == ["Male", "Female"]
    assert vocabulary.RACES == ["Caucasian", "Asian", "African", "Indian", "Other"]
    assert vocabulary.AGE_RANGES == [[0, 12], [13, 18], [19, 25], [26, 100]]
    assert vocabulary.KEYS_BOUNDARIES == [
        "face",
        "outer_boundary_left",
        "outer_boundary_right",
        "outer_boundary_top",
        "outer_boundary_bottom",
    ]
    # The order of rows and columns of the published correlation matrix.
    assert vocabulary.KEYS_BOUNDARIES_GENDERS == [
        "gender_real",
        "age_estimation_accuracy",
        "outer_boundary_left",
        "outer_boundary_right",
        "outer_boundary_bottom",
        "outer_boundary_top",
        "face",
    ]
    assert vocabulary.KEYS_RACE_AGE == ["age_estimation_accuracy", "race_real", "age_real", "age_estimation"]
    assert vocabulary.KEYS_GENDER_AGE == ["age_estimation_accuracy", "gender_real", "age_real", "age_estimation"]
    assert set(vocabulary.KEYS_RACE_AGE_BOUNDARIES) == {*vocabulary.KEYS_RACE_AGE, *vocabulary.KEYS_BOUNDARIES, "fname"}


def test_features_are_columns_of_the_activations_file():
    assert len(vocabulary.FEATURES_FACIAL) == 9
    assert vocabulary.FEATURES_FACIAL[0] == "activation_nose_pct_of_feature"
    outer = [f"activation_{side}_pct_of_feature" for side in ("top", "left", "right", "bottom")]
    assert outer == vocabulary.FEATURES_OUTER_BOUNDARIES
    assert vocabulary.FEATURES_ALL == vocabulary.FEATURES_FACIAL + vocabulary.FEATURES_OUTER_BOUNDARIES
    assert vocabulary.FEATURES_ALL == [f"activation_{region}_pct_of_feature" for region in polygons.REGIONS]


def test_groups_agree_with_the_labels():
    assert set(vocabulary.RACES) == set(schema.UTKFACE_RACES)
    assert tuple(vocabulary.GENDERS) == schema.GENDERS


@pytest.mark.parametrize("name", [*ENTRIES, "mine.onnx", ""])
def test_where_the_labels_are_from(name):
    """UTKFace's were proposed by DEX: of a DEX model that is said with more words, of other data sets nothing."""
    origin = label_origin("utkface", name)
    assert origin.startswith(UTKFACE_LABELS) and origin.endswith(".")
    is_dex = name in ENTRIES and ENTRIES[name].loader.startswith("dex:")
    assert ("labels of its own method" in origin) == is_dex
    seen = name in ENTRIES and "UTKFace" in ENTRIES[name].trained_on
    assert ("was trained on four fifths of UTKFace" in origin) == seen
    assert label_origin("utkface", name, {"from": "file names, utkface"}) == origin
    elsewhere = label_origin("fairface", name)
    assert elsewhere == label_origin("utkface", name, {"from": "mine.csv", "sha256": "0"})
    assert ("if these faces are among them" in elsewhere) == seen and bool(elsewhere) == seen
