"""Real beside shuffled: what differs is found, and the page says where the real one is."""

from xml.etree import ElementTree

import numpy as np

from age_audit.core.randomness import Resampling
from age_audit.data.results import find_results
from age_audit.report.page.explanations import can_it_be_trusted, explained_by
from tests.report.page.made import document, write, write_explained


def test_masks_that_differ_are_found_and_the_real_one_is_the_darkest(tmp_path):
    write_explained(tmp_path)
    found = explained_by(tmp_path, find_results(tmp_path, "own", "published", "mine"))
    assert list(found) == ["published"]
    section = can_it_be_trusted(found, Resampling(1))
    assert "differ where it errs: 1" in section.finding and section.claims[0].verdict == "firm"
    [quiz] = section.data["quizzes"]
    shades = {m["letter"]: [path.attrib["class"] for path in ElementTree.fromstring(m["svg"])] for m in quiz["maps"]}
    assert list(shades) == list("ABCD")
    # As labelled every pixel is marked by all of one kind and by none of the other.
    assert [letter for letter, looks in shades.items() if looks == ["less s5", "more s5"]] == [quiz["real"]]


def test_a_claim_says_both_what_holds_over_all_groups_and_in_each(tmp_path):
    """Eighty faces of two genders, in one band of estimates: two groups, in both of which masks lie elsewhere."""
    write_explained(tmp_path)
    found = explained_by(tmp_path, find_results(tmp_path, "own", "published", "mine"))
    [claim] = can_it_be_trusted(found, Resampling(1)).claims
    assert "p ≤ 0.0005 over all groups together" in claim.sentence
    assert claim.sentence.endswith("; of 2 groups alone 2 differ (Holm).")


def test_without_masks_there_is_nothing_to_judge(tmp_path):
    write(tmp_path, document([30] * 40, [31.0] * 40))
    results = find_results(tmp_path, "own", "published", "mine")
    assert explained_by(tmp_path, results) == {}
    section = can_it_be_trusted({}, Resampling(1))
    assert section.missing and not section.claims


def test_the_size_told_is_that_of_the_heatmap(tmp_path):
    write_explained(tmp_path)
    found = explained_by(tmp_path, find_results(tmp_path, "own", "published", "mine"))
    section = can_it_be_trusted(found, Resampling(1))
    assert np.isclose(section.tables[0].frame["size"].iloc[0], 2)  # from -1 to 1 everywhere
