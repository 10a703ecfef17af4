"""Policies that ship, and a user's own file."""

import pytest

from age_audit.core.errors import UsageError
from age_audit.core.policy import Policy
from age_audit.data.policies import read_policies


def test_those_that_ship_say_where_they_are_from_and_what_is_assumed():
    shipped = read_policies()
    assert shipped["over 18"].buffer == 0 and shipped["Challenge 25"] == Policy(
        "Challenge 25", 18, 7, "error", shipped["Challenge 25"].source
    )
    assert {policy.age for policy in shipped.values()} >= {13, 16, 18, 21}
    assert all(len(policy.source) > 20 for policy in shipped.values())
    like = [policy for name, policy in shipped.items() if "-like" in name and policy.buffer]
    assert like and all("buffer is an assumption" in policy.source for policy in like)


def test_a_file_of_ones_own(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('[[policy]]\nname = "club"\nage = 21\nbuffer = 2.5\nnot_found = "pass"\n')
    assert read_policies(path) == {"club": Policy("club", 21, 2.5, "pass")}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "got an empty file"),
        ("[[policy", "reading it failed"),
        ("[other]\nname = 1", "got other"),
        ('[[policy]]\nname = "x"', "got {'name': 'x'}"),
        ('[[policy]]\nname = "x"\nage = 18\nmargin = 2', "'margin': 2"),
        ('[[policy]]\nname = "x"\nage = 18\nsource = 3', "expected the source of 'x' to be a text, got 3"),
        ('[[policy]]\nname = "x"\nage = 18\nbuffer = -2', "policy 'x': expected buffer to be a number, at least 0"),
        ('[[policy]]\nname = "x"\nage = 18\n[[policy]]\nname = "x"\nage = 16', "a name of its own, got 'x' twice"),
    ],
)
def test_what_is_no_file_of_policies_is_refused(text, told, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as error:
        read_policies(path)
    assert told in str(error.value) and str(path) in str(error.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match=r"expected a TOML file of policies at .*nowhere"):
        read_policies(tmp_path / "nowhere.toml")
