"""Parameters that check themselves: every field, at its bounds and beyond them."""

from dataclasses import asdict, dataclass, replace

import numpy as np
import pytest

from age_audit.core.checks import Checked, checked_seed, checked_whole, choice, flag, named, number, whole
from age_audit.core.errors import UsageError


@dataclass(frozen=True)
class Parameters(Checked):
    samples: int = whole(8, 2, 16)
    share: float = number(0.5, 0, 1, above=True)
    width: float = number(0.25, above=True)
    open: float = number(0.5, 0, 1, above=True, below=True)
    colour: str = choice("black", ("black", "mean"))
    rescale: bool = flag(True)
    target: str = named("age")
    free: object = None


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("samples", 2),
        ("samples", 16),
        ("share", 1),
        ("width", 1e9),
        ("colour", "mean"),
        ("rescale", False),
        ("free", []),
    ],
)
def test_what_is_allowed_stays(field, given):
    assert getattr(Parameters(**{field: given}), field) == given


@pytest.mark.parametrize(
    ("field", "given", "said"),
    [
        ("samples", 1, "expected samples to be a whole number, at least 2 and at most 16, such as 8, got 1"),
        ("samples", 17, "got 17"),
        ("samples", 2.0, "a whole number.*got 2.0"),
        ("samples", True, "got True"),
        ("samples", "8", "got '8'"),
        ("samples", None, "got None"),
        ("share", 0, "expected share to be a number, above 0 and at most 1, such as 0.5, got 0"),
        ("share", 1.01, "got 1.01"),
        ("width", 0, "expected width to be a number, above 0, such as 0.25, got 0"),
        ("width", float("nan"), "got nan"),
        ("width", float("inf"), "got inf"),
        ("open", 1, "above 0 and below 1"),
        ("open", 95, "got 95"),
        ("colour", "white", "expected colour to be one of black, mean, got 'white'"),
        ("colour", ["black"], r"got \['black'\]"),
        ("rescale", 1, "expected rescale to be one of True, False, got 1"),
        ("target", "", "expected target to be a text, such as 'age', got ''"),
        ("target", 5, "got 5"),
    ],
)
def test_what_is_not_is_refused(field, given, said):
    with pytest.raises(UsageError, match=said):
        Parameters(**{field: given})
    with pytest.raises(UsageError, match=said):
        replace(Parameters(), **{field: given})


def test_numbers_of_numpy_become_pythons():
    made = Parameters(samples=np.int64(4), width=np.float32(0.5), rescale=np.bool_(False))
    assert [type(value) for value in asdict(made).values()][:3] == [int, float, float]
    assert made == Parameters(samples=4, width=0.5, rescale=False)


@pytest.mark.parametrize("seed", [0, 2**32 - 1, np.int64(3), np.uint8(7)])
def test_seeds(seed):
    assert checked_seed(seed) == seed and type(checked_seed(seed)) is int


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, None, "3", True, np.int64(-1)])
def test_no_seeds(seed):
    with pytest.raises(UsageError, match="expected a seed that is a whole number of 0 to 4294967295, such as 42, got"):
        checked_seed(seed)


def test_a_whole_number():
    assert type(checked_whole("steps", np.int32(3), 1)) is int
    with pytest.raises(UsageError, match=r"expected steps to be a whole number, at least 1, such as 1, got 2.5"):
        checked_whole("steps", 2.5, 1)
