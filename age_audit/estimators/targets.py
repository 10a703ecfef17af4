"""What of an estimator's answer is explained: its age, or the probability of something that it says."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from age_audit.core.errors import UsageError
from age_audit.core.schema import AgeEstimate
from age_audit.estimators.entries import ENTRIES

FORMS = "age, over:YEARS, class:NUMBER, female or top-class"
_PATTERN = re.compile(r"(age|female|top-class)|(over|class):(\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Target:
    """One number of an estimate.

    Attributes
    ----------
    kind : str
        ``"age"``: expected age in years. ``"over"``: probability of the classes of ``number`` years and more, as a gate
        for that age asks. ``"class"``: probability of class ``number``, counted from 0. ``"female"``: probability of
        the gender Female. ``"top-class"``: probability of whichever class is the most likely one on the whole face.
    number : float, optional
        Years, or the class.
    """

    kind: str
    number: float | None = None

    @property
    def name(self) -> str:
        """As attributions carry it: ``expected_age``, ``over:18``, ``class:25``, ``female`` or ``top-class``."""
        if self.kind == "age":
            return "expected_age"
        return self.kind if self.number is None else f"{self.kind}:{self.number:g}"

    @property
    def option(self) -> str:
        """As parameters and recipes have it: the name, but for ``expected-age``."""
        return "expected-age" if self.kind == "age" else self.name

    @property
    def unit(self) -> str:
        """``"years"`` or ``"probability"``."""
        return "years" if self.kind == "age" else "probability"

    def of_classes(self, classes: np.ndarray) -> np.ndarray:
        """Coefficients, float (C,), whose product with the probabilities of the classes is the number.

        Examples
        --------
        >>> parse_target("over:18").of_classes(np.array([17.0, 18, 19]))
        array([0., 1., 1.])
        """
        if self.kind == "over":
            return (classes >= self.number).astype(float)
        if self.kind == "class":
            return (np.arange(len(classes)) == self.number).astype(float)
        return np.asarray(classes, dtype=float)

    def of(self, estimate: AgeEstimate) -> np.ndarray:
        """The number, float (N,), of N estimates.

        Raises
        ------
        UsageError
            If the estimator does not give it.

        Examples
        --------
        >>> estimate = AgeEstimate(np.array([18.5]), np.array([[0.5, 0.5]]), np.array([17.0, 20.0]))
        >>> parse_target("over:18").of(estimate), parse_target("age").of(estimate)
        (array([0.5]), array([18.5]))
        """
        self.check(estimate.classes, estimate.probability_female is not None)
        if self.kind == "age":
            return estimate.age
        if self.kind == "female":
            return estimate.probability_female.astype(float)
        if self.kind == "class":
            return estimate.probabilities[:, int(self.number)]
        return estimate.probabilities @ self.of_classes(estimate.classes)

    def on(self, whole: AgeEstimate) -> Target:
        """The same target, with the class that ``top-class`` means on a whole face: lime's among equal ones."""
        if self.kind != "top-class":
            return self
        self.check(whole.classes)
        return Target("class", float(np.argsort(whole.probabilities[0])[-1]))

    def check(self, classes: np.ndarray | None, gives_gender: bool = True) -> None:
        """Refuse an estimator that does not give the target, or for which it is the same number whatever the face.

        Parameters
        ----------
        classes : ndarray of float, shape (C,), or None
            Years that its classes stand for, none where it gives plain ages; None where they are not known.
        gives_gender : bool

        Raises
        ------
        UsageError

        Examples
        --------
        >>> parse_target("over:18").check(np.arange(101.0))  # nothing to say
        >>> parse_target("over:200").check(np.arange(101.0))
        Traceback (most recent call last):
            ...
        age_audit.core.errors.UsageError: expected over: and years above 0 and at most 100 to explain, ... got 200
        """
        if self.kind == "female" and not gives_gender:
            able = ", ".join(name for name, entry in ENTRIES.items() if entry.gives_gender)
            raise UsageError(
                "expected a probability of gender to explain, but this estimator gives none; take one that gives it: "
                f"{able}"
            )
        if self.kind not in ("over", "class", "top-class") or classes is None:
            return
        if not len(classes):
            able = ", ".join(name for name, entry in ENTRIES.items() if entry.gives_classes)
            raise UsageError(
                f"expected probabilities of classes of age to explain {self.name}, but this estimator gives ages only; "
                f"explain its age (target 'age', which preset audit has by itself), or take one that gives them: {able}"
            )
        if self.kind == "class" and not (self.number < len(classes) and float(self.number).is_integer()):
            raise UsageError(f"expected a class from 0 to {len(classes) - 1} to explain, got {self.number:g}")
        low, high = np.min(classes), np.max(classes)
        if self.kind == "over" and not low < self.number <= high:
            raise UsageError(
                f"expected over: and years above {low:g} and at most {high:g} to explain, for which this estimator has "
                f"classes on both sides, got {self.number:g}"
            )


def parse_target(text: str | Target) -> Target:
    """A target from how it is written.

    Parameters
    ----------
    text : str
        ``age`` (or ``expected-age``, as recipes have it), ``over:18``, ``class:25``, ``female`` or ``top-class``.

    Raises
    ------
    UsageError
        For anything else.

    Examples
    --------
    >>> parse_target("over:18")
    Target(kind='over', number=18.0)
    >>> parse_target("expected-age").name
    'expected_age'
    >>> parse_target("beauty")
    Traceback (most recent call last):
        ...
    age_audit.core.errors.UsageError: expected a target as age, over:YEARS, class:NUMBER, ...; got 'beauty'
    """
    if isinstance(text, Target):
        return text
    if not isinstance(text, str):
        raise UsageError(f"expected a target as a text, {FORMS}; got {text!r}")
    found = _PATTERN.fullmatch("age" if text in ("expected-age", "expected_age") else text)
    if found is None:
        raise UsageError(f"expected a target as {FORMS}; got {text!r}")
    alone, kind, number = found.groups()
    return Target(alone) if alone else Target(kind, float(number))
