"""Estimators of one's own: what they are fed, and what is refused."""

import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from age_audit.core.errors import UsageError
from age_audit.estimators import load_estimator
from age_audit.estimators.custom import CallableEstimator, EstimatorConfig, load_custom, read_config
from age_audit.estimators.masked import MaskedFaces
from age_audit.estimators.sources import describe

# Three flat colours: red, grey and black.
FACES = np.stack([np.broadcast_to(colour, (224, 224, 3)) for colour in ([255, 0, 0], [51] * 3, [0] * 3)]).astype(
    np.uint8
)


def described(folder, **given):
    path = folder / "mine.json"
    path.write_text(json.dumps(given))
    return path


def recording(seen, answer):
    def function(faces):
        seen.append(faces)
        return np.resize(answer, (len(faces), *np.shape(answer)[1:]))

    return function


class TestWhatAFunctionIsFed:
    @pytest.mark.parametrize(
        ("order", "red"), [("RGB", [255.0, 0.0, 0.0]), ("BGR", [0.0, 0.0, 255.0])], ids=["RGB", "BGR"]
    )
    def test_channel_order(self, order, red):
        seen = []
        config = EstimatorConfig("x:y", output="ages", channel_order=order)
        CallableEstimator(recording(seen, np.array([30.0])), config).predict(FACES)
        assert seen[0].shape == FACES.shape and seen[0].dtype == np.float32
        assert seen[0][0, 5, 7].tolist() == red

    def test_value_range(self):
        seen = []
        config = EstimatorConfig("x:y", output="ages", value_range=(-1.0, 1.0))
        CallableEstimator(recording(seen, np.array([30.0])), config).predict(FACES)
        # 51 is a fifth of 255: -1 + 2/5
        np.testing.assert_allclose(seen[0][:, 0, 0, 0], [1, -0.6, -1], atol=1e-6)

    def test_wrong_shape_of_its_answer(self):
        estimator = CallableEstimator(lambda faces: np.zeros((len(faces), 5)), EstimatorConfig("x:y"))
        with pytest.raises(UsageError, match=r"expected x:y to return shape \(3, 101\), got \(3, 5\)"):
            estimator.predict(FACES)

    def test_no_number_for_one_face_is_that_face_alone(self):
        def answer(faces):
            found = np.tile([0.5, 0.5, 0.0], (len(faces), 1))
            found[1] = np.nan
            return found

        estimator = CallableEstimator(answer, EstimatorConfig("x:y", classes=(0.0, 1.0, 2.0)))
        np.testing.assert_array_equal(estimator.predict(FACES).age, [0.5, np.nan, 0.5])

    @pytest.mark.parametrize("value", [3.0, -1.0])
    def test_an_answer_that_is_no_distribution(self, value):
        config = EstimatorConfig("x:y", classes=(0.0, 1.0, 2.0))
        estimator = CallableEstimator(lambda faces: np.tile([value, 1 - value, 1.0], (len(faces), 1)), config)
        with pytest.raises(UsageError, match="expected x:y to give probabilities"):
            estimator.predict(FACES)


def test_a_function_may_answer_in_one_buffer_that_it_writes_into_again():
    buffer = np.zeros(32)  # as float64, which would be kept as it is

    def answer(faces):
        buffer[: len(faces)] = faces[:, 0, 0, 0]
        return buffer[: len(faces)]

    greys = np.arange(67, dtype=np.uint8)  # three batches
    faces = np.broadcast_to(greys[:, None, None, None], (67, 224, 224, 3))
    estimator = CallableEstimator(answer, EstimatorConfig("x:y", output="ages"))
    np.testing.assert_allclose(estimator.predict(faces).age, greys, atol=1e-4)


def test_a_function_that_ends_the_program_fails_like_any_other():
    estimator = CallableEstimator(lambda faces: sys.exit(0), EstimatorConfig("x:y", output="ages"))
    with pytest.raises(RuntimeError, match="the function ended the program: SystemExit 0"):
        estimator.predict(FACES)


@pytest.mark.parametrize("ages", [[42.0003, 104.25, -5.0], [np.inf, np.nan, -49006.0]])
def test_plain_ages_are_kept_as_they_come_and_have_no_distribution(ages):
    config = EstimatorConfig("x:y", output="ages")
    answer = CallableEstimator(lambda faces: np.array(ages)[: len(faces)], config).predict(FACES)
    assert answer.age.dtype == np.float64
    np.testing.assert_array_equal(answer.age, ages)
    assert answer.probabilities.shape == (3, 0) and answer.classes.shape == (0,)


class TestOnTrial:
    """An estimator of one's own is asked twice at first."""

    @staticmethod
    def tried(function):
        estimator = CallableEstimator(function, EstimatorConfig("x:y", output="ages"))
        estimator.on_trial = True
        return estimator

    def test_one_that_draws_at_random_is_refused(self):
        random = np.random.default_rng(0).uniform
        for _ in range(2):  # it stays so
            with pytest.raises(UsageError, match="expected x:y to answer the same for the same face within 0"):
                self.tried(lambda faces: random(20, 60, len(faces))).predict(FACES)

    def test_one_whose_answer_depends_on_the_other_faces_is_refused(self):
        def standardised(faces):
            brightness = faces.mean(axis=(1, 2, 3))
            return 40 + 10 * (brightness - brightness.mean())

        with pytest.raises(UsageError, match=r"it gave .* and beside fewer faces"):
            self.tried(standardised).predict(FACES)

    def test_explanations_try_it_as_well(self):
        estimator = self.tried(lambda faces: np.random.default_rng().uniform(20, 60, len(faces)))
        halves = np.arange(224) // 112 * np.ones((224, 1), dtype=int)
        masked = MaskedFaces(FACES[0], FACES[2], halves, np.array([[1, 1], [1, 0], [0, 1], [0, 0]]))
        with pytest.raises(UsageError, match="to answer the same for the same face"):
            estimator.predict_masked(masked)

    @pytest.mark.parametrize("noise", [0.0, 0.009])
    def test_noise_of_threads_and_cards_is_none(self, noise):
        asked = []

        def noisy(faces):
            asked.append(len(faces))
            return np.array([30.0, np.nan, np.inf])[: len(faces)] + noise * (len(asked) % 2)

        estimator = self.tried(noisy)
        for _ in range(2):
            np.testing.assert_allclose(estimator.predict(FACES).age, [30, np.nan, np.inf], atol=0.01)
        assert asked == [3, 2, 3]  # the first half again, once

    def test_what_is_loaded_by_name_is_on_trial_and_what_ships_is_not(self, cydral):
        assert load_estimator("statistics:mean").on_trial and not cydral.on_trial


class TestLogits:
    SCORES = np.log([1.0, 2.0, 5.0])

    def test_of_a_function(self):
        config = EstimatorConfig("x:y", output="logits", classes=(0.0, 10.0, 20.0))
        answer = CallableEstimator(lambda faces: np.tile(self.SCORES, (len(faces), 1)), config).predict(FACES)
        np.testing.assert_allclose(answer.probabilities, [[0.125, 0.25, 0.625]] * 3)
        np.testing.assert_allclose(answer.age, 15)

    def test_of_a_keras_model(self, keras, tmp_path):
        inputs = keras.Input((4, 4, 3))
        bias = keras.initializers.Constant(self.SCORES)
        scores = keras.layers.Dense(3, kernel_initializer="zeros", bias_initializer=bias)(
            keras.layers.GlobalAveragePooling2D()(inputs)
        )
        keras.Model(inputs, scores).save(tmp_path / "net.keras")
        path = described(tmp_path, model="net.keras", output="logits", classes=[0, 10, 20])
        np.testing.assert_allclose(load_custom(str(path)).predict(FACES).age, 15, rtol=1e-6)


class TestModuleFunction:
    @pytest.fixture
    def module(self, tmp_path, monkeypatch):
        (tmp_path / "my_ages.py").write_text("NUMBER = 3\ndef years(faces):\n    return faces.mean(axis=(1, 2, 3))\n")
        monkeypatch.chdir(tmp_path)
        yield "my_ages"
        sys.modules.pop("my_ages", None)

    def test_found_where_the_user_stands(self, module, tmp_path):
        before = list(sys.path)
        estimator = load_custom(str(described(tmp_path, model=f"{module}:years", output="ages", name="mine")))
        np.testing.assert_allclose(estimator.predict(FACES).age, [85, 51, 0], atol=1e-4)
        assert estimator.info.name == "mine" and estimator.info.weights_hash == "none"
        assert not estimator.gives_classes
        assert sys.path == before

    @pytest.mark.parametrize("target", ["my_ages:", ":years", "C:/mine.h5", "http://localhost/predict"])
    def test_not_of_that_form(self, target):
        with pytest.raises(UsageError, match=r"expected a model as module:function, FILE.keras or FILE.onnx, got"):
            load_custom(target)

    @pytest.mark.parametrize("target", ["my_ages:absent", "no_such_module_at_all:f"])
    def test_not_importable(self, module, target):
        with pytest.raises(UsageError, match=r"expected '.*' to name module:function, but importing it failed"):
            load_custom(target)

    @pytest.mark.parametrize(
        ("line", "code"),
        [("import sys; sys.exit(0)", "0"), ("import argparse; argparse.ArgumentParser().parse_args(['img'])", "2")],
        ids=["exits", "reads options"],
    )
    def test_a_script_that_ends_while_it_is_imported(self, module, tmp_path, line, code):
        (tmp_path / f"my_script_{code}.py").write_text(line)
        with pytest.raises(UsageError, match=rf"importing it ends the program \(SystemExit {code}\).*__main__"):
            load_custom(f"my_script_{code}:years")

    def test_one_that_changes_the_folder_leads_nobody_there(self, module, tmp_path):
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "my_mover.py").write_text("import os; os.chdir('elsewhere')\ndef years(faces): return faces\n")
        load_custom("my_mover:years")
        assert Path.cwd() == tmp_path

    def test_not_a_function(self, module):
        with pytest.raises(UsageError, match="expected 'my_ages:NUMBER' to name a function, got int"):
            load_custom("my_ages:NUMBER")


class TestDescription:
    def test_keras_file_is_relative_to_it(self, tmp_path):
        config = read_config(described(tmp_path, model="sub/net.keras", classes=[1, 2], value_range=[0, 1]))
        assert config.model == str(tmp_path / "sub" / "net.keras")
        assert config.classes == (1.0, 2.0) and config.value_range == (0.0, 1.0)

    def test_byte_order_mark_and_letters_of_other_languages(self, tmp_path):
        (tmp_path / "mine.json").write_bytes('\ufeff{"model": "m:f", "name": "âge"}'.encode())
        assert read_config(tmp_path / "mine.json").name == "âge"
        assert describe(str(tmp_path / "mine.json"))["name"] == "âge"

    def test_defaults(self, tmp_path):
        assert read_config(described(tmp_path, model="a:b")) == EstimatorConfig("a:b")

    @pytest.mark.parametrize("text", ["{", "", "\udcff"])
    def test_not_json(self, tmp_path, text):
        (tmp_path / "mine.json").write_bytes(text.encode(errors="surrogateescape"))
        with pytest.raises(UsageError, match=r"mine\.json to be a JSON description"):
            load_custom(str(tmp_path / "mine.json"))

    def test_absent(self, tmp_path):
        with pytest.raises(UsageError, match="reading it failed"):
            load_estimator(str(tmp_path / "absent.json"))

    @pytest.mark.parametrize("content", ["[]", '"a:b"', "{}", '{"name": "x"}', '{"model": "a:b", "colour": "BGR"}'])
    def test_wrong_keys(self, tmp_path, content):
        (tmp_path / "mine.json").write_text(content)
        with pytest.raises(UsageError, match="to be an object with 'model' and any of"):
            load_custom(str(tmp_path / "mine.json"))

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ({"output": "odds"}, "output to be 'probabilities', 'logits' or 'ages', got 'odds'"),
            ({"channel_order": "GBR"}, "channel_order to be 'RGB' or 'BGR', got 'GBR'"),
            ({"classes": 5}, "classes in .* rising numbers, got 5"),
            ({"classes": ["young", "old"]}, "classes in .* rising numbers"),
            ({"classes": [30, 20, 10]}, "classes in .* rising numbers"),
            ({"classes": [30]}, "classes in .* two or more"),
            ({"value_range": [1]}, "value_range in .* two or more"),
            ({"value_range": [0, 1, 2]}, "value_range in .* two numbers"),
            ({"model": 7}, "expected a model as module:function, FILE.keras or FILE.onnx, got '7'"),
            ({"model": "http://here/predict"}, "expected a model as module:function, FILE.keras or FILE.onnx, got"),
            ({"output": "ages", "classes": [0, 50]}, "expected no classes in .*, since ages are kept as they come"),
            ({"files": "weights.npz"}, "expected files in .* to be a list of paths relative to it, got 'weights.npz'"),
        ],
    )
    def test_wrong_values(self, tmp_path, given, message):
        with pytest.raises(UsageError, match=message):
            load_custom(str(described(tmp_path, **{"model": "json:dumps", **given})))

    def test_precision_is_the_owners_choice(self):
        with pytest.raises(UsageError, match="got precision 'bfloat16'; leave the option out"):
            load_custom("json:dumps", "bfloat16")


class TestKerasFile:
    @staticmethod
    def save(path, shape=(8, 8, 3), units=101, activation="softmax"):
        import keras

        inputs = keras.Input(shape)
        x = keras.layers.Flatten()(inputs) if None not in shape else keras.layers.GlobalAveragePooling2D()(inputs)
        keras.Model(inputs, keras.layers.Dense(units, activation, kernel_initializer="zeros")(x)).save(path)
        return path

    def test_fed_at_its_own_size_and_range(self, keras, tmp_path):
        inputs = keras.Input((4, 4, 3))
        first = keras.layers.Flatten()(inputs)[:, :1]  # the first pixel's first channel
        keras.Model(inputs, first).save(tmp_path / "first.keras")
        config = {"model": "first.keras", "output": "ages", "value_range": [0, 50], "channel_order": "BGR"}
        estimator = load_custom(str(described(tmp_path, **config)))
        assert estimator.info.input_size == 4
        # blue of red is 0, of grey a fifth of 50, of black 0
        np.testing.assert_allclose(estimator.predict(FACES).age, [0, 10, 0], atol=1e-4)

    def test_any_size_means_the_canvas(self, tmp_path):
        estimator = load_custom(str(self.save(tmp_path / "net.keras", (None, None, 3))))
        assert estimator.info.input_size == 224
        np.testing.assert_allclose(estimator.predict(FACES).age, 50, atol=1e-3)  # zero weights: every class alike

    @pytest.mark.parametrize("shape", [(8, 6, 3), (8, 8, 1), (3, 8, 8)])
    def test_wrong_input(self, tmp_path, shape):
        with pytest.raises(UsageError, match=r"expected net\.keras to take \(N, size, size, 3\)"):
            load_custom(str(self.save(tmp_path / "net.keras", shape)))

    def test_input_that_is_no_picture(self, keras, tmp_path):
        keras.Model(inputs := keras.Input((5,)), keras.layers.Dense(101)(inputs)).save(tmp_path / "net.keras")
        with pytest.raises(UsageError, match=r"expected net\.keras to take"):
            load_custom(str(tmp_path / "net.keras"))

    def test_wrong_number_of_classes(self, tmp_path):
        with pytest.raises(UsageError, match=r"probabilities of shape \(None, 101\), it gives \(None, 7\)"):
            load_custom(str(self.save(tmp_path / "net.keras", units=7)))

    def test_ages_are_one_number_a_face(self, tmp_path):
        self.save(tmp_path / "net.keras", units=2)
        with pytest.raises(UsageError, match=r"ages of shape \(None, 1\), it gives \(None, 2\)"):
            load_custom(str(described(tmp_path, model="net.keras", output="ages")))

    def test_missing_softmax_is_noticed(self, tmp_path):
        estimator = load_custom(str(self.save(tmp_path / "net.keras", activation=None)))
        with pytest.raises(UsageError, match="end it with a softmax"):
            estimator.predict(FACES)

    @pytest.mark.parametrize("damage", ["absent", "text", "half", "no config.json", "every 1000th byte"])
    def test_not_a_model_file(self, tmp_path, damage):
        path = self.save(tmp_path / "net.keras")
        whole = path.read_bytes()
        if damage == "absent":
            path.unlink()
        elif damage == "text":
            path.write_bytes(b"not a model")
        elif damage == "half":
            path.write_bytes(whole[: len(whole) // 2])
        elif damage == "no config.json":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("metadata.json", "{}")
        else:
            path.write_bytes(bytes(byte ^ (place % 1000 == 500) for place, byte in enumerate(whole)))
        with pytest.raises(UsageError, match=r"net\.keras to be a \.keras model file; loading it failed: .*; save or"):
            load_custom(str(path))

    def test_code_inside_it_is_not_run(self, keras, tmp_path):
        keras.Model(inputs := keras.Input((8, 8, 3)), keras.layers.Lambda(lambda x: x[:, 0, 0, :1])(inputs)).save(
            tmp_path / "net.keras"
        )
        with pytest.raises(UsageError, match="loading it failed"):
            load_custom(str(tmp_path / "net.keras"))
