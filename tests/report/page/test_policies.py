"""Policies as examples, on faces that can be counted by hand; a face that is not found is what the policy says."""

from age_audit.data.policies import read_policies
from age_audit.data.results import find_results
from age_audit.report.page.errors import with_bands
from age_audit.report.page.policies import further_tables
from tests.report.page.made import document, gate_faces, write


def test_each_policy_is_asked_of_its_own_ages(tmp_path):
    ages, estimates = gate_faces()
    content = document(ages, estimates)
    del content["predictions"]["0.jpg"]  # a child whose face was not found
    write(tmp_path, content)
    results = find_results(tmp_path, "own", "published", "mine")
    policies, outcomes, nist = further_tables(with_bands(results), results.images, 18)
    rows = policies.frame.set_index("policy")
    assert list(rows.index) == list(read_policies())
    found = rows.loc["Challenge 25"]
    assert (found["let_through_n"], found["let_through"], found["refused"]) == (19, 2 / 19, 0.75)
    refuses = rows.loc["UK-like, pornography"]
    assert (refuses["let_through_n"], refuses["let_through"]) == (20, 0.1)
    assert len(outcomes.frame) and "not comparable with NIST's" in nist.caption
