"""The gate's numbers on faces that can be counted by hand."""

import pytest

from age_audit.core.randomness import Resampling
from age_audit.data.results import find_results
from age_audit.report.page.errors import with_bands
from age_audit.report.page.gate import THRESHOLDS, may_it_guard
from tests.report.page.made import document, gate_faces, write


@pytest.fixture
def section(tmp_path):
    ages, estimates = gate_faces()
    write(tmp_path, document(ages, estimates, {"gender_real": ["Male", "Female"]}))
    results = find_results(tmp_path, "own", "published", "mine")
    return may_it_guard(results, with_bands(results), None, Resampling(1, draws=99))


def test_headline_and_finding_are_counted_faces(section):
    shares = [number["row"]["share"] for number in section.data["headline"]]
    assert shares == [0.25, 0.1, 0.75]  # 5 and 2 of 20; 30 of 40
    assert section.finding.startswith("25 % (11 to 47 %) of faces labelled 13–17 would pass at 18, 10 %")


def test_the_slider_moves_through_the_same_numbers(section):
    told = section.data["json"]
    assert told["first"] == THRESHOLDS[0] and list(told["limits"]) == [13, 16, 18, 21]
    passed, refused = (told["limits"][18][what] for what in ("passed", "near"))
    assert (passed["ages"], passed["n"]) == ("13–17", [20, 10, 10]) and refused["n"] == [40, 20, 20]
    at = THRESHOLDS.index(25)
    assert passed["shares"][0][at][0] == 0.1 and refused["shares"][0][at][0] == 0.75
    assert [len(group) for group in passed["shares"]] == [len(THRESHOLDS)] * 3
    # Of a limit of 21 no face is old enough: there is no number, not one of nothing.
    assert told["limits"][21]["refused"]["n"] == [0, 0, 0]
    assert told["limits"][21]["refused"]["shares"][0][at] == [None, None, None]


def test_every_claim_points_at_a_table_that_is_there(section):
    rows = {table.key: len(table.frame) for table in section.tables}
    assert section.claims and all(claim.row < rows[claim.table] for claim in section.claims)
    assert section.claims[0].verdict == "tentative"  # of 20 faces


def test_without_faces_near_the_limit_nothing_is_said(tmp_path):
    write(tmp_path, document([40] * 20, [41.0] * 20))
    results = find_results(tmp_path, "own", "published", "mine")
    section = may_it_guard(results, with_bands(results), None, Resampling(1, draws=99))
    assert section.missing and not section.claims and "Too few faces near 18" in section.finding
