"""Claims point at one number of a saved table each."""

import pandas as pd
import pytest

from age_audit.core.errors import UsageError
from age_audit.report.claims import Claims
from age_audit.report.saving import Saver

ERRORS = pd.DataFrame({"race": pd.Categorical(["Asian", "Other"]), "n": [30, 2], "mae": [9.5, 7.25]})


@pytest.fixture
def claims(tmp_path):
    saver = Saver("a_notebook", "faces_dex", tmp_path, tmp_path)
    saver.table(ERRORS, "errors", "Errors")
    return Claims(saver)


def test_a_claim_takes_its_number_from_the_table(claims):
    claims.add("How wrong?", "audit", "{:.1f} years for Asian faces", "errors", "mae", race="Asian")
    assert claims.table().to_dict("records") == [
        {
            "question": "How wrong?",
            "side": "audit",
            "claim": "9.5 years for Asian faces",
            "value": 9.5,
            "table": "faces_dex_errors.csv",
            "row": "race = Asian",
            "column": "mae",
        }
    ]


def test_a_claim_names_the_file_that_its_table_is_in(tmp_path):
    saver = Saver("a_notebook", "faces_dex", tmp_path, tmp_path)
    saver.table(ERRORS, "errors_by_skin tone", "Errors")
    claims = Claims(saver)
    claims.add("?", "audit", "{}", "errors_by_skin tone", "mae", n=2)
    assert (saver.tables / claims.table()["table"][0]).is_file()


def test_claims_on_one_question_stand_together_in_the_order_of_questions(claims):
    claims.add("B?", "published", "{}", "errors", "n", race="Asian")
    claims.add("A?", "published", "{}", "errors", "n", race="Other")
    claims.add("B?", "audit", "{}", "errors", "mae", n=2, race="Other")
    table = claims.table()
    assert list(table["question"]) == ["B?", "B?", "A?"]
    assert list(table["value"]) == [30, 7.25, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"side": "mine"}, "expected a side"),
        ({"table": "other"}, "expected a table saved before, one of errors"),
        ({"column": "median"}, "expected columns of errors"),
        ({"gender": "Male"}, "got gender"),
        ({"race": "Indian"}, "got 0"),
    ],
)
def test_a_claim_about_nothing_is_refused(claims, change, message):
    given = {"question": "?", "side": "audit", "claim": "{}", "table": "errors", "column": "mae", "race": "Asian"}
    with pytest.raises(UsageError, match=message):
        claims.add(**(given | change))


def test_braces_in_the_name_of_a_group_are_no_field(claims):
    claims.add("How wrong?", "audit", "{:.1f} years for {x}, $9 { and A {0}", "errors", "mae", race="Asian")
    assert claims.table()["claim"].item() == "9.5 years for {x}, $9 { and A {0}"


def test_a_claim_about_several_rows_is_refused(claims):
    with pytest.raises(UsageError, match="got 2"):
        claims.add("?", "audit", "{}", "errors", "mae")


def test_a_claim_without_a_number_says_so(claims):
    claims._saver.table(pd.DataFrame({"n": [1], "r": [float("nan")], "none": [0]}), "few", "Few")
    claims.add("How alike?", "audit", "They correlate by {:.2f}.", "few", "r", n=1)
    claims.add("How many?", "audit", "In {:.0f} of 0 groups, n = 1.", "few", "none", n=1)
    expected = ["They correlate by ….", "In … of 0 groups, n = 1."]
    assert claims.table()["claim"].tolist() == [f"Too few faces to say: {words}" for words in expected]


def test_what_was_found_are_the_claims_on_top_in_their_order(claims):
    for place, race in ((2, "Asian"), (1, "Other"), (2, "Other")):
        claims.add("How wrong?", "audit", f"{race}: {{:.1f}}", "errors", "mae", race=race)
        claims.put_on_top(place)
    assert claims.found() == ["Other: 7.2", "Asian: 9.5"]  # a place has one claim, the first
    claims.add("?", "audit", "13–18: {:.0%} of a-1%", "errors", "mae", race="Asian")
    claims.put_on_top(3)
    assert claims.found()[-1] == "13–18: 950 % of a-1%"  # as print has it
    with pytest.raises(UsageError, match="1 to 5, got 6"):
        claims.put_on_top(6)


def test_claims_are_saved_with_latex_of_paragraphs(claims, tmp_path):
    claims.add("How wrong?", "audit", "{:.0%} & more", "errors", "mae", race="Asian")
    claims.save("All claims")
    latex = (tmp_path / "a_notebook" / "faces_dex_claims.tex").read_text()
    assert r"\textbf{How wrong?}" in latex
    assert r"audit & 950 \% \& more & faces\_\allowbreak{}dex\_\allowbreak{}errors.csv: race = Asian; mae \\" in latex
    assert latex.count(r"\begin{longtable}") == latex.count(r"\end{longtable}") == 1
