"""Whether two explanations of a face agree, beside those of other faces."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from age_audit.figures import style

_BINS = np.linspace(0, 1, 41)
_OWN, _OTHERS = "#0072b2", "0.25"


def same_signs(faces: Mapping[str, pd.DataFrame], title: str) -> Figure:
    """Draw on how much of what one explanation settles another one of the same face has the same sign.

    Parameters
    ----------
    faces : mapping of str to DataFrame
        By estimator, from :func:`age_audit.audit.explanations.two_masks.sign_agreement`.
    title : str

    Returns
    -------
    Figure
        A panel an estimator: faces by their share (0-100 %), filled, and by what the explanations of all other faces
        give, an outline; a line at either mean.

    Raises
    ------
    ValueError
        Without an estimator.
    """
    if not faces:
        raise ValueError("expected an estimator with two explanations of its faces, got none")
    with style.applied():
        figure = style.new_figure(style.FULL, 2.9)
        for axes, (name, table) in zip(figure.subplots(1, len(faces), squeeze=False).flat, faces.items(), strict=True):
            known = table.dropna(subset=["same_sign", "of_other_faces"])
            for column, colour, look in (
                ("same_sign", _OWN, {"histtype": "stepfilled", "alpha": 0.45, "label": "of the same face"}),
                ("of_other_faces", _OTHERS, {"histtype": "step", "label": "of other faces"}),
            ):
                axes.hist(known[column], _BINS, color=colour, **look)
                axes.axvline(known[column].mean(), color=colour, linestyle="--" if column == "same_sign" else ":")
            axes.set(xlim=(0, 1), xlabel="same sign, share of the settled area (%)", ylabel="faces")
            axes.set_xticks(np.linspace(0, 1, 5), ["0", "25", "50", "75", "100"])
            axes.set_title(f"{name} (n = {len(known):,})", fontsize=style.SMALL)
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
        style.set_finding(figure, title)
    return figure
