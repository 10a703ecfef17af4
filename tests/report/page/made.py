"""Predictions made for tests: names that mean to break out, faces whose numbers can be counted, explanations."""

import numpy as np

from age_audit.core.masks import pack_masks
from age_audit.data.metadatasets import write_metadataset

HOSTILE = '<script>alert("1")</script>'
FORMULA = "=cmd|' /C calc'!A0"
QUOTED = "a \"quoted\" & <b>'bold'</b>"


def document(ages, estimates, groups=None, names=None, lost=0):
    """What a predictions file holds: each group of a feature in turn."""
    names = names or [f"{i}.jpg" for i in range(len(ages))]
    labels = {
        name: {"age_real": age} | {feature: levels[i % len(levels)] for feature, levels in (groups or {}).items()}
        for i, (name, age) in enumerate(zip(names, ages, strict=True))
    }
    cropping = {"images_total": len(ages) + lost, "images_failed_detected": lost}
    return {"cropping": cropping, "predictions": dict(zip(names, estimates, strict=True)), "labels": labels}


def write(folder, content, estimator="own", dataset="mine"):
    """The file with its provenance."""
    stated = {"dataset": dataset, "estimator": {"name": estimator, "weights_hash": "sha256:00"}, "preset": "published"}
    write_metadataset(folder, dataset, "predictions", content, stated)
    return stated


def gate_faces():
    """Of twenty labelled 16 five pass at 18 and two at 25; of forty labelled 20 ten are refused at 18, thirty at 25."""
    ages = [16] * 20 + [20] * 40
    estimates = [15.0] * 15 + [20.0] * 3 + [30.0] * 2 + [16.0] * 10 + [21.0] * 20 + [28.0] * 10
    return ages, estimates


def write_hostile(folder):
    """Estimator, groups, features and files whose names are code."""
    ages = [int(age) for age in np.random.default_rng(1).integers(5, 70, 300)]
    estimates = [float(np.clip(age + shift, 0, 100)) for age, shift in zip(ages, [-6, -3, 0, 4, 9] * 60, strict=True)]
    names = [f"{i}{HOSTILE}.jpg".replace("/", "") if i % 2 else f"=cmd|{i}.jpg" for i in range(300)]
    groups = {"gender_real": ["Male", "Female"], "cam": [HOSTILE, FORMULA, QUOTED]}
    write(folder, document(ages, estimates, groups, names), HOSTILE)


def write_explained(folder):
    """Masks of 80 faces, all judged 31: accurate ones are marked in the upper half, the others in the lower."""
    accurate = np.arange(80) % 2 == 0
    ages, estimates = np.where(accurate, 30, 45).tolist(), [31.0] * 80
    stated = write(folder, document(ages, estimates, {"gender_real": ["Male", "Male", "Female", "Female"]}))
    upper = np.zeros((80, 224, 224), dtype=bool)
    upper[accurate, :112] = True
    upper[~accurate, 112:] = True
    masks = {"fname": np.array([f"{i}.jpg" for i in range(80)]), "positive": pack_masks(upper)}
    masks["negative"] = pack_masks(~upper)
    write_metadataset(folder, "mine", "masks", masks, stated | {"explanation": {"settled_only": True}})
