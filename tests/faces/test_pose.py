"""Heads that are turned by known angles."""

import itertools
import math

import numpy as np
import pytest

from age_audit.core.errors import ImageFailure
from age_audit.data.metadatasets import read_metadataset
from age_audit.faces.landmarks import landmarks_on_crop
from age_audit.faces.pose import POSE_POINTS, HeadPose, eye_distance, face_shape, head_pose, projected
from tools import build_face_shape

MIRROR = [*range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1)]
MIRROR += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
MIRROR += [54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65]


def landmarks(pose, centre=(112, 112), noise=0.0):
    points = np.full((68, 2), 500.0)  # those that are not asked lie anywhere
    points[POSE_POINTS] = projected(pose, centre) + noise
    return points


def turned_slowly(point, yaw, pitch, roll):
    """One point of the shape, nodded, then turned, then tilted, each by its plain definition."""
    x, y, z = point
    a = math.radians(pitch)  # up is -y, towards the viewer is -z: the nose at -z goes up
    y, z = y * math.cos(a) + z * math.sin(a), z * math.cos(a) - y * math.sin(a)
    a = math.radians(yaw)  # the nose at -z goes to the right
    x, z = x * math.cos(a) - z * math.sin(a), z * math.cos(a) + x * math.sin(a)
    a = math.radians(roll)  # the right goes down
    return x * math.cos(a) - y * math.sin(a), y * math.cos(a) + x * math.sin(a)


@pytest.mark.parametrize("angles", [(0, 0, 0), (30, 0, 0), (0, 20, 0), (0, 0, 45), (-50, 25, -120), (80, -40, 170)])
def test_projection_as_by_definition(angles):
    slowly = [turned_slowly(point, *angles) for point in face_shape()]
    np.testing.assert_allclose(projected(HeadPose(*angles, 50, 0), (3, 7)), 50 * np.array(slowly) + [3, 7], atol=1e-9)


def test_angles_come_back():
    for yaw, pitch, roll, size in itertools.product((-75, -20, 0, 35), (-40, 0, 15), (-170, -30, 0, 60), (9, 64)):
        pose = head_pose(landmarks(HeadPose(yaw, pitch, roll, size, 0)))
        assert (pose.yaw, pose.pitch, pose.roll, pose.size) == pytest.approx((yaw, pitch, roll, size), abs=1e-6)
        assert pose.misfit == pytest.approx(0, abs=1e-9)


def test_what_the_signs_mean():
    front = landmarks(HeadPose(0, 0, 0, 64, 0))
    between = front[[36, 45]].mean(axis=0)
    assert landmarks(HeadPose(20, 0, 0, 64, 0))[30, 0] > front[30, 0] > landmarks(HeadPose(-20, 0, 0, 64, 0))[30, 0]
    up = landmarks(HeadPose(0, 20, 0, 64, 0))
    assert up[30, 1] - up[[36, 45], 1].mean() < front[30, 1] - between[1]
    clockwise = landmarks(HeadPose(0, 0, 20, 64, 0))
    assert clockwise[45, 1] > clockwise[36, 1] and front[45, 1] == pytest.approx(front[36, 1])


@pytest.mark.parametrize(("sigma", "yaw", "pitch", "roll"), [(0.01, 0.3, 0.4, 0.2), (0.03, 1.0, 1.1, 0.5)])
def test_error_with_noise(sigma, yaw, pitch, roll):
    generator, errors = np.random.default_rng(0), []
    for _ in range(400):
        true = HeadPose(generator.uniform(-45, 45), generator.uniform(-25, 25), generator.uniform(-30, 30), 64, 0)
        found = head_pose(landmarks(true, noise=generator.normal(0, 64 * sigma, (43, 2))))
        errors.append([found.yaw - true.yaw, found.pitch - true.pitch, found.roll - true.roll, found.misfit])
    mean = np.abs(errors).mean(axis=0)
    np.testing.assert_allclose(mean[:3], (yaw, pitch, roll), atol=0.1)
    assert mean[3] == pytest.approx(sigma * math.sqrt(2), rel=0.1)


def test_a_mirrored_picture_has_the_other_yaw_and_roll():
    noise = np.random.default_rng(3).normal(0, 2, (43, 2))
    points = landmarks(HeadPose(25, -10, 12, 60, 0), noise=noise)
    pose, mirrored = head_pose(points), head_pose(points[MIRROR] * [-1, 1] + [223, 0])
    assert (mirrored.yaw, mirrored.pitch, mirrored.roll) == pytest.approx((-pose.yaw, pose.pitch, -pose.roll))
    assert (mirrored.size, mirrored.misfit) == pytest.approx((pose.size, pose.misfit))


def test_the_jaw_does_not_count_nor_where_the_face_lies():
    points = landmarks(HeadPose(25, -10, 12, 60, 0))
    pose = head_pose(points)
    points[:17], points[60:] = 0, -40
    assert head_pose(points) == pose
    assert head_pose(points * 3 + 1000).size == pytest.approx(180)


def test_size_and_the_distance_of_the_eyes():
    points = landmarks(HeadPose(60, 0, 0, 80, 0))
    assert head_pose(points).size == pytest.approx(80)
    assert eye_distance(points) == pytest.approx(40, rel=0.01)  # half of it at 60 degrees
    assert eye_distance(landmarks(HeadPose(0, 0, 33, 80, 0))) == pytest.approx(80, rel=1e-3)


def test_the_shape_is_a_face():
    shape = face_shape()
    mirror = np.array(MIRROR)[POSE_POINTS] - POSE_POINTS.start
    np.testing.assert_allclose(shape[mirror] * [-1, 1, 1], shape, atol=1e-3)
    points = dict(enumerate(shape, POSE_POINTS.start))
    assert points[30][2] == shape[:, 2].min()  # the tip of the nose is nearest
    assert points[30][2] < points[29][2] < points[28][2] < points[27][2]
    assert points[17][2] > points[19][2] > points[21][2]  # brows go back to the temples
    assert points[36][2] > points[39][2] and points[48][2] > points[51][2]  # so do eyes and mouth


def test_portraits(crops):
    astronaut, hopper = (head_pose(landmarks_on_crop(crop)[0]) for crop in crops)
    for pose in (astronaut, hopper):
        assert abs(pose.pitch) < 15 and 50 < pose.size < 75 and pose.misfit < 0.08
    assert abs(hopper.yaw) < 12 and abs(hopper.roll) < 6
    for crop, pose in zip(crops, (astronaut, hopper), strict=True):
        mirrored = head_pose(landmarks_on_crop(crop[:, ::-1].copy())[0])
        assert (mirrored.yaw, mirrored.pitch, mirrored.roll) == pytest.approx(
            (-pose.yaw, pose.pitch, -pose.roll), abs=4
        )


def test_refused():
    for flat in (np.full((68, 2), 50), np.arange(68)[:, None] * [1, 2]):
        with pytest.raises(ImageFailure, match="degenerate-landmarks"):
            head_pose(flat)
    with pytest.raises(ValueError, match=r"shape \(68, 2\)"):
        head_pose(np.zeros((5, 2)))
    with pytest.raises(ValueError, match="not finite"):
        eye_distance(np.full((68, 2), np.nan))


def test_a_shape_is_found_again_from_its_pictures():
    generator = np.random.default_rng(1)
    faces = []
    for _ in range(60):
        pose = HeadPose(*generator.normal(0, (20, 10, 10)), generator.uniform(30, 90), 0)
        faces.append(landmarks(pose, centre=generator.uniform(0, 99, 2)))
    found = build_face_shape.face_shape(np.array(faces))
    upwards = head_pose(np.concatenate([np.zeros((17, 2)), found[:, :2], np.zeros((8, 2))])).pitch
    assert abs(upwards) < 5  # the average head of so few is not quite level
    distances = np.linalg.norm(found[:, None] - found, axis=-1)
    np.testing.assert_allclose(distances, np.linalg.norm(face_shape()[:, None] - face_shape(), axis=-1), atol=2e-3)


def test_the_shipped_shape_is_that_of_the_shipped_landmarks():
    rows = read_metadataset(build_face_shape.LANDMARKS, "utkface", "attachment")
    found = build_face_shape.face_shape(np.array([row["landmarks"] for row in rows], dtype=float))
    np.testing.assert_allclose(found, face_shape(), atol=1e-3)
