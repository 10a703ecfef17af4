"""The LIME of xplique 2.0.2 beside ours, on the same model, faces and number of samples: ``make bench-xplique``.

Runs in an environment of its own (benchmarks/requirements-xplique.txt). xplique asks TensorFlow in batches, as ours
does, but fits another kernel and ridge: times compare, weights do not. Its quickshift gets the same parameters.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
from skimage.segmentation import quickshift
from sklearn.linear_model import Ridge
from xplique.attributions import Lime

from age_audit.core.config import PRESETS
from age_audit.estimators import load_estimator
from age_audit.estimators.dex import build_wide_resnet
from age_audit.explain import LimeExplainer
from age_audit.explain.superpixels import classifier_image
from benchmarks.faces import crops

PARAMETERS = PRESETS["published"]


def superpixels(face: tf.Tensor) -> tf.Tensor:
    """The study's quickshift, as xplique asks for it."""
    return tf.constant(
        quickshift(
            face.numpy().astype(np.float64),
            kernel_size=PARAMETERS.kernel_size,
            max_dist=PARAMETERS.max_dist,
            ratio=PARAMETERS.ratio,
        ),
        dtype=tf.int32,
    )


def main() -> int:
    """Time both and the floor in turn on each face."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.xplique_lime", description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, help="folder of UTKFace images (default: two portraits)")
    parser.add_argument("--faces", type=int, default=6)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    arguments = parser.parse_args()
    estimator = load_estimator("dex-wrn")
    ours = LimeExplainer(estimator, "published")
    ages_only = tf.keras.Model(estimator._graph.input, estimator._graph.outputs[1])
    theirs = Lime(
        ages_only,
        batch_size=100,
        interpretable_model=Ridge(alpha=PARAMETERS.ridge_alpha),
        map_to_interpret_space=superpixels,
        ref_value=np.zeros(3, np.float32),
        nb_samples=PARAMETERS.num_samples,
        distance_mode="cosine",
        kernel_width=PARAMETERS.kernel_width,
    )
    network = build_wide_resnet()
    passes = np.random.default_rng(0).uniform(0, 255, (PARAMETERS.num_samples, 64, 64, 3)).astype(np.float32)
    target = tf.one_hot([30], 101)
    ways = {
        "ours": ours.explain,
        "xplique": lambda face: theirs(classifier_image(face, rescale=True)[None].astype(np.float32), target),
        "floor": lambda face: network.predict_on_batch(passes),
    }
    faces = crops(arguments.images, arguments.faces)
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for act in ways.values():
        act(faces[0])
    for face in faces:
        for way, act in ways.items():
            start = time.perf_counter()
            act(face)
            seconds[way].append(time.perf_counter() - start)
    found = {f"{way}_s": float(f"{np.median(times):.4g}") for way, times in seconds.items()}
    found["xplique_to_ours"] = float(f"{sum(seconds['xplique']) / sum(seconds['ours']):.4g}")
    arguments.out.write_text(json.dumps({"faces": len(faces), "tensorflow": tf.__version__} | found, indent=1) + "\n")
    print(found)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
