"""What every SandboxRunner does: test classes that an adapter's tests derive from.

`RunnerContract` is about models that behave or fail, `IsolationContract` about those that attack. An adapter's test
class gives `start`; what an attack achieved is judged from outside, not by what the model says of itself.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from dock_sandbox.port import Limits, Sandbox
from learndock.errors import FailedPrecondition

HEADER = "import numpy as np, os, sys, time\nfrom learnware.model import BaseModel\n"
CONSTRUCTOR = """
class Model(BaseModel):
    def __init__(self, **kwargs):
        super().__init__(input_shape=(2,), output_shape=(1,))
        self.kwargs = kwargs
"""
SMALL = Limits(memory_bytes=1 << 30, wall_seconds=40.0, call_seconds=20.0)
ROWS = np.arange(20.0).reshape(10, 2)


def model_source(predict: str, *, top: str = "", more: str = "") -> str:
    """A module with a Model whose predict has this body."""
    body = "".join(f"        {line}\n" for line in predict.splitlines())
    return f"{HEADER}{top}{CONSTRUCTOR}\n    def predict(self, X):\n{body}{more}"


def reason_of(call: Callable[[], object]) -> str:
    """Reason with which a call fails; "" where it does not."""
    try:
        call()
    except FailedPrecondition as error:
        return error.reason
    return ""


def commands() -> list[str]:
    """Command lines of all processes of this host."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue
    return found


class _Cases:
    def start(
        self,
        source: str,
        *,
        limits: Limits = SMALL,
        kwargs: Mapping[str, Any] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> AbstractContextManager[Sandbox]:
        """A sandbox around a package with this `__init__.py` and these other files."""
        raise NotImplementedError

    def reason(self, predict: str, *, limits: Limits = SMALL, top: str = "") -> str:
        """Reason with which one prediction on ten rows fails."""
        with self.start(model_source(predict, top=top), limits=limits) as sandbox:
            sandbox.instantiate()
            return reason_of(lambda: sandbox.predict(ROWS))


class RunnerContract(_Cases):
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


class IsolationContract(_Cases):
    """Models that attack."""

    def test_printing_a_gigabyte_ends_it(self) -> None:
        body = "for _ in range(1 << 10):\n    os.write(1, b'x' * (1 << 20))\nreturn X"
        with self.start(model_source(body)) as sandbox:
            sandbox.instantiate()
            assert reason_of(lambda: sandbox.predict(ROWS)) == "SANDBOX_LOG_TOO_LARGE"
            assert len(sandbox.outcome().log) <= SMALL.log_bytes

    def test_allocating_64_gigabytes_ends_or_fails(self) -> None:
        assert self.reason("return np.ones(8 << 30)") == "SANDBOX_MEMORY"

    def test_creeping_memory_ends_it(self) -> None:
        body = "kept = []\nwhile True:\n    kept.append(np.ones(1 << 20)); time.sleep(0.005)"
        assert self.reason(body, limits=Limits(memory_bytes=300 << 20, call_seconds=20)) == "SANDBOX_MEMORY"

    def test_memory_in_files_without_a_name_counts(self) -> None:
        body = (
            "held = []\nfor i in range(200):\n    held.append(os.memfd_create('x'))\n"
            "    os.write(held[-1], bytes(16 << 20))\n    time.sleep(0.01)\ntime.sleep(60)"
        )
        assert self.reason(body, limits=Limits(memory_bytes=400 << 20, call_seconds=20)) == "SANDBOX_MEMORY"

    def test_memory_of_children_counts(self) -> None:
        body = (
            "for _ in range(8):\n    if os.fork() == 0:\n        kept = np.ones(10 << 20)\n        time.sleep(60)\n"
            "time.sleep(60)"
        )
        assert self.reason(body, limits=Limits(memory_bytes=400 << 20, call_seconds=20)) == "SANDBOX_MEMORY"

    def test_a_fork_bomb_stops_at_the_limit(self) -> None:
        marker = f"bomb-{secrets.token_hex(8)}"
        body = (
            f"open('/proc/self/comm', 'w').write('{marker[:15]}')\n"
            "while True:\n    try:\n        os.fork()\n    except OSError:\n        time.sleep(0.01)"
        )
        most = 0
        with self.start(model_source(body), limits=Limits(processes=20, call_seconds=3)) as sandbox:
            sandbox.instantiate()
            call = threading.Thread(target=lambda: reason_of(lambda: sandbox.predict(ROWS)))
            call.start()
            while call.is_alive():
                most = max(most, _named(marker[:15]))
                time.sleep(0.05)
        assert 5 < most <= 20
        assert _named(marker[:15]) == 0

    def test_a_thread_bomb_stops_at_the_limit(self) -> None:
        body = (
            "import threading\ncount = 0\ntry:\n    while count < 500:\n"
            "        threading.Thread(target=time.sleep, args=(30,), daemon=True).start()\n        count += 1\n"
            "except RuntimeError:\n    pass\nreturn np.full(len(X), count)"
        )
        with self.start(model_source(body), limits=Limits(processes=20, call_seconds=20)) as sandbox:
            sandbox.instantiate()
            assert 5 < sandbox.predict(ROWS)[0] <= 20

    def test_another_sandbox_has_its_own_processes_to_spend(self) -> None:
        body = (
            "try:\n    while True:\n        if os.fork() == 0:\n            time.sleep(30)\n            os._exit(0)\n"
            "except OSError:\n    return X"
        )
        limits = Limits(processes=20, call_seconds=10)
        with (
            self.start(model_source(body), limits=limits) as full,
            self.start(model_source(body), limits=limits) as other,
        ):
            for sandbox in (full, other):
                sandbox.instantiate()
                sandbox.predict(ROWS)

    def test_a_hostile_array_subclass_crosses_as_plain_numbers(self) -> None:
        top = (
            "class Hostile(np.ndarray):\n    def __getattribute__(self, name):\n        if name == 'shape':\n"
            "            return (10, 1)\n        return super().__getattribute__(name)\n"
        )
        with self.start(model_source("return np.zeros((3, 3)).view(Hostile)", top=top)) as sandbox:
            sandbox.instantiate()
            back = sandbox.predict(ROWS)
        assert type(back) is np.ndarray
        assert back.shape == (3, 3)

    def test_writing_into_the_channel_is_found_out(self) -> None:
        body = (
            "for fd in range(3, 256):\n    try:\n        os.write(fd, b'LDW1' + bytes(12) + b'{}' * 100)\n"
            "    except OSError:\n        pass\nreturn X"
        )
        assert self.reason(body) == "OUTPUT_INVALID"

    def test_an_answer_with_another_nonce_is_found_out(self) -> None:
        body = (
            "import json, struct\nhead = json.dumps({'nonce': '0' * 32, 'result': {}, 'arrays': []}).encode()\n"
            "frame = struct.pack('>4sIQ', b'LDW1', len(head), 0) + head\n"
            "for fd in range(3, 256):\n    try:\n        os.write(fd, frame)\n"
            "    except OSError:\n        pass\nreturn X"
        )
        assert self.reason(body) == "OUTPUT_INVALID"

    def test_patching_numpy_does_not_change_what_is_judged(self) -> None:
        top = "np.isfinite = lambda *a: True\nnp.ndarray = object\n"
        with self.start(model_source("return [float('nan')] * len(X)", top=top)) as sandbox:
            sandbox.instantiate()
            outcome = reason_of(lambda: sandbox.predict(ROWS))
            assert outcome or np.isfinite([np.nan]).sum() == 0

    def test_no_network(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(0.3)
            port = listener.getsockname()[1]
            body = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)\nreturn X"
            assert self.reason(body) == "MODEL_RAISED"
            assert _heard(listener) is False

    def test_no_abstract_sockets_of_the_host(self) -> None:
        name = secrets.token_hex(8)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"\0{name}")
            listener.listen()
            listener.settimeout(0.3)
            body = f"import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('\\0{name}')\nreturn X"
            assert self.reason(body) == "MODEL_RAISED"
            assert _heard(listener) is False

    def test_the_hosts_files_and_variables_are_not_there(self, tmp_path: Path) -> None:
        secret = secrets.token_hex(16)
        (tmp_path / "secret").write_text(secret)
        os.environ["DOCK_TEST_SECRET"] = secret
        try:
            body = (
                f"for path in ['{tmp_path}/secret', '/etc/shadow', '/etc/passwd', '/proc/1/environ']:\n"
                "    try:\n        print(open(path).read())\n    except OSError as e:\n        print('no', path)\n"
                "print(os.environ, os.listdir('/'), os.listdir('/tmp'))\nreturn X"
            )
            with self.start(model_source(body)) as sandbox:
                sandbox.instantiate()
                sandbox.predict(ROWS)
                log = sandbox.outcome().log
        finally:
            del os.environ["DOCK_TEST_SECRET"]
        assert secret not in log
        assert log.count("no ") >= 3
        assert "root:" not in log

    def test_nothing_can_be_written_but_its_own_tmp(self) -> None:
        body = (
            "done = []\n"
            "places = ['/', '/package', '/runtime', '/usr', sys.prefix, '/dev', '/proc/sys/kernel/pid_max']\n"
            "for place in places:\n"
            "    try:\n        open(os.path.join(place, 'x') if os.path.isdir(place) else place, 'w').write('x')\n"
            "        done.append(place)\n    except OSError:\n        pass\n"
            "open('/tmp/x', 'w').write('x')\nprint('written', done)\nreturn X"
        )
        with self.start(model_source(body)) as sandbox:
            sandbox.instantiate()
            sandbox.predict(ROWS)
            assert "written []" in sandbox.outcome().log

    def test_tmp_is_small(self) -> None:
        body = "for i in range(100):\n    open('/tmp/f%d' % i, 'wb').write(bytes(4 << 20))\nreturn X"
        assert self.reason(body, limits=Limits(scratch_bytes=16 << 20)) == "MODEL_RAISED"

    def test_a_daemon_does_not_outlive_it(self) -> None:
        marker = f"daemon-{secrets.token_hex(8)}"
        body = (
            "import subprocess\n"
            f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', '{marker}'], "
            "start_new_session=True)\nreturn X"
        )
        with self.start(model_source(body)) as sandbox:
            sandbox.instantiate()
            sandbox.predict(ROWS)
            assert any(marker in command for command in commands())
        assert not any(marker in command for command in commands())

    def test_a_daemon_does_not_outlive_the_models_own_end(self) -> None:
        marker = f"daemon-{secrets.token_hex(8)}"
        body = (
            "import subprocess\n"
            f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', '{marker}'], "
            "start_new_session=True)\nos._exit(0)"
        )
        assert self.reason(body) == "SANDBOX_DIED"
        assert not any(marker in command for command in commands())

    def test_no_privileges_are_left(self) -> None:
        body = (
            "for line in open('/proc/self/status'):\n"
            "    if line.startswith(('CapEff', 'CapPrm', 'NoNewPrivs', 'Uid', 'Gid', 'Groups')):\n"
            "        print(line.strip())\n"
            "try:\n    os.setuid(0)\n    print('became root')\nexcept OSError:\n    print('stays')\nreturn X"
        )
        with self.start(model_source(body)) as sandbox:
            sandbox.instantiate()
            sandbox.predict(ROWS)
            log = sandbox.outcome().log
        assert "CapEff:\t0000000000000000" in log
        assert "CapPrm:\t0000000000000000" in log
        assert "NoNewPrivs:\t1" in log
        assert "Uid:\t0" not in log
        assert "stays" in log

    def test_other_processes_cannot_be_seen_or_hit(self) -> None:
        body = (
            "pids = sorted(int(p) for p in os.listdir('/proc') if p.isdigit())\nprint('count', len(pids))\n"
            f"print('parent', {os.getpid()} in pids)\n"
            f"try:\n    os.kill({os.getpid()}, 9)\nexcept OSError as e:\n    print('spared')\nreturn X"
        )
        with self.start(model_source(body)) as sandbox:
            sandbox.instantiate()
            sandbox.predict(ROWS)
            log = sandbox.outcome().log
        assert "parent False" in log
        assert "spared" in log


def _named(name: str) -> int:
    """How many processes of this host go by a name."""
    found = 0
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            found += path.read_text().strip() == name
        except OSError:
            continue
    return found


def _heard(listener: socket.socket) -> bool:
    try:
        listener.accept()
    except TimeoutError:
        return False
    return True
