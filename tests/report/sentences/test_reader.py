"""The reader of sentences on a table of four rows: what it chooses, and what it refuses."""

from types import SimpleNamespace

import pandas as pd
import pytest

from age_audit.core.errors import UsageError
from age_audit.report.claims import Claims
from age_audit.report.sentences import add_claims

FRUIT = pd.DataFrame(
    {
        "kind": ["apple", "apple", "pear", "pear"],
        "place": ["north", "south", "north", "south"],
        "change": [1.0, -3.0, 2.0, None],
        "n": [40, 50, 60, 10],
    }
)
GROUP = """
[phrase.much]
of = "n"
text = "from {n} trees"

[[group]]
question = "How is fruit?"
side = "audit"
table = "fruit"
column = "change"
"""
CLAIM = '[[group.claim]]\nwhere = { kind = "apple", place = "north" }\nsay = "{kind}s: {value:+.0f}"\n'


def told(folder, text, old="", new="", fruit=FRUIT):
    """Claims of a file that holds the group and the text, with new words for old ones."""
    (folder / "book.toml").write_text((GROUP + text).replace(old, new))
    claims = Claims(SimpleNamespace(saved={"fruit": fruit}, prefix="x"))
    claims.add("Else?", "audit", "{:.0f}", "fruit", "n", kind="apple", place="north")  # a table needs one
    add_claims(str(folder / "book"), claims, {"fruit": fruit})
    return claims.table().query("question != 'Else?'")


def test_claims_take_what_their_group_says(tmp_path):
    text = 'where = { kind = "pear" }\nclaim = [{ where = { place = "north" }, say = "{kind} {value:.0f}, {much}" }]'
    (row,) = told(tmp_path, text).to_dict("records")
    assert row["claim"] == "pear 2, from 60 trees"
    assert row["row"] == "kind = pear; place = north"


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ('furthest = "change"', ["−3"]),
        ('smallest = "n"\nhaving = ["change"]', ["1"]),
        ('furthest = "change"\neach = "kind"', ["−3", "2"]),
        ('such = "n > 45"\nhaving = ["change"]', ["−3", "2"]),
        ('such = "n > 45"\nfirst = true', ["−3"]),
        ('such = "n > 99"', []),
        ('such = "n > 99"\nfurthest = "n"\ninstead = { say = "most: {value:.0f}" }', ["most: 2"]),
        ('for = [{ least = 45 }, { least = 55 }]\nsuch = "n > {least}"\nhaving = ["change"]', ["−3", "2"]),
        ('where = { place = "south" }\nhaving = ["change"]\nrows = { table = "fruit", such = "n < 50" }', ["−3"]),
    ],
)
def test_rows_that_are_chosen_and_told_once(tmp_path, choice, expected):
    text = f'[[group.claim]]\nkey = ["kind", "place"]\nsay = "{{value:.0f}}"\n{choice}\n'
    assert told(tmp_path, text)["claim"].tolist() == expected


def test_of_equals_all_are_named(tmp_path):
    """The first one's number, but nobody is called the largest who is not alone: by size, whatever the sign."""
    text = '[[group.claim]]\nkey = ["kind", "place"]\nfurthest = "change"\nsay = "{kind}: {value:+.0f}."\n'
    fruit = pd.DataFrame({"kind": ["apple", "plum", "nut"], "place": "north", "change": [-2.0, 1.0, 2.0], "n": 1})
    assert told(tmp_path, text, fruit=fruit)["claim"].tolist() == ["apple: −2. Tied: apple, nut."]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"fruit"', '"roots"', ["a table roots", "got only: fruit"]),
        ('"north"', '"east"', ["a row of fruit with place = east", "got only: north, south"]),
        ("place =", "colour =", ["columns colour of fruit", "kind, place, change, n"]),
        ('"change"', '"weight"', ["expected columns of fruit", "got weight"]),
        ("say =", 'such = "weight > 2"\nsay =', ["weight > 2 (name 'weight' is not defined)"]),
        ("say =", 'key = ["colour"]\nsay =', ["columns colour of fruit"]),
        ("{kind}s", "{sort}s", ["a word that", "got 'sort'"]),
    ],
)
def test_a_claim_without_its_number_is_refused_by_name(tmp_path, old, new, words):
    assert len(told(tmp_path, CLAIM)) == 1
    with pytest.raises(UsageError) as error:
        told(tmp_path, CLAIM, old, new)
    assert all(part in str(error.value) for part in (*words, "s: {value:+.0f}” of book.toml"))


@pytest.mark.parametrize("line", ['table = "roots"', 'where = { place = "east" }', 'having = ["weight"]'])
def test_an_optional_claim_may_do_without(tmp_path, line):
    told_without = told(tmp_path, f'{CLAIM}\n[[group.claim]]\noptional = true\nsay = "{{value:.0f}}"\n{line}\n')
    assert told_without["claim"].tolist() == ["apples: +1"]


def test_rows_that_a_group_is_repeated_for_are_refused_with_its_question(tmp_path):
    with pytest.raises(UsageError, match=r"row of fruit with kind = plum for the claim “rows of: How is fruit\?”"):
        told(tmp_path, 'rows = { table = "fruit", where = { kind = "plum" } }\n' + CLAIM)


def test_a_claim_without_a_sentence_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"expected say of a claim in book\.toml"):
        told(tmp_path, CLAIM, "say =", "said =")


def test_a_p_value_is_told_with_its_sign(tmp_path):
    """0.04 is 40 times the least that 999 permutations give; 0.06 is equal to it but for the order of adjusting."""
    raw, adjusted = [0.001, 0.002, 0.3, None], [0.04, 0.06, 0.3, None]
    table = pd.DataFrame({"kind": list("abcd"), "p_value": raw, "p_holm": adjusted})
    book = """[[group]]
question = "How sure?"
side = "audit"
table = "tests"
key = ["kind"]
claim = [
    { column = "p_holm", say = "{kind}: p {value:p}" },
    { column = "p_value", having = ["p_value"], say = "{kind}: p (Holm) {p_holm:p}, {p_value:.3f}" },
]
"""
    (tmp_path / "signs.toml").write_text(book)
    for floor, sign in ((0.001, "≤ 0.04"), (0.0005, "= 0.040")):
        claims = Claims(SimpleNamespace(saved={"tests": table}, prefix="x"))
        add_claims(str(tmp_path / "signs"), claims, {"tests": table}, floor=floor)
        said = claims.table()
        assert said["claim"].tolist() == [
            *(f"a: p {sign}", "b: p = 0.060", "c: p = 0.300", "Too few faces to say: d: p …"),
            *(f"a: p (Holm) {sign}, 0.001", "b: p (Holm) = 0.060, 0.002", "c: p (Holm) = 0.300, 0.300"),
        ]
        assert said["value"].tolist()[:3] == [0.04, 0.06, 0.3]
