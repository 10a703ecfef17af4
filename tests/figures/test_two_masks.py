"""Agreement of two explanations, as it is drawn."""

import numpy as np
import pandas as pd
import pytest

from age_audit.figures.two_masks import same_signs


def faces(n, seed):
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"same_sign": [*rng.uniform(0, 1, n), np.nan], "of_other_faces": [0.4] * n + [np.nan]})


def test_a_panel_an_estimator_with_its_faces_and_both_means():
    one, two = faces(50, 0), faces(20, 1)
    figure = same_signs({"one": one, "two": two}, "They agree")
    assert [axes.get_title() for axes in figure.axes] == ["one (n = 50)", "two (n = 20)"]
    for axes, table in zip(figure.axes, (one, two), strict=True):
        means = [line.get_xdata()[0] for line in axes.lines]
        assert means == pytest.approx([table["same_sign"].mean(), 0.4])
    assert figure.get_suptitle() == "They agree"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["of the same face", "of other faces"]


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="expected an estimator"):
        same_signs({}, "")
