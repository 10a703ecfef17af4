"""Errors along age and beside guesses, by hand."""

import pytest

from age_audit.core.randomness import Resampling
from age_audit.data.results import find_results
from age_audit.report.page.errors import along_age, beside_guesses, with_bands
from age_audit.report.page.html import rows_of
from tests.report.page.made import document, write

RESAMPLING = Resampling(1, draws=99)


@pytest.fixture
def faces(tmp_path):
    """Forty of 5 years judged 9, forty of 60 judged 52."""
    write(tmp_path, document([5] * 40 + [60] * 40, [9.0] * 40 + [52.0] * 40))
    return with_bands(find_results(tmp_path, "own", "published", "mine"))


def test_errors_along_age_name_their_sides(faces):
    section = along_age(faces, RESAMPLING)
    assert section.finding.startswith("An estimate is off by 6.0 years (")
    told = [claim.sentence for claim in section.claims]
    assert (
        told[1]
        == "The youngest band of 30 faces or more, 3–6 years, is judged 4.0 years (4.0 to 4.0) too old on average."
    )
    assert (
        told[2]
        == "The oldest band of 30 faces or more, 46–60 years, is judged 8.0 years (8.0 to 8.0) too young on average."
    )
    assert "rises by 0.78 years" in section.text[0]  # (52 - 9) / (60 - 5)


def test_claims_point_at_the_row_of_their_number(faces):
    section = along_age(faces, RESAMPLING)
    tables = {table.key: table.frame for table in section.tables}
    values = [tables[claim.table].iloc[claim.row]["value"] for claim in section.claims]
    assert values == [6.0, 4.0, -8.0]


def test_a_guess_that_is_told_the_age_range_beats_this_estimator(faces):
    section = beside_guesses(faces, RESAMPLING)
    assert section.finding == "“94 % accuracy”: a guess that sees no face, but is told the age range, has 100 %"
    assert "is nearer than the estimator, by 6.0 years (" in section.claims[0].sentence


def test_labels_that_are_ranges_leave_the_picture_out_and_no_error(tmp_path):
    content = document([None] * 30, [24.0] * 30)
    for label in content["labels"].values():
        label |= {"age_real_low": 20, "age_real_high": 29}
    write(tmp_path, content)
    section = along_age(with_bands(find_results(tmp_path, "own", "published", "mine")), RESAMPLING)
    assert "off by 0.0 years" in section.finding and not section.charts


def test_estimates_without_any_error_are_drawn(tmp_path):
    write(tmp_path, document([20, 40] * 40, [20.0, 40.0] * 40))
    section = along_age(with_bands(find_results(tmp_path, "own", "published", "mine")), RESAMPLING)
    assert "off by 0.0 years" in section.finding and len(section.charts) == 2 and "nan" not in section.charts[1].svg


def test_few_faces_in_one_band_are_told_of_once_and_without_an_interval(tmp_path):
    write(tmp_path, document([20] * 30, [24.0] * 30))
    section = along_age(with_bands(find_results(tmp_path, "own", "published", "mine")), RESAMPLING)
    assert [claim.sentence.split(",")[0] for claim in section.claims[1:]] == ["The only band of 30 faces or more"]
    write(tmp_path, document([20] * 2, [24.0] * 2))
    section = along_age(with_bands(find_results(tmp_path, "own", "published", "mine")), RESAMPLING)
    assert section.finding == "An estimate is off by 4.0 years on average"


def test_shares_by_age_are_told_in_per_cent(faces):
    table = next(table for table in along_age(faces, RESAMPLING).tables if table.key == "estimates-by-age")
    heads, rows = rows_of(table)
    assert heads[:3] == ["age from", "to", "faces"] and heads[-1] == "judged older, %"
    assert [cell.text for cell in rows[0].cells] == ["5", "5", "40", "9.0", "9.0", "9.0", "100 (91 to 100)"]
