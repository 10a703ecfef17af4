"""What a gate asks of an age: from which age on people may pass, and how much older they have to look."""

from __future__ import annotations

from dataclasses import dataclass

from age_audit.core.checks import Checked, choice, named, number, whole

REFUSE, ERROR, PASS = "refuse", "error", "pass"
NOT_FOUND = (REFUSE, ERROR, PASS)  # what becomes of somebody whose face is not found


@dataclass(frozen=True)
class Policy(Checked):
    """An age limit, and from which estimate on it counts as met.

    Attributes
    ----------
    name : str
    age : int
        Years: who is that old, or older, may pass.
    buffer : float
        Years that an estimate has to be above the age: 7 for "Challenge 25" at an age of 18.
    not_found : str
        What becomes of somebody whose face is not found: ``"refuse"`` and ``"pass"`` count as such; ``"error"`` counts
        as neither, as where another attempt is asked for.
    source : str
        Where the policy is from.

    Raises
    ------
    UsageError
        For an age that is no whole number of years, 1 to 120, a buffer below 0, or another word.

    Examples
    --------
    >>> Policy("Challenge 25", 18, 7).ask_below
    25
    """

    name: str = named("over 18")
    age: int = whole(18, 1, 120)
    buffer: float = number(0, 0, 120)
    not_found: str = choice(REFUSE, NOT_FOUND)
    source: str = ""

    @property
    def ask_below(self) -> float:
        """The estimate, in years, from which on somebody passes without being asked for a document."""
        return self.age + self.buffer
