"""Each image counts once: done, or failed at the first step that failed."""

from dataclasses import replace

import pytest

from age_audit.core.schema import ImageOutcome
from age_audit.pipeline.outcomes import Tally, current_outcomes, failures, tally
from age_audit.pipeline.recipe import Recipe
from age_audit.store.ledger import Ledger, Outcome, StepRecord

RECIPE = Recipe(aligned=True, estimator="dex-wrn", precision="float32", preset="published", seed=42)
CHAIN = ["align", "crop", "estimate", "explain"]

# What each image went through: steps in order, and the reason where one failed.
STORY = {
    "done.jpg": [("read", ""), ("align", ""), ("crop", ""), ("estimate", ""), ("explain", "")],
    "done2.jpg": [("read", ""), ("align", ""), ("crop", ""), ("estimate", ""), ("explain", "")],
    "broken.jpg": [("read", "truncated")],
    "faceless.jpg": [("read", ""), ("align", "no-face")],
    "faceless2.jpg": [("read", ""), ("align", "no-face")],
    "lost.jpg": [("read", ""), ("align", ""), ("crop", "no-face")],
    "odd.jpg": [("read", ""), ("align", ""), ("crop", ""), ("estimate", "estimate-not-finite"), ("explain", "")],
    "twice.jpg": [("read", ""), ("align", ""), ("crop", "no-face"), ("estimate", "estimate-not-finite")],
    "waiting.jpg": [("read", ""), ("align", ""), ("crop", ""), ("estimate", "")],
}
CONTENT = {image: f"hash of {image}" for image in STORY}


def record(image, step, reason="", content=None, recipe=RECIPE):
    job = recipe.job(step, image, content or CONTENT[image])
    return job.failed(reason, f"why\nof {image}") if reason else job.done(None)


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path) as opened:
        opened.record(record(image, step, reason) for image, steps in STORY.items() for step, reason in steps)
        yield opened


EXPECTED = {
    "broken.jpg": "read/truncated",
    "faceless.jpg": "align/no-face",
    "faceless2.jpg": "align/no-face",
    "lost.jpg": "crop/no-face",
    "odd.jpg": "estimate/estimate-not-finite",
    "twice.jpg": "crop/no-face",
    "waiting.jpg": "explain/not-attempted",
}


class TestFailures:
    def test_the_first_failing_step_counts(self, ledger):
        assert failures(ledger, RECIPE, list(STORY), CONTENT, CHAIN) == EXPECTED

    def test_steps_outside_the_chain_do_not(self, ledger):
        failed = failures(ledger, RECIPE, list(STORY), CONTENT, ["align"])
        assert failed == {image: EXPECTED[image] for image in ("broken.jpg", "faceless.jpg", "faceless2.jpg")}

    def test_only_the_images_asked_for(self, ledger):
        assert failures(ledger, RECIPE, ["done.jpg", "odd.jpg"], CONTENT, CHAIN) == {"odd.jpg": EXPECTED["odd.jpg"]}

    def test_images_that_could_not_be_hashed(self, ledger):
        refusal = ImageOutcome("sub/done.jpg", "read", "failed", "duplicate-name")
        ledger.record([StepRecord(refusal, "", "")])
        failed = failures(ledger, RECIPE, ["sub/done.jpg", "never-seen.jpg", "done.jpg"], CONTENT, CHAIN)
        assert failed == {"sub/done.jpg": "read/duplicate-name", "never-seen.jpg": "read/not-attempted"}

    def test_a_file_that_was_replaced_starts_anew(self, ledger):
        content = CONTENT | {"broken.jpg": "mended", "done.jpg": "another photo"}
        failed = failures(ledger, RECIPE, ["broken.jpg", "done.jpg"], content, CHAIN)
        assert failed == {"broken.jpg": "align/not-attempted", "done.jpg": "align/not-attempted"}

    def test_another_preset_has_explained_nothing(self, ledger):
        audit = Recipe(True, "dex-wrn", "float32", "audit", 42)
        assert failures(ledger, audit, ["done.jpg"], CONTENT, CHAIN) == {"done.jpg": "explain/not-attempted"}
        assert failures(ledger, audit, ["done.jpg"], CONTENT, CHAIN[:3]) == {}

    def test_without_alignment_the_crops_are_others(self, ledger):
        unaligned = Recipe(False, "dex-wrn", "float32", "published", 42)
        assert failures(ledger, unaligned, ["done.jpg"], CONTENT, CHAIN[1:]) == {"done.jpg": "crop/not-attempted"}
        ledger.record([record("done.jpg", step, recipe=unaligned) for step in CHAIN[1:]])
        assert failures(ledger, unaligned, ["done.jpg"], CONTENT, CHAIN[1:]) == {}


class TestCurrentOutcomes:
    def test_of_the_content_given(self, ledger):
        content = {"faceless.jpg": CONTENT["faceless.jpg"], "done.jpg": "another photo", "new.jpg": "x"}
        found = current_outcomes(ledger, RECIPE, content, "align")
        key = RECIPE.key("align", "hash of faceless.jpg")
        assert found == {"faceless.jpg": Outcome(key, "failed", "no-face", "why\nof faceless.jpg")}

    def test_reading_is_keyed_by_the_content_itself(self, ledger):
        content = {"done.jpg": CONTENT["done.jpg"], "broken.jpg": "mended"}
        assert list(current_outcomes(ledger, RECIPE, content, "read")) == ["done.jpg"]

    def test_of_one_variant(self, ledger):
        assert current_outcomes(ledger, replace(RECIPE, preset="audit"), CONTENT, "explain") == {}
        found = current_outcomes(ledger, RECIPE, CONTENT, "explain")
        assert sorted(found) == ["done.jpg", "done2.jpg", "odd.jpg"]


class TestTally:
    def test_counts_balance(self, ledger):
        counted = tally(ledger, RECIPE, list(STORY), CONTENT, CHAIN, worked=5)
        reasons = {
            "read/truncated": 1,
            "align/no-face": 2,
            "crop/no-face": 2,
            "estimate/estimate-not-finite": 1,
            "explain/not-attempted": 1,
        }
        told = {
            "read/truncated": "broken.jpg: why of broken.jpg",
            "align/no-face": "faceless.jpg: why of faceless.jpg",
            "crop/no-face": "lost.jpg: why of lost.jpg",
            "estimate/estimate-not-finite": "odd.jpg: why of odd.jpg",
            "explain/not-attempted": "waiting.jpg",
        }
        assert counted == Tally(images=9, done=2, failed=reasons, worked=5, told=told)

    def test_in_words(self):
        counted = Tally(9, 5, {"crop/no-face": 3, "align/no-face": 1}, worked=2)
        assert str(counted) == "9 images = 5 done + 4 failed (align/no-face 1, crop/no-face 3)"

    def test_the_first_of_each_failure_is_told_with_their_count(self):
        counted = Tally(9, 6, {"estimate/unexpected-error": 3}, 2, {"estimate/unexpected-error": "a.jpg: no weights"})
        first, last = str(counted).splitlines()
        assert first == "  estimate/unexpected-error 3, the first a.jpg: no weights"
        assert last == "9 images = 6 done + 3 failed (estimate/unexpected-error 3)"

    @pytest.mark.parametrize(("images", "done", "code"), [(2, 0, 1), (2, 1, 0), (0, 0, 0)])
    def test_exit_code_1_when_every_image_failed(self, images, done, code):
        assert Tally(images, done, {}, 1).exit_code == code

    def test_nothing_to_do(self):
        assert str(Tally(2, 2, {}, 0)) == "nothing to do, all results were there\n2 images = 2 done + 0 failed"


def test_a_name_that_would_steer_the_terminal_is_spelled_out(tmp_path):
    image = "a\n\x1b[2Jé.jpg"
    with Ledger(tmp_path) as opened:
        opened.record([record(image, "read", "truncated", content="hash")])
        counted = tally(opened, RECIPE, [image], {image: "hash"}, CHAIN, worked=1)
    assert counted.told["read/truncated"].startswith("a\\n\\x1b[2Jé.jpg: why of")
