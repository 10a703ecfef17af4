"""What can be asked of an estimate."""

import numpy as np
import pytest

from age_audit.core.errors import UsageError
from age_audit.core.schema import AgeEstimate
from age_audit.estimators.targets import Target, parse_target

CLASSES = np.array([10.0, 17.5, 18.0, 40.0])
ESTIMATE = AgeEstimate(
    age=np.array([20.0, 30.0]),
    probabilities=np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 0, 0]], dtype=np.float32),
    classes=CLASSES,
    probability_female=np.array([0.25, 1.0], dtype=np.float32),
)
AGES = AgeEstimate(np.array([20.0]), np.zeros((1, 0)), np.zeros(0))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("age", [20, 30]),
        ("over:18", [0.7, 0]),
        ("over:17.5", [0.9, 0.5]),
        ("over:10.5", [0.9, 0.5]),
        ("over:40", [0.4, 0]),
        ("class:1", [0.2, 0.5]),
        ("female", [0.25, 1]),
    ],
)
def test_numbers(text, numbers):
    np.testing.assert_allclose(parse_target(text).of(ESTIMATE), numbers, atol=1e-7)
    target = parse_target(text)
    if target.kind not in ("female", "age"):
        np.testing.assert_allclose(ESTIMATE.probabilities @ target.of_classes(CLASSES), numbers, atol=1e-7)


def test_age_is_what_the_model_said_and_its_coefficients_are_years():
    np.testing.assert_array_equal(parse_target("age").of_classes(CLASSES), CLASSES)
    assert parse_target("age").of(AGES).tolist() == [20]


def test_top_class_is_that_of_the_first_row_and_the_last_of_equals():
    assert parse_target("top-class").on(ESTIMATE) == Target("class", 3.0)
    equal = AgeEstimate(np.zeros(1), np.array([[0.5, 0.5]]), np.array([1.0, 2.0]))
    assert parse_target("top-class").on(equal).number == 1
    assert parse_target("age").on(ESTIMATE) == parse_target("age")


@pytest.mark.parametrize(
    ("text", "name", "option", "unit"),
    [
        ("age", "expected_age", "expected-age", "years"),
        ("expected-age", "expected_age", "expected-age", "years"),
        ("over:18", "over:18", "over:18", "probability"),
        ("over:18.0", "over:18", "over:18", "probability"),
        ("class:7", "class:7", "class:7", "probability"),
        ("female", "female", "female", "probability"),
        ("top-class", "top-class", "top-class", "probability"),
    ],
)
def test_names(text, name, option, unit):
    target = parse_target(text)
    assert (target.name, target.option, target.unit) == (name, option, unit)
    assert parse_target(target) is target and parse_target(target.option) == target


@pytest.mark.parametrize(
    "text", ["", "over", "over:", "over:x", "over:-1", "class", "class:-1", "Age", "age ", "female:1"]
)
def test_what_is_no_target(text):
    with pytest.raises(
        UsageError, match="expected a target as age, over:YEARS, class:NUMBER, female or top-class; got"
    ):
        parse_target(text)


@pytest.mark.parametrize("text", ["over:18", "class:1", "top-class"])
def test_plain_ages_have_no_classes(text):
    with pytest.raises(UsageError, match="gives ages only"):
        parse_target(text).check(np.zeros(0))


@pytest.mark.parametrize("text", ["class:4", "class:1.5"])
def test_no_such_class(text):
    with pytest.raises(UsageError, match="expected a class from 0 to 3 to explain"):
        parse_target(text).of(ESTIMATE)


@pytest.mark.parametrize("text", ["over:0", "over:10", "over:40.5", "over:200"])
def test_a_gate_at_which_all_classes_are_on_one_side(text):
    """Its probability would be 1 or 0 whatever the face, and what is explained of it rounding."""
    with pytest.raises(UsageError, match=r"expected over: and years above 10 and at most 40 to explain.*, got"):
        parse_target(text).of(ESTIMATE)
    parse_target(text).check(None)  # nothing is known of the classes


@pytest.mark.parametrize("target", [5, None, 18.0, ["age"]])
def test_a_target_of_another_type(target):
    with pytest.raises(UsageError, match="expected a target as a text, age, over:YEARS"):
        parse_target(target)


def test_no_gender():
    with pytest.raises(UsageError, match="expected a probability of gender"):
        parse_target("female").of(AGES)
