"""Two sets of landmarks on the same faces, dlib's 68 and MediaPipe's 478: boxes of parts, faces found, time, pose.

    pip install --no-deps -r benchmarks/requirements-mediapipe.txt    # in an environment of its own
    python -m benchmarks.landmark_sets --images utkface/img

Heads' angles are compared with those of MediaPipe's own matrix, and our 478 landmarks with its own. Written to
``landmark_sets.json``, which docs/faces.md quotes.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from age_audit.core.errors import ImageFailure
from age_audit.core.paths import ROOT, mesh_model_path
from age_audit.data.metadatasets import read_metadataset
from age_audit.faces.alignment import EYE_DISTANCE, align_face, landmarks_for_alignment
from age_audit.faces.decoding import decode_image, read_bytes
from age_audit.faces.detection import crop_face, detect_faces
from age_audit.faces.landmarks import landmarks_on_crop
from age_audit.faces.landmarks_478 import _detect, landmarks_478_on_crop
from age_audit.faces.pose import head_pose
from age_audit.regions.boxes import BOX_REGIONS, SIDES, annotate, landmark_boxes
from age_audit.stats.correlations import pearson_r
from benchmarks.faces import crops, photos

OUT = Path(__file__).with_suffix(".json")
SHIPPED = ROOT / "metadatasets" / "face-api-gender-regions"
ANGLES = ("yaw", "pitch", "roll")
TO_OURS = np.diag([1, -1, -1])  # its y points up and its z to the viewer


@dataclass(frozen=True)
class Found:
    """Of the face nearest to the middle: landmarks (478, 2) in pixels; yaw, pitch, roll in degrees."""

    landmarks: np.ndarray
    angles: np.ndarray


class MediaPipe:
    """The library itself; what it finds on a picture, or None."""

    def __init__(self):
        from mediapipe.tasks.python import vision
        from mediapipe.tasks.python.core.base_options import BaseOptions

        options = vision.FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(mesh_model_path())),
            num_faces=5,
            output_facial_transformation_matrixes=True,
        )
        self.landmarker = vision.FaceLandmarker.create_from_options(options)

    def __call__(self, picture: np.ndarray) -> Found | None:
        from mediapipe.tasks.python.vision.core import image

        size = np.array(picture.shape[1::-1])
        result = self.landmarker.detect(image.Image(image.ImageFormat.SRGB, picture))
        faces = [np.array([(point.x, point.y) for point in face]) * size for face in result.face_landmarks]
        if not faces:
            return None
        nearest = np.argmin([np.linalg.norm(face.mean(axis=0) - size / 2) for face in faces])
        turn = TO_OURS @ result.facial_transformation_matrixes[nearest][:3, :3] @ TO_OURS
        roll, yaw, pitch = Rotation.from_matrix(turn).as_euler("ZYX", degrees=True)
        return Found(faces[nearest], np.array([-yaw, -pitch, roll]))

    def close(self) -> None:
        self.landmarker.close()


def timed(find, faces: list[np.ndarray]) -> tuple[list, dict]:
    """Landmarks of each face or None, and how many are found in how much time of a processor."""
    found, start = [], time.process_time()
    for face in faces:
        try:
            found.append(find(face)[0])
        except ImageFailure:
            found.append(None)
    seconds = time.process_time() - start
    count = sum(points is not None for points in found)
    return found, {"found": count, "milliseconds": round(1000 * seconds / len(faces), 1)}


def found_on_pictures(pictures: list[np.ndarray]) -> dict:
    """On how many pictures, which nobody chose, either detector finds a face anywhere."""
    found = np.array([[bool(detect_faces(picture)), len(_detect(picture)) > 0] for picture in pictures])
    return {"pictures": len(found), "68": int(found[:, 0].sum()), "478": int(found[:, 1].sum())} | {
        "neither": int((~found).all(axis=1).sum())
    }


def followed_roll(faces: list[np.ndarray], points: list[np.ndarray], degrees: float) -> dict:
    """How far roll moves when the picture is turned clockwise in its plane, on the faces that are found again."""
    moved = []
    for face, before in zip(faces, points, strict=True):
        turned = np.array(Image.fromarray(face).rotate(-degrees, resample=Image.Resampling.BILINEAR))
        try:
            moved.append(head_pose(landmarks_on_crop(turned)[0]).roll - head_pose(before).roll)
        except ImageFailure:
            continue
    spread = {f"p{share}": round(float(np.percentile(moved, share)), 3) for share in (10, 50, 90)}
    return {"degrees": degrees, "faces": len(moved)} | spread


def overlap(one: dict, other: dict) -> float:
    """Intersection over union of two boxes."""
    one, other = (np.array([box[side] for side in SIDES]) for box in (one, other))
    shared = np.maximum(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0).prod()
    return float(shared / ((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod() - shared))


def box_overlaps(pairs: list[tuple[np.ndarray, np.ndarray]]) -> dict:
    """Of each part: quantiles of the overlap, and how much larger the box of the 478 is (median ratio of areas)."""
    rows = {}
    boxes = [tuple(map(landmark_boxes, pair)) for pair in pairs]
    for number, part in enumerate(BOX_REGIONS):
        both = [(few[number], many[number]) for few, many in boxes]
        shares = [overlap(*pair) for pair in both]
        rows[part] = {f"p{share}": round(float(np.percentile(shares, share)), 3) for share in (10, 50, 90)}
        rows[part]["area_ratio"] = round(float(np.median([area(many) / area(few) for few, many in both])), 3)
    return rows


def named_again(folder: Path, results: Path, count: int) -> dict:
    """Shipped activation boxes, named by 478 landmarks of the same crops: how many keep the name that 68 gave them."""
    rows = read_metadataset(results, "utkface", "boxes")
    names = []
    for row in rows[:: len(rows) // count][:count]:
        face, _ = decode_image(read_bytes(folder / row["fname"]))
        aligned = align_face(face, landmarks_for_alignment(face)[0])
        crop = crop_face(aligned.image, near=aligned.centre, reach=EYE_DISTANCE).image
        again = annotate(row["boxes"], landmark_boxes(landmarks_478_on_crop(crop)[0]))
        names += [(before["label"], after["label"]) for before, after in zip(row["boxes"], again, strict=True)]
    before, after = np.array(names, dtype=object).T
    found = {"faces": count, "boxes": len(names), "same_name": float((before == after).mean())}
    found |= {"named_by_68": float((before != None).mean()), "named_by_478": float((after != None).mean())}  # noqa: E711
    both = (before != None) & (after != None)  # noqa: E711
    return {key: round(number, 3) for key, number in found.items()} | {
        "same_part_of_named_by_both": round(float((before == after)[both].mean()), 3)
    }


def area(box: dict) -> int:
    """In pixels."""
    return (box["max_x"] - box["min_x"]) * (box["max_y"] - box["min_y"])


def pose_agreement(ours: np.ndarray, theirs: np.ndarray) -> dict:
    """Of angles (N, 3), in degrees."""
    rows = {}
    for number, angle in enumerate(ANGLES):
        one, other = ours[:, number], theirs[:, number]
        apart = one - other
        found = {
            "r": pearson_r(one, other),
            "slope": np.polyfit(other, one, 1)[0],
            "mean_absolute_difference": np.abs(apart).mean(),
            "mean_difference": apart.mean(),
            "mean_absolute_difference_less_mean": np.abs(apart - apart.mean()).mean(),
            "sd_of_theirs": other.std(),
        }
        rows[angle] = {name: round(float(number), 3) for name, number in found.items()}
    return rows


def measured(folder: Path | None, count: int) -> dict:
    """Everything that is written."""
    faces = crops(folder, count)
    landmarks_478_on_crop(faces[0])  # the networks are loaded
    few, dlib = timed(landmarks_on_crop, faces)
    many, mesh = timed(landmarks_478_on_crop, faces)
    library = MediaPipe()
    theirs = [library(face) for face in faces]
    library.close()
    both = [(a, b, c) for a, b, c in zip(few, many, theirs, strict=True) if not (a is None or b is None or c is None)]
    apart = [np.linalg.norm(mine - found.landmarks, axis=1).mean() for _, mine, found in both]
    poses = [head_pose(points) for points, *_ in both]
    misfits = [pose.misfit for pose in poses]
    angles = np.array([[getattr(pose, angle) for angle in ANGLES] for pose in poses])
    chosen = [(face, points) for face, points in zip(faces, few, strict=True) if points is not None][:100]
    return {
        "faces": len(faces),
        "on_pictures": found_on_pictures(photos(folder, count)),
        "turned": followed_roll(*zip(*chosen, strict=True), 15),
        "68": dlib,
        "478": mesh,
        "mediapipe": {"found": sum(found is not None for found in theirs)},
        "both": len(both),
        "pixels_from_mediapipe": {f"p{share}": round(float(np.percentile(apart, share)), 3) for share in (50, 90, 100)},
        "overlap": box_overlaps([(points, mine) for points, mine, _ in both]),
        "named_again": named_again(folder, SHIPPED, 200) if folder else None,
        "pose": pose_agreement(angles, np.array([found.angles for *_, found in both])),
        "misfit": {f"p{share}": round(float(np.percentile(misfits, share)), 4) for share in (50, 90)},
    }


def boxes_table(found: dict) -> str:
    """What docs/faces.md shows of boxes."""
    lines = ["| part | overlap, median (middle 80 %) | area, the 478's over the 68's |", "|---|---|---|"]
    for part, row in found["overlap"].items():
        spread = f"{row['p50']:.2f} ({row['p10']:.2f} to {row['p90']:.2f})"
        lines.append(f"| {part.replace('_', ' ')} | {spread} | {row['area_ratio']:.2f} |")
    return "\n".join(lines)


def pose_table(found: dict) -> str:
    """What docs/faces.md shows of pose."""
    head = "| angle | r | slope | mean absolute difference | mean difference | mean absolute difference without it |"
    lines = [head, "|---|---|---|---|---|---|"]
    for angle, row in found["pose"].items():
        apart, less = row["mean_absolute_difference"], row["mean_absolute_difference_less_mean"]
        cells = [angle, f"{row['r']:.2f}", f"{row['slope']:.2f}", f"{apart:.1f}°", f"{row['mean_difference']:+.1f}°"]
        lines.append(f"| {' | '.join(cells)} | {less:.1f}° |")
    return "\n".join(lines).replace("| -", "| −")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="folder of images (default: two portraits in many versions)")
    parser.add_argument("--count", type=int, default=300, help="faces (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=OUT, help="file to write (default: beside this one)")
    arguments = parser.parse_args()
    found = measured(arguments.images, arguments.count)
    arguments.out.write_text(json.dumps(found, indent=1) + "\n")
    print(boxes_table(found), pose_table(found), sep="\n\n")


if __name__ == "__main__":
    main()
