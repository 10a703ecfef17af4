"""Streams of random draws by seed and name."""

import pytest

from age_audit.core.randomness import Resampling, stream


@pytest.mark.parametrize("name", ["halves", b"halves"])
def test_the_same_seed_and_name_draw_the_same_on_every_machine(name):
    assert stream(42, name).integers(0, 1000, 3).tolist() == [985, 733, 252]


def test_other_seeds_and_names_draw_otherwise():
    first = {stream(seed, name).random() for seed in (0, 1, 42) for name in ("a", "b", "")}
    assert len(first) == 9


def test_resampling_hands_its_stream_and_its_numbers_to_an_interval():
    options = Resampling(42, draws=9, confidence=0.9).for_intervals("halves")
    assert options.pop("rng").integers(0, 1000, 3).tolist() == [985, 733, 252]
    assert options == {"draws": 9, "confidence": 0.9}


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_a_confidence_that_is_none_is_refused(confidence):
    with pytest.raises(ValueError, match=f"between 0 and 1, got {confidence}"):
        Resampling(1, confidence=confidence)
