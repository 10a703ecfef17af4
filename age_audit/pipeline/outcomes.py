"""Accounting: every image is done, or failed with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from age_audit.pipeline.recipe import Recipe
from age_audit.pipeline.steps import READ
from age_audit.store.ledger import Ledger, Outcome

NOT_ATTEMPTED = "not-attempted"
LONGEST_NOTE = 300  # letters of it that are shown; a library may quote its whole graph
# Failures that say nothing about the image itself: tried again by the next run.
TRANSIENT = frozenset(
    {
        *("unexpected-error", "worker-died", "crop-unreadable", "aligned-unreadable", "explanation-unreadable"),
        *("crop-changed", "aligned-changed", "changed-while-reading", "unreadable"),
    }
)


@dataclass(frozen=True)
class Tally:
    """How a run's images ended.

    Attributes
    ----------
    images, done : int
    failed : dict of str to int
        By ``step/reason``.
    worked : int
        Tasks that were carried out; 0 when everything was there already.
    told : dict of str to str
        By ``step/reason``: which image was the first to fail so, and what was said of it.
    """

    images: int
    done: int
    failed: dict[str, int]
    worked: int
    told: dict[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """1 when there was no image that did not fail."""
        return int(self.images > 0 and self.done == 0)

    def __str__(self) -> str:
        failed = sum(self.failed.values())
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(self.failed.items()))
        balance = f"{self.images} images = {self.done} done + {failed} failed" + (f" ({reasons})" if failed else "")
        first = [f"  {reason} {self.failed[reason]}, the first {told}" for reason, told in sorted(self.told.items())]
        return "\n".join([*first, *([] if self.worked else ["nothing to do, all results were there"]), balance])


def current_outcomes(ledger: Ledger, recipe: Recipe, content: dict[str, str], step: str) -> dict[str, Outcome]:
    """A step's outcomes that were made from today's images with today's parameters.

    Parameters
    ----------
    content : dict of str to str
        Hash of the bytes of each image to consider.
    """
    return {
        image: outcome
        for image, outcome in ledger.outcomes(step, recipe.variant(step)).items()
        if image in content and outcome.key == recipe.key(step, content[image])
    }


def settled_outcomes(ledger: Ledger, recipe: Recipe, content: dict[str, str], step: str) -> dict[str, Outcome]:
    """Current outcomes that stand: those of failures that may pass when tried again are left out."""
    current = current_outcomes(ledger, recipe, content, step)
    return {image: outcome for image, outcome in current.items() if outcome.reason not in TRANSIENT}


def failures(
    ledger: Ledger, recipe: Recipe, images: Iterable[str], content: dict[str, str], chain: Sequence[str]
) -> dict[str, str]:
    """The first failure of each image that failed: {image: "step/reason"}.

    Parameters
    ----------
    images : iterable of str
    content : dict of str to str
        Hashes of those that could be read.
    chain : sequence of str
        The steps that count, in order.
    """
    read = ledger.outcomes(READ)
    by_step = [(step, current_outcomes(ledger, recipe, content, step)) for step in chain]
    failed = {}
    for image in images:
        outcome = read.get(image)
        if image not in content or (outcome and outcome.status == "failed" and outcome.key == content[image]):
            failed[image] = f"{READ}/{outcome.reason if outcome else NOT_ATTEMPTED}"
            continue
        for step, outcomes in by_step:
            outcome = outcomes.get(image)
            if outcome is None or outcome.status == "failed":
                failed[image] = f"{step}/{outcome.reason if outcome else NOT_ATTEMPTED}"
                break
    return failed


def tally(
    ledger: Ledger, recipe: Recipe, images: Sequence[str], content: dict[str, str], chain: Sequence[str], worked: int
) -> Tally:
    """Count a run's images; the numbers always balance, because each image is counted once."""
    failed = failures(ledger, recipe, images, content, chain)
    first = {reason: image for image, reason in reversed(failed.items())}
    told = {reason: f"{on_one_line(image)}{_note(ledger, recipe, reason, image)}" for reason, image in first.items()}
    return Tally(len(images), len(images) - len(failed), dict(Counter(failed.values())), worked, told)


def on_one_line(image: str) -> str:
    """A name as a terminal can show it: signs that would steer it are spelled out."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in image)


def _note(ledger: Ledger, recipe: Recipe, reason: str, image: str) -> str:
    """What was said of a failure, on one line."""
    step = reason.partition("/")[0]
    outcome = ledger.outcomes(step, recipe.variant(step)).get(image)
    said = " ".join(outcome.note.split()) if outcome else ""
    return f": {said[:LONGEST_NOTE]}" if said else ""
