"""Find the shape of a face in depth that explains how its landmarks move from picture to picture.

    python tools/build_face_shape.py

writes age_audit/faces/face_shape.json from the landmarks of a results folder that ships; no picture is needed. A rigid
shape seen from far away projects to a matrix of rank 3, whose factors are the shape and the cameras (Tomasi & Kanade
1992); that cameras do not skew fixes the shape up to a turn (Poelman & Kanade 1997). Each face is taken together with
its mirror image, so that the shape is symmetric. Depth, which pictures leave open up to its sign, points away from the
viewer: the nose is in front.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from age_audit.core.paths import ROOT
from age_audit.data.metadatasets import read_metadataset
from age_audit.faces.pose import POSE_POINTS, SHAPE_FILE

LANDMARKS = ROOT / "metadatasets" / "cydral-resnet10-audit"
NOSE_TIP = 30
# What each landmark becomes in a mirror.
MIRROR = np.array(
    [
        *(*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)),
        *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
        *(*range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), *range(67, 64, -1)),
    ]
)


def products(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Factors of the six entries of a symmetric matrix G in ``one @ G @ other``, a row a pair: (F, 3) to (F, 6)."""
    rows, columns = np.triu_indices(3)
    both = one[:, rows] * other[:, columns]
    return both + (one[:, columns] * other[:, rows]) * (rows != columns)


def rigid_shape(tracks: np.ndarray) -> np.ndarray:
    """Shape (P, 3), turned anyhow, of points (F, P, 2) that are centred and of equal size in each of F pictures."""
    rows = tracks.transpose(0, 2, 1).reshape(-1, tracks.shape[1])
    left, strength, right = np.linalg.svd(rows, full_matrices=False)
    x, y = (left[:, :3] * strength[:3]).reshape(-1, 2, 3).transpose(1, 0, 2)
    # The metric in which the two axes of a picture are most nearly equally long and at right angles, and 1 on average.
    skewed = np.concatenate([products(x, x) - products(y, y), 2 * products(x, y)])
    length = (products(x, x) + products(y, y)).mean(axis=0)[:, None] / 2
    least = np.block([[skewed.T @ skewed, length], [length.T, np.zeros((1, 1))]])
    metric = np.zeros((3, 3))
    metric[np.triu_indices(3)] = np.linalg.solve(least, [0] * 6 + [1])[:6]
    metric += np.triu(metric, 1).T
    return np.linalg.solve(np.linalg.cholesky(metric), right[:3]).T


def upright(shape: np.ndarray, tracks: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """The shape with x to the right of the picture, y down and z away from the viewer, as the faces look on average."""
    left, _, right = np.linalg.svd(shape[mirror].T @ shape)
    signs, axes = np.linalg.eigh((left @ right + (left @ right).T) / 2)
    x = axes[:, np.argmin(signs)]  # what a mirror turns round
    cameras = (tracks.transpose(0, 2, 1) @ np.linalg.pinv(shape).T).mean(axis=0)
    x = x * np.sign(cameras[0] @ x)
    y = cameras[1] - x * (cameras[1] @ x)
    y /= np.linalg.norm(y)
    turned = shape @ np.stack([x, y, np.cross(x, y)], axis=1)
    turned[:, 2] *= -np.sign(turned[NOSE_TIP - POSE_POINTS.start, 2])
    turned = (turned + turned[mirror] * [-1, 1, 1]) / 2
    return turned - turned.mean(axis=0)


def face_shape(landmarks: np.ndarray) -> np.ndarray:
    """Symmetric shape (43, 3) of faces' landmarks (F, 68, 2), in distances between the eyes."""
    faces = np.concatenate([landmarks, landmarks[:, MIRROR] * [-1, 1]])[:, POSE_POINTS]
    tracks = faces - faces.mean(axis=1, keepdims=True)
    tracks /= np.linalg.norm(tracks, axis=(1, 2), keepdims=True)
    shape = upright(rigid_shape(tracks), tracks, MIRROR[POSE_POINTS] - POSE_POINTS.start)
    eyes = [shape[first - POSE_POINTS.start :][:6, 0].mean() for first in (36, 42)]
    return shape / (eyes[1] - eyes[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--metadatasets", type=Path, default=LANDMARKS, help="folder of results with landmarks")
    parser.add_argument("--to", type=Path, default=SHAPE_FILE, help="file to write")
    arguments = parser.parse_args()
    rows = read_metadataset(arguments.metadatasets, "utkface", "attachment")
    landmarks = np.array([row["landmarks"] for row in rows], dtype=float)
    document = {
        "what": "landmarks 17-59 (x, y, z): right in the picture, down, away from the viewer; eyes 1 apart",
        "faces": len(landmarks),
        "points": face_shape(landmarks).round(4).tolist(),
    }
    lines = json.dumps(document, indent=1)
    arguments.to.write_text(lines + "\n")


if __name__ == "__main__":
    main()
