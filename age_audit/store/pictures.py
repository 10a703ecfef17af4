"""Where a run's pictures lie below its output folder."""

from __future__ import annotations

from pathlib import Path

FOLDERS = {"align": "img-aligned", "crop": "img-cropped", "explain": "img-masks"}


def picture_path(output: Path, step: str, fname: str) -> Path:
    """Picture that a step made of an image: lossless, named after the whole file name."""
    return output / FOLDERS[step] / f"{fname}.png"
