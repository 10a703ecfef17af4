"""Faces to time things on: a folder of images, or the two portraits that ship inside packages, in many versions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from age_audit.core.errors import ImageFailure
from age_audit.data.images import draw_evenly, list_images
from age_audit.data.label_formats import LabelSource
from age_audit.data.portraits import PORTRAITS, portrait_path
from age_audit.faces.decoding import decode_image, read_bytes
from age_audit.faces.detection import crop_face


def photos(folder: Path | None, count: int) -> list[np.ndarray]:
    """So many photos, RGB uint8 (H, W, 3): drawn evenly from a folder, or portraits shifted, mirrored and darkened."""
    if folder is not None:
        labels = LabelSource("utkface")
        files = {file.image: file for file in list_images(folder)}
        drawn = draw_evenly({image: labels.label(file.fname) for image, file in files.items()}, count, 42)
        return [decode_image(read_bytes(files[image].path))[0] for image in drawn]
    whole = [decode_image(read_bytes(portrait_path(portrait)))[0] for portrait in PORTRAITS]
    # As large as the faces of UTKFace, which are 200 pixels wide.
    heads = [whole[0][20:220, 120:320], whole[1][60:460:2, 70:470:2]]
    generator = np.random.default_rng(42)
    versions = []
    for number in range(count):
        head = heads[number % 2][:, :: 1 - 2 * (number // 2 % 2)]
        shifted = np.roll(head, generator.integers(-6, 7, 2), axis=(0, 1))
        versions.append((shifted * generator.uniform(0.6, 1.0)).astype(np.uint8))
    return versions


def crops(folder: Path | None, count: int) -> list[np.ndarray]:
    """So many crops, RGB uint8 (224, 224, 3)."""
    found = []
    for photo in photos(folder, 2 * count):
        try:
            found.append(crop_face(photo).image)
        except ImageFailure:
            continue
        if len(found) == count:
            return found
    raise SystemExit(f"expected {count} faces, found {len(found)}; give more images")
