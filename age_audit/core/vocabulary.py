"""The words of the published study and of its files: regions, columns, groups and age ranges, each list once.

The lists in capitals keep the values and the order that notebooks written against the published script rely on; they
are lists, as they were there. ``RACES`` is in the order in which figures and tables name the groups, while
:data:`age_audit.core.schema.UTKFACE_RACES` is in the order of the UTKFace codes.
"""

from __future__ import annotations

from age_audit.core import schema

GENDERS = ["Male", "Female"]
RACES = ["Caucasian", "Asian", "African", "Indian", "Other"]
AGE_RANGES = [list(bounds) for bounds in schema.AGE_RANGES]
_FACIAL_REGIONS = ("nose", "eye_l", "eye_r", "cheek_l", "cheek_r", "eye_l_inner", "eye_r_inner", "mouth_inner", "chin")
_OUTER_REGIONS = ("top", "left", "right", "bottom")
FEATURES_FACIAL = [f"activation_{region}_pct_of_feature" for region in _FACIAL_REGIONS]
FEATURES_OUTER_BOUNDARIES = [f"activation_{region}_pct_of_feature" for region in _OUTER_REGIONS]
FEATURES_ALL = FEATURES_FACIAL + FEATURES_OUTER_BOUNDARIES
KEYS_BOUNDARIES = ["face"] + [f"outer_boundary_{side}" for side in ("left", "right", "top", "bottom")]
KEYS_BOUNDARIES_GENDERS = [
    *("gender_real", "age_estimation_accuracy"),
    *("outer_boundary_left", "outer_boundary_right", "outer_boundary_bottom", "outer_boundary_top", "face"),
]
KEYS_RACE_AGE = ["age_estimation_accuracy", "race_real", "age_real", "age_estimation"]
KEYS_GENDER_AGE = ["age_estimation_accuracy", "gender_real", "age_real", "age_estimation"]
KEYS_RACE_AGE_BOUNDARIES = [
    *("age_estimation_accuracy", "age_estimation", "race_real", "age_real", "face", "fname"),
    *KEYS_BOUNDARIES[1:],
]
REQUIRED_COLUMNS = ("fname", "age_real", "gender_real", "race_real", "age_estimation")
STUDY_FEATURES = ("race", "gender")  # what groups are compared by unless a user says otherwise
GROUP_ORDER = {"gender_real": GENDERS, "race_real": RACES}
FEW_FACES = 30  # the study calls a cohort with fewer small, and perhaps not representative
AGE_RANGE_LABELS = [f"{low}–{high}" for low, high in AGE_RANGES]
HALVES = ("accurate", "inaccurate")
PUBLISHED_HALVES = ("positive", "negative")  # the same in the words of the study and of its files
