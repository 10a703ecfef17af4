"""What kinds of files there are, and which of them could not be used."""

from __future__ import annotations

from pathlib import PurePosixPath

import pandas as pd

from age_audit.core.groups import require_columns
from age_audit.stats.proportions import share_columns

LISTED_SIZES = 10
OTHER_SIZES = "other sizes"
UNKNOWN = "unknown"
USED = "used"


def kinds_of_files(frame: pd.DataFrame) -> pd.DataFrame:
    """Count images by what their files are: endings as they are spelt, formats, colours, EXIF orientation, size.

    Parameters
    ----------
    frame : DataFrame
        One row an image, with ``fname`` and, as far as they are known, ``format`` (what the content is, such as JPEG),
        ``mode`` (how colours are stored: RGB, L, CMYK …), ``grey`` (bool: whether the picture has no colour, however it
        is stored), ``orientation`` (of EXIF, 1-8; missing where the file says nothing), ``width`` and ``height``
        (pixels).

    Returns
    -------
    DataFrame
        One row for each kind, the most frequent first. Columns: ``what`` (``ending``, ``names``, ``format``, ``mode``,
        ``colours``, ``orientation``, ``size``: those that are known), ``value``, ``images``, and their ``share`` of all
        (0-1) with ``low`` and ``high``, the ends of Wilson's interval of 95 %. Those of one ``what`` add up to all
        images. ``names`` counts images whose names another one has in other capitals, which some disks take for one.
        Of sizes the ten most frequent are listed.

    Raises
    ------
    UsageError
        If the frame lacks ``fname``.

    Examples
    --------
    >>> frame = pd.DataFrame({"fname": ["a.jpg", "A.jpg", "b.JPG"], "mode": ["RGB", "L", "RGB"]})
    >>> kinds_of_files(frame.assign(grey=[True, True, False]))[["what", "value", "images"]]
          what                       value  images
    0   ending                        .jpg       2
    1   ending                        .JPG       1
    2    names   same but for capitals           2
    3    names                         own       1
    4     mode                         RGB       2
    5     mode                           L       1
    6  colours    colour, stored as RGB           1
    7  colours         grey, stored as L          1
    8  colours       grey, stored as RGB          1
    """
    require_columns(frame, ("fname",))
    tables = []
    for what, values in _kinds(frame).items():
        counts = values.astype(object).where(values.notna(), UNKNOWN).astype(str).value_counts()
        counts = counts.sort_index().sort_values(ascending=False, kind="stable")
        if what == "size" and len(counts) > LISTED_SIZES:
            rest = pd.Series({OTHER_SIZES: counts.iloc[LISTED_SIZES:].sum()})
            counts = pd.concat([counts.iloc[:LISTED_SIZES], rest])
        tables.append(pd.DataFrame({"what": what, "value": counts.index, "images": counts.to_numpy()}))
    table = pd.concat(tables, ignore_index=True)
    return table.assign(**share_columns(table["images"], [len(frame)] * len(table)))


def _kinds(frame: pd.DataFrame) -> dict[str, pd.Series]:
    names = frame["fname"].astype(str)
    twins = names.str.casefold().duplicated(keep=False) & ~names.duplicated(keep=False)
    kinds = {
        "ending": names.map(lambda name: PurePosixPath(name).suffix or "none"),
        "names": twins.map({True: "same but for capitals", False: "own"}),
    }
    kinds |= {name: frame[name] for name in ("format", "mode") if name in frame}
    if "grey" in frame:
        seen = frame["grey"].map({True: "grey", False: "colour"})
        kinds["colours"] = seen + ", stored as " + frame["mode"] if "mode" in frame else seen
    if "orientation" in frame:
        kinds["orientation"] = frame["orientation"].astype("Int64").astype(object).fillna("not said")
    if {"width", "height"} <= set(frame):
        width, height = (frame[name].astype("Int64").astype("string") for name in ("width", "height"))
        kinds["size"] = width + " × " + height
    return kinds


def unusable(frame: pd.DataFrame) -> pd.DataFrame:
    """Count images by why they could not be used; the rows add up to all images.

    Parameters
    ----------
    frame : DataFrame
        One row an image, with ``reason``: why it failed, empty or missing where it did not.

    Returns
    -------
    DataFrame
        Columns ``reason``, of which ``"used"`` comes first, ``images``, and their ``share`` of all (0-1) with ``low``
        and ``high``, the ends of Wilson's interval of 95 %.

    Raises
    ------
    UsageError
        If the frame lacks the column.

    Examples
    --------
    >>> frame = pd.DataFrame({"reason": ["", "no-face", None, "unreadable", "no-face"]})
    >>> unusable(frame)[["reason", "images", "share"]]
           reason  images  share
    0        used       2    0.4
    1     no-face       2    0.4
    2  unreadable       1    0.2
    """
    require_columns(frame, ("reason",))
    reasons = frame["reason"].astype(object).where(frame["reason"].notna(), "").replace("", USED)
    counts = reasons.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    order = [USED, *(name for name in counts.index if name != USED)]
    counts = counts.reindex(order, fill_value=0)
    table = pd.DataFrame({"reason": order, "images": counts.to_numpy()})
    return table.assign(**share_columns(table["images"], [len(frame)] * len(table)))
