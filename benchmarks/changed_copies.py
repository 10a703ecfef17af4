"""Which copies are found: faces changed on purpose, and how many of each change share a cluster with their original.

    python -m benchmarks.changed_copies --images utkface/img

A change is of the picture as it is, 200 × 200 pixels of UTKFace. Numbers of other pictures are others: on a larger one
a cut of four pixels is less of it.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from age_audit.audit.dataset.duplicates import clusters_of_copies
from age_audit.core.randomness import stream
from age_audit.faces.decoding import decode_image, read_bytes
from age_audit.faces.fingerprints import fingerprint

OUT = Path(__file__).with_suffix(".json")


def saved_as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def cut(image: Image.Image, pixels: int) -> Image.Image:
    return image.crop((pixels, pixels, image.width - pixels, image.height - pixels))


def marked(image: Image.Image) -> Image.Image:
    image = image.copy()
    ImageDraw.Draw(image).text((5, image.height - 15), "example.org", fill="white")
    return image


def scaled(image: Image.Image, side: int) -> Image.Image:
    return image.resize((side, side), Image.Resampling.LANCZOS)


def lit(image: Image.Image, factor: float) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(factor)


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    **{f"JPEG of quality {quality}": partial(saved_as_jpeg, quality=quality) for quality in (90, 30, 10)},
    **{f"{side} x {side} pixels": partial(scaled, side=side) for side in (100, 50)},
    **{f"{factor:g} times as bright": partial(lit, factor=factor) for factor in (0.6, 1.2, 1.5)},
    "1.3 times the contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.3),
    "grey": lambda image: ImageOps.grayscale(image).convert("RGB"),
    "a mark written on it": marked,
    **{f"{pixels} pixels cut off each side": partial(cut, pixels=pixels) for pixels in (2, 4, 5, 10)},
    "turned by 2 degrees": lambda image: image.rotate(2, Image.Resampling.BICUBIC),
    "a white frame of 5 pixels": lambda image: ImageOps.expand(image, 5, "white"),
    "mirrored": ImageOps.mirror,
}


def faces(images: Path, count: int) -> list[Image.Image]:
    """So many faces drawn of a folder."""
    paths = sorted(images.iterdir())
    chosen = stream(1, "changed copies").choice(len(paths), count, replace=False)
    return [Image.fromarray(decode_image(read_bytes(paths[i]))[0]) for i in sorted(chosen)]


def found(originals: list[Image.Image], change: Callable[[Image.Image], Image.Image]) -> int:
    """How many changed faces share the cluster of their original."""
    prints = [fingerprint(np.asarray(face)) for face in (*originals, *map(change, originals))]
    kept = ([getattr(one, name) for one in prints] for name in ("pixels", "dhash", "phash", "details"))
    pixels, dhash, phash, details = map(np.array, kept)
    of = clusters_of_copies(pixels, dhash, phash, details)
    return int((of[: len(originals)] == of[len(originals) :]).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help="folder of images")
    parser.add_argument("--count", type=int, default=40, help="faces (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=OUT, help="file to write (default: beside this one)")
    arguments = parser.parse_args()
    originals = faces(arguments.images, arguments.count)
    rows = [
        {"change": name, "faces": len(originals), "found": found(originals, change)} for name, change in CHANGES.items()
    ]
    arguments.out.write_text(json.dumps(rows, indent=1) + "\n")
    print("\n".join(f"{row['change']}: {row['found']} of {row['faces']}" for row in rows))


if __name__ == "__main__":
    main()
