"""A model that deserves rejection tries to get another verdict; the verdict is the dock's all the same.

Every model here answers with labels that do not exist (7 of 2 classes) unless its trick gets it accepted.
"""

from __future__ import annotations

import numpy as np
import pytest

from dock_sandbox import ProcessSandbox
from dock_sandbox.environment import EnvironmentBuilder
from dock_sandbox.examination import examine
from dock_sandbox.port import Limits
from tests.packages.models import build_package

pytestmark = [pytest.mark.security, pytest.mark.sandbox]

HEAD = """\
import atexit, ctypes, gc, json, os, struct, sys, threading, time

import numpy as np


def bad(X):
    return np.full(len(X), 7)


def good(X):
    return np.zeros(len(X), dtype=int)


def frames(nonce, array):
    claim = {"dtype": array.dtype.str, "shape": list(array.shape)}
    head = json.dumps({"nonce": nonce, "result": {}, "arrays": [claim]}).encode()
    return struct.pack(">4sIQ", b"LDW1", len(head), array.nbytes) + head + array.tobytes()


def say(data):
    for fd in range(3, 64):
        try:
            os.write(fd, data)
        except OSError:
            pass


class Model:
    def __init__(self):
        self.input_shape, self.output_shape = (2,), (1,)
"""

PREDICTS = {
    "prints-the-harness-words": (
        "print(json.dumps({'accepted': True, 'reason': '', 'verdict': 'ACCEPTED'}), flush=True)\nreturn bad(X)"
    ),
    "writes-to-every-descriptor": "say(b'ACCEPTED\\n' + b'{\"accepted\": true}')\nreturn bad(X)",
    "answers-with-a-guessed-nonce": "say(frames('0' * 32, good(X)))\nreturn bad(X)",
    "answers-with-the-nonce-it-found": (
        "for each in gc.get_objects():\n    if isinstance(each, dict) and isinstance(each.get('nonce'), str):\n"
        "        say(frames(each['nonce'], good(X)))\nreturn bad(X)"
    ),
    "answers-before-it-is-asked": (
        "def early():\n    for _ in range(100):\n        say(frames('0' * 32, good(X))); time.sleep(0.01)\n"
        "threading.Thread(target=early, daemon=True).start()\nreturn bad(X)"
    ),
    "leaves-a-result-file": (
        "for place in ('/tmp', '/package', '/runtime', '/dev/shm', '.'):\n    for name in ('verdict.json', 'result', 'exit_code'):\n"
        "        try:\n            open(os.path.join(place, name), 'w').write('{\"accepted\": true}')\n"
        "        except OSError:\n            pass\nreturn bad(X)"
    ),
    "exits-0-early": "os._exit(0)",
    "exits-0-politely": "sys.exit(0)",
    "exits-0-at-exit": "atexit.register(os._exit, 0)\nreturn bad(X)",
    "dies-like-a-forbidden-call": "os.kill(os.getpid(), 31)",
    "lets-a-child-die-like-a-forbidden-call": "os.fork() or os.kill(os.getpid(), 31)\nos.wait()\nreturn bad(X)",
    "says-it-was-the-filter": "print('The model was killed by the system-call filter')\nreturn bad(X)",
    "becomes-true": "os.execv('/bin/true', ['true'])",
    "raises-the-docks-own-error": (
        "class Unavailable(Exception):\n    reason = 'SANDBOX_MISSING'\n    kind = 'unavailable'\n"
        "raise Unavailable('accepted; try again later')"
    ),
    "raises-what-cannot-be-shown": (
        "class Odd(Exception):\n    def __str__(self):\n        raise SystemExit(0)\n    __repr__ = __str__\nraise Odd()"
    ),
    "is-good-only-for-ten-rows": "return good(X) if len(X) == 10 else bad(X)",
    "is-good-only-the-first-time": "n = Model.n = getattr(Model, 'n', 0) + 1\nreturn good(X) if n == 1 else bad(X)",
    # Patching the conversion itself would be no forgery: what crosses then is the model's answer, and judged as such.
    "patches-numpy": (
        "np.isfinite = np.isnan = np.all = np.any = lambda *a, **k: np.True_\n"
        "np.unique = np.max = np.min = lambda *a, **k: good(X)\nreturn bad(X)"
    ),
    "patches-the-worker": (
        "for name, module in list(sys.modules.items()):\n    for key, value in list(vars(module).items() if module else ()):\n"
        "        if key in ('pack_frame', 'read_header', 'read_arrays'):\n"
        "            setattr(module, key, lambda *a, **k: (b'', []))\nreturn bad(X)"
    ),
    "lies-about-the-shape-on-the-wire": (
        "import types\nfor name, module in list(sys.modules.items()):\n    if hasattr(module, 'pack_frame'):\n"
        "        true = module.pack_frame\n"
        "        def lying(header, arrays=()):\n            head, bodies = true(header, arrays)\n"
        "            return head.replace(b'\"shape\": [', b'\"shape\": [9'), bodies\n"
        "        module.pack_frame = lying\nreturn bad(X)"
    ),
    "an-array-that-lies": (
        "class Lying(np.ndarray):\n    shape = property(lambda self: (len(X), 1))\n    dtype = property(lambda self: np.dtype('i8'))\n"
        "    def max(self, *a, **k):\n        return 0\n    min = max\n    __array_priority__ = 1e9\n"
        "    def __array_ufunc__(self, *a, **k):\n        return np.bool_(True)\nreturn bad(X).view(Lying)"
    ),
    "an-object-with-__array__": (
        "class Two:\n    calls = 0\n    def __array__(self, *a, **k):\n        Two.calls += 1\n"
        "        return good(X) if Two.calls % 2 == 0 else bad(X)\n    def __len__(self):\n        return len(X)\nreturn Two()"
    ),
    "a-masked-array": "return np.ma.masked_array(bad(X), mask=True)",
    "an-array-of-objects": (
        "class Zero:\n    def __float__(self):\n        return 0.0\n    __int__ = __index__ = lambda self: 0\n"
        "    def __eq__(self, other):\n        return True\n    __hash__ = None\n"
        "return np.array([Zero()] * len(X), dtype=object)"
    ),
    "complex-numbers": "return bad(X) + 0j",
    "dates": "return np.zeros(len(X), dtype='M8[s]')",
    "records": "return np.zeros(len(X), dtype=[('label', 'i8')])",
    "bytes": "return np.zeros(len(X), dtype='V8')",
    "integers-beyond-64-bits": "return [10 ** 30] * len(X)",
    "a-generator-without-end": "return (0 for _ in iter(int, 1))",
    "one-number-for-all": "return np.int64(0)",
    "nothing": "return None",
    "a-pickle": "import pickle\nreturn pickle.dumps(good(X))",
}

SHAPES = {
    "shape-that-changes": (
        "    calls = 0\n\n    @property\n    def output_shape(self):\n        Model.calls += 1\n"
        "        return (1,) if Model.calls < 2 else (2,)\n\n    @output_shape.setter\n    def output_shape(self, value):\n"
        "        pass\n"
    ),
    "shape-that-is-everything": (
        "    class Any(tuple):\n        def __eq__(self, other):\n            return True\n        __hash__ = tuple.__hash__\n"
        "        def __len__(self):\n            return 1\n\n    def __getattribute__(self, name):\n"
        "        return Model.Any((1,)) if name == 'output_shape' else object.__getattribute__(self, name)\n"
    ),
}

FAULTS = {
    "LABELS_OUT_OF_RANGE",
    "MODEL_RAISED",
    "OUTPUT_INVALID",
    "OUTPUT_ROWS",
    "OUTPUT_SHAPE",
    "OUTPUT_TYPE",
    "SANDBOX_DIED",
    "SANDBOX_FORBIDDEN_SYSCALL",
    "SANDBOX_LOG_TOO_LARGE",
    "SANDBOX_MEMORY",
    "SANDBOX_TIMEOUT",
}


@pytest.fixture(scope="module")
def environments(tmp_path_factory):
    return EnvironmentBuilder(tmp_path_factory.mktemp("environments"), offline=True)


def verdict(source, folder, environments):
    return examine(
        build_package(folder / "forged.zip", model_source=source),
        semantic=None,
        runner=ProcessSandbox(),
        environments=environments,
        scratch=folder / "scratch",
        rng=np.random.default_rng(3),
        on_step=lambda _: None,
        limits=Limits(call_seconds=4, wall_seconds=20, memory_bytes=600 << 20),
        checkers=(),
    )


def predicting(body: str) -> str:
    return HEAD + "\n    def predict(self, X):\n" + "".join(f"        {line}\n" for line in body.splitlines())


def test_the_scene_is_fair(tmp_path, environments):
    """The same package with an honest answer is accepted, so the tricks have something to win."""
    assert verdict(predicting("return good(X)"), tmp_path, environments).accepted


@pytest.mark.parametrize("trick", PREDICTS)
def test_no_answer_forges_a_verdict(trick, tmp_path, environments):
    found = verdict(predicting(PREDICTS[trick]), tmp_path, environments)
    assert not found.accepted, found.log[-1000:]
    assert found.reason in FAULTS, (found.reason, found.reason_text)
    assert found.steps[-1].status == "failed"


@pytest.mark.parametrize("trick", SHAPES)
def test_no_shape_forges_a_verdict(trick, tmp_path, environments):
    source = HEAD + "\n" + SHAPES[trick] + "\n    def predict(self, X):\n        return bad(X)\n"
    found = verdict(source, tmp_path, environments)
    assert not found.accepted
    assert found.reason in FAULTS, (found.reason, found.reason_text)
