"""Streams of random draws by seed and name."""

import pytest

from age_audit.core.randomness import stream


@pytest.mark.parametrize("name", ["halves", b"halves"])
def test_the_same_seed_and_name_draw_the_same_on_every_machine(name):
    assert stream(42, name).integers(0, 1000, 3).tolist() == [985, 733, 252]


def test_other_seeds_and_names_draw_otherwise():
    first = {stream(seed, name).random() for seed in (0, 1, 42) for name in ("a", "b", "")}
    assert len(first) == 9
