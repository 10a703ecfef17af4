"""The page as a whole: what it opens, in which order it asks, and how many claims it makes."""

import pytest

from age_audit.core.errors import UsageError
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
    assert len(page.headline) == 3 and len(page.method) == 5
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
