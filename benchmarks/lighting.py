"""How far lighting moves the skin tone that a picture shows: the same faces lighter, darker, warmer and cooler.

    python -m benchmarks.lighting --images utkface/img

Exposure is changed as a camera does it, by a factor of light (a stop is a power of two), clipped at white; gamma bends
the values; warmth multiplies red light and divides blue. The two cheeks of a face differ by the light of the place.
Written to ``lighting.json``, which docs/faces.md quotes.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from age_audit.core.errors import ImageFailure
from age_audit.faces.landmarks import landmarks_on_crop
from age_audit.faces.skin_tone import PATCHES, SkinTone, measure_skin_tone, skin_tone_class
from benchmarks.faces import crops

OUT = Path(__file__).with_suffix(".json")
GAIN = np.ones(3)
WARMER = np.array([1.1, 1, 1 / 1.1])
# By name: the factor of red, green and blue light, and the power of the values.
LIGHTS = {
    "1 stop darker": (GAIN / 2, 1),
    "1/3 stop darker": (GAIN * 2 ** (-1 / 3), 1),
    "1/3 stop lighter": (GAIN * 2 ** (1 / 3), 1),
    "1 stop lighter": (GAIN * 2, 1),
    "gamma 1.1": (GAIN, 1.1),
    "gamma 1 / 1.1": (GAIN, 1 / 1.1),
    "10 % warmer": (WARMER, 1),
    "10 % cooler": (1 / WARMER, 1),
}


def relit(face: np.ndarray, gain: np.ndarray, power: float = 1) -> np.ndarray:
    """A picture in another light: uint8 (H, W, 3) in sRGB, as ``face``."""
    values = face / 255
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4) * gain
    values = np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)
    return np.rint(255 * values.clip(0, 1) ** power).astype(np.uint8)


def change(before: list[SkinTone], after: list[SkinTone]) -> dict:
    """How the angle moves, in degrees, over the faces that have one both times, and how many change their class."""
    angles = np.array([[one.angle, other.angle] for one, other in zip(before, after, strict=True)])
    there = ~np.isnan(angles).any(axis=1)
    moved = np.diff(angles[there])[:, 0]
    classes = np.array([[skin_tone_class(angle) for angle in pair] for pair in angles[there]])
    low, high = np.percentile(moved, (10, 90))
    found = {"median": np.median(moved), "p10": low, "p90": high}
    found |= {"other_class": (classes[:, 0] != classes[:, 1]).mean()}
    lost = int((~np.isnan(angles[:, 0]) & ~there).sum())
    return {"faces": int(there.sum()), "lost": lost} | {key: round(float(number), 3) for key, number in found.items()}


def between_patches(tones: list[SkinTone], one: str, other: str) -> dict:
    """How two patches of the same face differ: absolute difference of their angles in degrees."""
    apart = np.abs([tone.patches[one] - tone.patches[other] for tone in tones])
    apart = apart[~np.isnan(apart)]
    return {"faces": len(apart)} | {f"p{share}": round(float(np.percentile(apart, share)), 3) for share in (50, 90)}


def measured(folder: Path | None, count: int) -> dict:
    """Everything that is written."""
    faces = []
    for crop in crops(folder, count):
        try:
            faces.append((crop, landmarks_on_crop(crop)[0]))
        except ImageFailure:
            continue
    tones = [measure_skin_tone(*face) for face in faces]
    angles = np.array([tone.angle for tone in tones])
    reasons, counts = np.unique([tone.reason for tone in tones], return_counts=True)
    lights = {
        name: change(tones, [measure_skin_tone(relit(crop, *light), points) for crop, points in faces])
        for name, light in LIGHTS.items()
    }
    pairs = [(PATCHES[0], PATCHES[1]), (PATCHES[0], PATCHES[2]), (PATCHES[1], PATCHES[2])]
    return {
        "faces": len(faces),
        "reasons": dict(zip(reasons.tolist(), counts.tolist(), strict=True)),
        "angle": {f"p{share}": round(float(np.nanpercentile(angles, share)), 3) for share in (10, 25, 50, 75, 90)},
        "lights": lights,
        "patches": {f"{one} against {other}": between_patches(tones, one, other) for one, other in pairs},
    }


def table(found: dict) -> str:
    """What docs/faces.md shows."""
    lines = [
        "| light | angle moves by (median; middle 80 %) | another class | faces | lost to clipping or grey |",
        "|---|---|---|---|---|",
    ]
    for name, row in found["lights"].items():
        moves = f"{row['median']:+.0f}° ({row['p10']:+.0f} to {row['p90']:+.0f})"
        lines.append(f"| {name} | {moves} | {row['other_class']:.0%} | {row['faces']} | {row['lost']} |")
    return "\n".join(lines).replace("-", "−").replace("|−−−", "|---")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="folder of images (default: two portraits in many versions)")
    parser.add_argument("--count", type=int, default=300, help="faces (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=OUT, help="file to write (default: beside this one)")
    arguments = parser.parse_args()
    found = measured(arguments.images, arguments.count)
    arguments.out.write_text(json.dumps(found, indent=1) + "\n")
    print(table(found))


if __name__ == "__main__":
    main()
