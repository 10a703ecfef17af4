"""What training was like: the mix of faces before and after balancing, curves, and how a classifier errs."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from age_audit.core.groups import require_columns
from age_audit.figures import style

_PANELS = {"loss": "loss", "exact": "in the right group (%)", "within_one": "right or the next (%)"}
_TRAINED, _HELD_OUT = style.OTHER_COLOURS[1], style.OTHER_COLOURS[0]


def curves_figure(curves: pd.DataFrame) -> Figure:
    """Draw loss and shares over the epochs, of training faces as they were shown and of validation faces.

    Parameters
    ----------
    curves : DataFrame
        As :func:`age_audit.training.fit.train` gives it.

    Returns
    -------
    Figure
        Dashed: training faces, changed and with parts of the network switched off. Upright lines: where a stage begins.

    Examples
    --------
    >>> row = {"stage": 1, "epoch": 1, "loss": 2.0, "exact": 0.2, "within_one": 0.5}
    >>> row |= {f"validation_{name}": row[name] for name in ("loss", "exact", "within_one")}
    >>> style.title_of(curves_figure(pd.DataFrame([row, row | {"epoch": 2, "validation_loss": 1.5}])))
    'Validation loss is lowest, 1.500, in epoch 2 of stage 1'
    """
    require_columns(curves, ("stage", "epoch", *_PANELS, *(f"validation_{name}" for name in _PANELS)))
    with style.applied():
        figure = style.new_figure(style.FULL, 2.6)
        at = np.arange(1, len(curves) + 1)
        for axes, (name, label) in zip(figure.subplots(1, len(_PANELS)), _PANELS.items(), strict=True):
            by = 1 if name == "loss" else 100
            axes.plot(at, by * curves[name], color=_TRAINED, linestyle=(0, (5, 2)), label="training")
            axes.plot(at, by * curves[f"validation_{name}"], color=_HELD_OUT, label="validation")
            for start in at[curves["stage"].diff().to_numpy() > 0]:
                axes.axvline(start - 0.5, color="0.7", linewidth=0.8)
            axes.set(xlabel="epoch", ylabel=label)
            axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend()
        best = curves.loc[curves["validation_loss"].idxmin()]
        told = f"Validation loss is lowest, {best['validation_loss']:.3f}, in epoch {best['epoch']:.0f}"
        style.set_finding(figure, f"{told} of stage {best['stage']:.0f}")
    return figure


def balance_figure(table: pd.DataFrame) -> Figure:
    """Draw what part of the training each class is, before and after balancing.

    Parameters
    ----------
    table : DataFrame
        Of :func:`age_audit.training.balance.balance_table`.

    Examples
    --------
    >>> row = {"feature": "group", "class": "Child", "faces": 30, "share": 0.75, "shown": 30, "weight": 0.5}
    >>> rows = [row, row | {"class": "Adult", "faces": 10, "share": 0.25, "shown": 10}]
    >>> style.title_of(balance_figure(pd.DataFrame(rows)))
    'The largest group is 3.0 times the smallest before and 1.0 times after balancing'
    """
    require_columns(table, ("feature", "class", "faces", "share", "shown", "weight"))
    features = list(dict.fromkeys(table["feature"]))
    sizes = [(table["feature"] == feature).sum() for feature in features]
    with style.applied():
        figure = style.new_figure(style.FULL, 1.6 + 0.22 * sum(sizes))
        panels = figure.subplots(len(features), 1, sharex=True, squeeze=False, height_ratios=sizes)[:, 0]
        for axes, feature in zip(panels, features, strict=True):
            rows = table[table["feature"] == feature]
            y = np.arange(len(rows))
            axes.barh(y - 0.2, 100 * rows["share"], 0.4, color="0.75", label="before")
            axes.barh(y + 0.2, 100 * rows["weight"], 0.4, color=_HELD_OUT, label="after")
            names = [f"{name} ({faces:,})" for name, faces in zip(rows["class"], rows["faces"], strict=True)]
            axes.set_yticks(y, names)
            axes.invert_yaxis()
        panels[-1].set_xlabel("part of the training (%; in brackets: faces)")
        panels[0].legend()
        ends = [table.loc[(table["feature"] == features[0]) & (table["faces"] > 0), c] for c in ("share", "weight")]
        before, after = (part.max() / part.min() for part in ends)
        told = f"The largest {features[0]} is {before:.1f} times the smallest before"
        style.set_finding(figure, f"{told} and {after:.1f} times after balancing")
    return figure


def confusion_figure(table: pd.DataFrame, found: pd.DataFrame) -> Figure:
    """Draw the groups that faces are said to be of against those they are labelled, and how often what is said is so.

    Parameters
    ----------
    table : DataFrame
        Of :func:`age_audit.training.evaluate.confusion`.
    found : DataFrame
        Of :func:`age_audit.training.evaluate.calibration`.

    Examples
    --------
    >>> table = pd.DataFrame([[8, 2], [1, 9]], index=["Child", "Adult"], columns=["Child", "Adult"])
    >>> found = pd.DataFrame({"n": [20], "stated": [0.8], "share": [0.85], "low": [0.6], "high": [0.95]})
    >>> style.title_of(confusion_figure(table, found))
    '85 % of 20 faces are in the right group, least of Child, 80 %'
    """
    counts = table.to_numpy()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    with style.applied():
        figure = style.new_figure(style.FULL, 3.9)
        left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
        left.imshow(shares, cmap="Greys", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(counts):
            if count:
                light = "white" if shares[row, column] > 0.5 else "0.1"
                left.text(column, row, f"{count:,}", ha="center", va="center", fontsize=6.5, color=light)
        left.set_xticks(range(counts.shape[1]), table.columns, rotation=90)
        left.set_yticks(
            range(len(counts)), [f"{n} ({size:,})" for n, size in zip(table.index, counts.sum(axis=1), strict=True)]
        )
        left.set(xlabel="group that it says", ylabel="labelled group (faces)")
        right.plot([0, 100], [0, 100], color="0.35", linestyle=":")
        off = 100 * np.abs(found[["low", "high"]].to_numpy().T - found["share"].to_numpy())
        right.errorbar(100 * found["stated"], 100 * found["share"], off, fmt="o", markersize=3.5, color=_HELD_OUT)
        right.set(xlabel="stated probability (%)", ylabel="right (%)", xlim=(0, 100), ylim=(0, 100), aspect="equal")
        there = np.flatnonzero(counts.sum(axis=1))
        least = there[np.diag(shares)[there].argmin()]
        told = f"{style.percent(np.trace(counts) / counts.sum())} of {counts.sum():,} faces are in the right group"
        style.set_finding(figure, f"{told}, least of {table.index[least]}, {style.percent(shares[least, least])}")
    return figure


def classifiers_figure(table: pd.DataFrame) -> Figure:
    """Draw what share of faces classifiers, and estimators of ages, put in the right group, or in that or the next.

    Parameters
    ----------
    table : DataFrame
        Rows as :func:`age_audit.training.comparison.over_seeds` makes them, with ``classifier`` and ``kind``:
        ``"trained"`` here; ``"untrained"``; or ``"seen"`` of an estimator that was trained on such faces before.

    Returns
    -------
    Figure
        Dots: trained here; diamonds: estimators of ages.

    Examples
    --------
    >>> rows = [{"classifier": name, "measure": measure, "value": 0.5, "low": 0.4, "high": 0.6, "kind": kind}
    ...         for name, kind in (("a", "trained"), ("b", "untrained")) for measure in ("exact", "within_one")]
    >>> style.title_of(classifiers_figure(pd.DataFrame(rows)))
    'a puts 50 % of the faces into the right group; without training here b puts 50 %'
    """
    require_columns(table, ("classifier", "measure", "value", "low", "high", "kind"))
    names = list(dict.fromkeys(table["classifier"]))
    with style.applied():
        figure = style.new_figure(style.FULL, 1.4 + 0.24 * len(names))
        panels = figure.subplots(1, 2, sharey=True)
        for axes, measure in zip(panels, ("exact", "within_one"), strict=True):
            rows = table[table["measure"] == measure].set_index("classifier")
            for y, name in enumerate(names):
                row = rows.loc[name]
                look = (
                    {"color": _HELD_OUT, "marker": "o"}
                    if row["kind"] == "trained"
                    else {"color": "0.35", "marker": "D"}
                )
                axes.plot([100 * row["low"], 100 * row["high"]], [y, y], color=look["color"])
                axes.plot(100 * row["value"], y, markersize=4, **look)
            axes.set_xlabel(_PANELS[measure])
            axes.grid(axis="x", color="0.9", linewidth=0.6)
        panels[0].set_yticks(range(len(names)), names)
        panels[0].invert_yaxis()
        exact = table[table["measure"] == "exact"].set_index("classifier")
        best, other = (exact.loc[exact["kind"] == kind, "value"].idxmax() for kind in ("trained", "untrained"))
        value, others = (style.percent(exact.loc[name, "value"]) for name in (best, other))
        told = f"{best} puts {value} of the faces into the right group; without training here {other} puts {others}"
        style.set_finding(figure, told.replace("ages of ", ""))
    return figure
