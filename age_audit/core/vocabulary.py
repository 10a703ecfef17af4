"""The words of the published study and of its files: regions, columns, groups and age ranges, each list once.

The lists in capitals keep the values and the order that notebooks written against the published script rely on; they
are lists, as they were there. ``RACES`` is in the order in which figures and tables name the groups, while
:data:`age_audit.core.schema.UTKFACE_RACES` is in the order of the UTKFace codes.
"""

from __future__ import annotations

from collections.abc import Mapping

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
# What columns of tables are called: a sensitive feature of that name would be overwritten in them.
_WORDS = """
above active adjusted_for adjustment age ages aligned alike all answered area ask_below asked assumed audit band below
beyond bh both boxes_a_face buffer by by_chance cells cells_without_faces chance change changed_by_rounding channel
choice claim class classifier cliffs_delta cluster clusters cohort cohorts column compared comparisons contribution
copies copies_sd correlations could_be_labels crude decided decided_by design deviations difference differs digit
distance duplicates end epoch epsilon_squared equal_age equal_quality error error_factor estimated estimated_range
estimates estimator estimator_ahead estimators even exact exact_sd excess_kurtosis expected expected_by_chance explained
explained_by face faces false_coverage_rate false_discovery_rate false_positives_rows feature few_faces few_faces_cells
final fname gap gap_of_all gap_without gender_answer group group_estimated groups guess guessed_age half_width held_by
high highest highest_group holm images in_common in_doubt interquartile_range judged kept_by_all kind label label_doubt
labelled labels lacking least left_out left_out_faces light limit_of log_ratio_given loss lost low lowest
lowest_estimate lowest_fifth lowest_group lowest_n lowest_probability lowest_value mae_if_normal mae_without masks
maximum mean measure measured_faces median method minimum mode most most_refused most_refused_group most_region n
named_share no_answer no_gender_label no_part_active noise_sd noisier not_found null_mean null_sd observed
of_other_faces old_enough other other_gender_label other_share outcome p10 p25 p75 p90 pairs pairs_below parameter
participants parts passed per_year pictures pixels plain plain_given policy positive_share preset probability
probability_female proportion published quality quality_difference quality_gap question r rate ratio raw reason reasons
refused refused_near region regions rejected removed removed_model removed_strata repeated reversed rmse_without role
root_mean_square_error row rows same_sign same_sign_settled same_sign_settled_n scope score sd seed seeds segment
settled settled_by share shown shuffle side sign_changes size skewness smallest source spearman spread stage
standard_deviation standardised stated statistic step strata summed surplus table tail target tested tests thin
threshold to_even too_narrow total trained turned_by_any unit validation_exact validation_loss validation_within_one
value values verdict verdict_model verdict_strata way weight what wider_share within_one without worst_group years
years_difference years_gap zeros
"""
TABLE_WORDS = frozenset(_WORDS.split())
TABLE_PREFIXES = (
    *("accurate_", "activation_", "age_", "both_", "cumulative_score_", "faces_", "half_", "highest_", "k_test_"),
    *("kurtosis_", "largest_", "least_", "mean_", "median_", "n_", "normality_", "observing_", "outer_boundary_", "p_"),
    *("p5", "p95", "panels", "published_", "r_", "rank_", "rejected_", "share_", "shuffled_", "signed_", "absolute_"),
    *("skew_", "smallest_", "split_", "statistic_", "study_", "tested_", "variance_", "of_these_", "active_"),
    "percentile_",
)
TABLE_SUFFIXES = ("_alpha", "_low", "_high", "_mean", "_ratio", "_shuffled", "_p_value")
GROUP_ORDER = {"gender_real": GENDERS, "race_real": RACES}
UNLABELLED = "unlabelled"  # what stands in the place of a group for images without a label
FEW_FACES = 30  # the study calls a cohort with fewer small, and perhaps not representative
AGE_RANGE_LABELS = [f"{low}–{high}" for low, high in AGE_RANGES]
# Methods of explanation whose numbers rank parts of a face and are in no unit, whatever is explained.
WITHOUT_UNIT = ("grad-cam", "grad-cam++", "score-cam", "smooth-grad", "random")
SALIENCY = "saliency"  # what such a number is called
HALVES = ("accurate", "inaccurate")
PUBLISHED_HALVES = ("positive", "negative")  # the same in the words of the study and of its files
# What UTKFace's own page (https://susanqq.github.io/UTKFace/) says of its labels; no error is shown without it.
UTKFACE_LABELS = "UTKFace's labels were estimated with DEX and then checked by a person"
# Estimators that were trained on UTKFace, as their own pages say, and what else on.
SEEN = {"face-api": "UTKFace, FG-NET, ChaLearn's, Wiki, IMDB, CACD and MegaAge, four fifths of each"}


def seen_mark(dataset: str, estimator: str, labels: Mapping[str, str] | None = None) -> str:
    """What stands behind an estimator's name wherever its errors are shown, if it was trained on UTKFace.

    Faces whose names and labels are UTKFace's are taken for UTKFace, whatever they are called; of all others nobody can
    tell whether they are among those that it was trained on.

    Parameters
    ----------
    dataset, estimator, labels
        As :func:`label_origin`.

    Examples
    --------
    >>> seen_mark("utkface", "face-api"), seen_mark("mine", "face-api"), seen_mark("utkface", "dex-wrn")
    (' (trained on UTKFace)', ' (perhaps trained on these faces)', '')
    """
    if estimator not in SEEN:
        return ""
    theirs = dataset == "utkface" or (labels or {}).get("from") == "file names, utkface"
    return " (trained on UTKFace)" if theirs else " (perhaps trained on these faces)"


def label_origin(dataset: str, estimator: str, labels: Mapping[str, str] | None = None) -> str:
    """What to say beside every error about the labels by which it is measured.

    Parameters
    ----------
    dataset : str
        As files name it. Of the labels of other data sets than ``utkface`` nothing is claimed.
    estimator : str
        Names that begin with ``dex-`` are those of DEX models.
    labels : mapping, optional
        Where they come from, as provenance says it (``from``); nothing is claimed of labels out of a CSV.

    Returns
    -------
    str
        A sentence, or nothing.

    Examples
    --------
    >>> label_origin("utkface", "cydral-resnet10").partition("; ")[2]
    'nobody knows the true ages.'
    >>> label_origin("mine", "dex-wrn")
    ''
    """
    if dataset != "utkface" or (labels or {}).get("from", "file names, utkface") != "file names, utkface":
        if estimator not in SEEN:
            return ""
        return f"{estimator} was trained on {SEEN[estimator]}: if these faces are among them, it errs more on new ones."
    if estimator.startswith("dex-"):
        judged = f"{estimator}, a DEX model, is judged by labels of its own method"
        return f"{UTKFACE_LABELS}: {judged}, and its errors may look smaller than they are."
    seen = (
        f" {estimator} was trained on four fifths of UTKFace: on new faces it errs more." if estimator in SEEN else ""
    )
    return f"{UTKFACE_LABELS}; nobody knows the true ages.{seen}"
