"""Models that behave, and models that fail in honest ways."""

from __future__ import annotations

import time

import numpy as np

from dock_sandbox.contract.cases import ROWS, Cases, model_source, reason_of
from dock_sandbox.port import Limits


class RunnerContract(Cases):
    """Models that behave, and models that fail in honest ways."""

    def test_shapes_and_methods_are_what_the_model_says(self) -> None:
        more = "\n    def fit(self, X, y):\n        pass\n"
        with self.start(model_source("return X", more=more)) as sandbox:
            said = sandbox.instantiate()
        assert said == {"input_shape": [2], "output_shape": [1], "has_fit": True, "has_finetune": False}

    def test_arrays_come_back_as_they_were(self) -> None:
        with self.start(model_source("return X")) as sandbox:
            sandbox.instantiate()
            for dtype in ("f2", "f4", "f8", "i1", "i4", "i8", "u2", "?"):
                for shape in ((3, 2), (0, 2), (2, 3, 4, 5), (7,)):
                    array = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
                    back = sandbox.predict(array)
                    assert type(back) is np.ndarray
                    assert back.dtype == array.dtype
                    np.testing.assert_array_equal(back, array)

    def test_large_arrays_cross(self) -> None:
        array = np.random.default_rng(0).normal(size=(200_000, 8))
        with self.start(model_source("return X * 2")) as sandbox:
            sandbox.instantiate()
            np.testing.assert_array_equal(sandbox.predict(array), array * 2)

    def test_texts_arrive_as_a_list_of_str(self) -> None:
        texts = ["plain", "", "ünïcode ☃", 'quotes " and \n lines', "\x00"]
        body = "assert type(X) is list\nreturn [len(x) + 1000 * isinstance(x, str) for x in X]"
        with self.start(model_source(body)) as sandbox:
            sandbox.instantiate()
            assert sandbox.predict(texts).tolist() == [1000 + len(text) for text in texts]

    def test_constructor_arguments_arrive(self) -> None:
        with self.start(model_source("return X * self.kwargs['a']['b'][0]"), kwargs={"a": {"b": [3]}}) as sandbox:
            sandbox.instantiate()
            np.testing.assert_array_equal(sandbox.predict(ROWS), ROWS * 3)

    def test_fit_and_finetune_change_the_model(self) -> None:
        more = (
            "\n    def fit(self, X, y):\n        self.mean = y.mean()\n"
            "\n    def finetune(self, X, y):\n        self.mean += 1\n"
        )
        with self.start(model_source("return np.full(len(X), self.mean)", more=more)) as sandbox:
            sandbox.instantiate()
            sandbox.fit(ROWS, np.arange(10))
            assert sandbox.predict(ROWS)[0] == 4.5
            sandbox.fit(ROWS, np.arange(10), finetune=True)
            assert sandbox.predict(ROWS)[0] == 5.5

    def test_relative_imports_and_files_beside_the_module(self) -> None:
        top = "from .part import factor\nHERE = os.path.dirname(os.path.abspath(__file__))\n"
        body = "return X * factor() * float(open(os.path.join(HERE, 'weights', 'w.txt')).read())"
        files = {"part.py": "from . import other\n\n\ndef factor():\n    return other.TWO\n", "other.py": "TWO = 2\n"}
        with self.start(model_source(body, top=top), files={**files, "weights/w.txt": "5"}) as sandbox:
            sandbox.instantiate()
            np.testing.assert_array_equal(sandbox.predict(ROWS), ROWS * 10)

    def test_pickles_of_the_training_script_find_the_class(self) -> None:
        body = "import pickle\nreturn X * (type(pickle.loads(b'c__main__\\nModel\\n)R.')) is Model)"
        with self.start(model_source(body)) as sandbox:
            sandbox.instantiate()
            np.testing.assert_array_equal(sandbox.predict(ROWS), ROWS)

    def test_an_absolute_import_of_a_sibling_gets_a_hint(self) -> None:
        with self.start(model_source("return X", top="import part\n"), files={"part.py": ""}) as sandbox:
            assert reason_of(sandbox.instantiate) == "MODEL_IMPORT_FAILED"
            assert "from .part import" in sandbox.outcome().log

    def test_a_missing_class_or_module_is_named(self) -> None:
        for source in ("Model = 3\n", "import a_module_that_is_not_there\n", "class Model(:\n"):
            with self.start(source) as sandbox:
                assert reason_of(sandbox.instantiate) == "MODEL_IMPORT_FAILED"

    def test_a_model_that_raises_lives_on(self) -> None:
        body = "if len(X) == 10:\n    raise ValueError('a bad day')\nreturn X"
        with self.start(model_source(body)) as sandbox:
            sandbox.instantiate()
            assert reason_of(lambda: sandbox.predict(ROWS)) == "MODEL_RAISED"
            assert "ValueError: a bad day" in sandbox.outcome().log
            assert sandbox.outcome().reason == ""
            assert len(sandbox.predict(ROWS[:3])) == 3

    def test_what_is_printed_is_in_the_log_and_harmless(self) -> None:
        body = "print('he\\x1b[31mllo\\x07 \\u202eevil\\x9b2J'); sys.stderr.write('to stderr\\n'); return X"
        with self.start(model_source(body)) as sandbox:
            sandbox.instantiate()
            sandbox.predict(ROWS)
            log = sandbox.outcome().log
        assert "hello evil" in log
        assert "to stderr" in log
        assert all(letter.isprintable() or letter == "\n" for letter in log)

    def test_what_is_no_array_of_numbers_is_refused(self) -> None:
        for body in ("return [object()] * len(X)", "return ['a'] * len(X)", "return None", "return [[1], [1, 2]]"):
            assert self.reason(body) == "OUTPUT_INVALID"

    def test_objects_that_hold_numbers_become_numbers(self) -> None:
        with self.start(model_source("return np.array([1, 2.5, True], dtype=object)")) as sandbox:
            sandbox.instantiate()
            assert sandbox.predict(ROWS).tolist() == [1.0, 2.5, 1.0]

    def test_exit_is_a_fault_of_the_model(self) -> None:
        assert self.reason("sys.exit(0)") == "MODEL_RAISED"
        assert self.reason("os._exit(0)") == "SANDBOX_DIED"

    def test_a_crash_is_a_fault_of_the_model(self) -> None:
        assert self.reason("import ctypes\nctypes.string_at(0)") == "SANDBOX_DIED"

    def test_a_loop_ends_at_the_calls_time(self) -> None:
        start = time.monotonic()
        assert self.reason("while True:\n    time.sleep(1)", limits=Limits(call_seconds=0.5)) == "SANDBOX_TIMEOUT"
        assert time.monotonic() - start < 10

    def test_the_whole_life_is_limited(self) -> None:
        body = "while True:\n    time.sleep(1)"
        assert self.reason(body, limits=Limits(wall_seconds=3.0, call_seconds=20)) == "SANDBOX_TIMEOUT"

    def test_cpu_time_is_limited(self) -> None:
        assert self.reason("while True:\n    pass", limits=Limits(cpu_seconds=1, call_seconds=20)) == "SANDBOX_CPU"

    def test_a_large_answer_is_refused(self) -> None:
        limits = Limits(output_bytes=1 << 20)
        assert self.reason("return np.zeros((len(X), 1 << 20))", limits=limits) == "SANDBOX_OUTPUT_TOO_LARGE"

    def test_after_its_end_each_call_says_why(self) -> None:
        with self.start(model_source("os._exit(3)")) as sandbox:
            sandbox.instantiate()
            for _ in range(2):
                assert reason_of(lambda: sandbox.predict(ROWS)) == "SANDBOX_DIED"
            assert sandbox.outcome().reason == "SANDBOX_DIED"

    def test_closing_twice_is_fine_and_final(self) -> None:
        with self.start(model_source("return X")) as sandbox:
            sandbox.instantiate()
            sandbox.close()
            sandbox.close()
            assert reason_of(lambda: sandbox.predict(ROWS)) == "SANDBOX_CLOSED"
