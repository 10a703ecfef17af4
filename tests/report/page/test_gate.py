"""The gate's numbers on faces that can be counted by hand."""

import re

import numpy as np
import pandas as pd
import pytest

from age_audit.core.randomness import Resampling
from age_audit.data.results import find_results
from age_audit.report.page.errors import with_bands
from age_audit.report.page.gate import THRESHOLDS, may_it_guard
from age_audit.stats.proportions import wilson_interval
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
    assert passed["shares"][0][at] == pytest.approx([0.1, *wilson_interval(2, 20)], abs=1e-8)  # words are rounded once
    assert [len(group) for group in passed["shares"]] == [len(THRESHOLDS)] * 3
    # Of a limit of 21 no face is old enough: there is no number, not one of nothing.
    assert told["limits"][21]["refused"]["n"] == [0, 0, 0]
    assert told["limits"][21]["refused"]["shares"][0][at] == [None, None, None]


def test_every_claim_points_at_a_table_that_is_there(section):
    rows = {table.key: len(table.frame) for table in section.tables}
    assert section.claims and all(claim.row < rows[claim.table] for claim in section.claims)
    assert section.claims[0].verdict == "tentative"  # of 20 faces


def made(folder, ages, estimates, groups=None):
    write(folder, document(ages, estimates, groups))
    results = find_results(folder, "own", "published", "mine")
    return may_it_guard(results, with_bands(results), None, Resampling(1, draws=99))


def test_without_faces_near_the_limit_nothing_is_said(tmp_path):
    section = made(tmp_path, [40] * 9, [41.0] * 9)
    assert section.missing and not section.claims and "Too few faces near 18" in section.finding
    assert len(section.tables[0].frame) > 100 and not any(section.tables[0].rows)  # to download, not to read


def test_of_children_alone_it_is_said_who_passes(tmp_path):
    section = made(tmp_path, [16] * 20, [15.0] * 15 + [20.0] * 3 + [30.0] * 2)
    assert section.finding.startswith("25 % (11 to 47 %) of faces labelled 13–17 would pass at 18, 10 %")
    assert [number["row"]["share"] for number in section.data["headline"]] == [0.25, 0.1]
    # Nobody is labelled 18: of labels, and of what a buffer costs adults, nothing is claimed.
    assert not any("labels scatter" in claim.sentence or "adults" in claim.sentence for claim in section.claims)


def test_of_adults_alone_it_is_said_who_is_refused(tmp_path):
    section = made(tmp_path, [40] * 20, [20.0] * 5 + [41.0] * 15)
    told = "25 % (11 to 47 %) of faces labelled 18 and over would be refused at 25"
    assert section.finding == f"{told}; too few are labelled 13–17 to say who would pass" and not section.missing
    (number,) = section.data["headline"]
    assert number["words"] == "of faces labelled 18 and over would be refused where 25 is asked for"


def test_a_buffer_is_said_to_hold_groups_that_were_asked(tmp_path):
    """Of 100 labelled 16 nobody is judged older; a group of 20 is asked about nothing, and the claim says so."""
    groups = {"race_real": ["a"] * 5 + ["b"]}
    section = made(tmp_path, [16] * 120 + [30] * 20, [15.0] * 120 + [35.0] * 20, groups)
    (claim,) = [claim for claim in section.claims if "buffer" in claim.sentence]
    assert "of every group by race that has 30 faces or more just below the limit" in claim.sentence
    assert claim.verdict == "tentative"


def test_no_number_follows_a_name_that_is_written_from_right_to_left(tmp_path):
    """Between the two stands a letter, or a browser sets the number on the other side of the name."""
    names = ["\u05d0\u05d1", "\u0635\u0648"]
    section = made(tmp_path, [16] * 80 + [20] * 20, [30.0, 15.0] * 40 + [30.0] * 20, {"race_real": names})
    told = [claim.sentence for claim in section.claims if any(name in claim.sentence for name in names)]
    assert told and not any(re.search(r"[\u0590-\u06ff][^A-Za-z]*\d", sentence) for sentence in told)


def test_labels_that_hardly_scatter_end_no_page(tmp_path):
    """One of three hundred pairs of copies near the limit differs, by a year: labels scatter by 0.04 years.

    The pair far from it does not count, whose labels are thirty years apart.
    """
    ages, estimates = gate_faces()
    write(tmp_path, document(ages, estimates))
    results = find_results(tmp_path, "own", "published", "mine")
    images = pd.DataFrame({"fname": [f"{i}.jpg" for i in range(602)], "age_real": [16.0] * 599 + [17.0, 30.0, 60.0]})
    images = images.assign(cluster=[i // 2 for i in range(602)], pixels=[str(i // 2) for i in range(602)])
    section = may_it_guard(results, with_bands(results), images, Resampling(1, draws=99))
    told = "If labels scatter by 0.1 years (as labels of 13–22 do of 300 pairs of copies of one picture)"
    assert any(told in c.sentence for c in section.claims)


def test_where_no_child_passes_no_pass_is_said_to_be_a_label(tmp_path):
    section = made(tmp_path, [16] * 20 + [20] * 40, [15.0] * 20 + [21.0] * 40)
    assert not [claim for claim in section.claims if claim.table == "gate-labels"]
    assert not any("…" in claim.sentence for claim in section.claims)


def furthest(section):
    return next(claim for claim in section.claims if claim.table == "gate-gap-race")


def test_a_difference_of_ages_is_no_firm_difference_of_groups(tmp_path):
    """Each label errs alike, eight years too old at most; but a is labelled 13 below the limit, and b 17."""
    ages, groups, errors = [13, 17] * 300, {"race_real": ["a", "b"]}, np.repeat(np.arange(-4, 11), 40)
    claim = furthest(made(tmp_path, ages, (np.array(ages) + errors).tolist(), groups))
    assert "pass where race is b, but 0 % where it is a" in claim.sentence
    assert claim.sentence.endswith("; ages differ: not comparable at equal ages.") and claim.verdict == "tentative"


def test_a_difference_of_groups_at_equal_ages_is_firm(tmp_path):
    ages, estimates = [16] * 400, [15.0, 30.0, 15.0, 15.0] * 100
    claim = furthest(made(tmp_path, ages, estimates, {"race_real": ["a", "b"]}))
    assert claim.verdict == "firm" and ", at equal ages 50 (" in claim.sentence
