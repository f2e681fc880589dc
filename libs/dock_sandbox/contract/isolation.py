"""Models that attack."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from pathlib import Path

import numpy as np

from dock_sandbox.contract.cases import ROWS, SMALL, Cases, model_source, reason_of
from dock_sandbox.contract.observation import appears, heard, named, runs
from dock_sandbox.port import Limits


class IsolationContract(Cases):
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
            f"import ctypes\nctypes.CDLL(None).prctl(15, b'{marker[:15]}', 0, 0, 0)\n"
            "while True:\n    try:\n        os.fork()\n    except OSError:\n        time.sleep(0.01)"
        )
        most = 0
        with self.start(model_source(body), limits=Limits(processes=20, call_seconds=3)) as sandbox:
            sandbox.instantiate()
            call = threading.Thread(target=lambda: reason_of(lambda: sandbox.predict(ROWS)))
            call.start()
            while call.is_alive():
                most = max(most, named(marker[:15]))
                time.sleep(0.05)
        assert 5 < most <= 20
        assert named(marker[:15]) == 0

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
            assert heard(listener) is False

    def test_no_abstract_sockets_of_the_host(self) -> None:
        name = secrets.token_hex(8)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"\0{name}")
            listener.listen()
            listener.settimeout(0.3)
            body = f"import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('\\0{name}')\nreturn X"
            assert self.reason(body) == "MODEL_RAISED"
            assert heard(listener) is False

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
            "places = ['/', '/package', '/runtime', '/usr', sys.prefix, '/dev', '/proc/sys/vm/swappiness']\n"
            "for place in places:\n"
            "    try:\n        open(os.path.join(place, 'x') if os.path.isdir(place) else place, 'w').write('x')\n"
            "        done.append(place)\n    except OSError:\n        pass\n"
            "open('/tmp/x', 'w').write('x')\nprint('written', done)\nreturn X"
        )
        with self.start(model_source(body)) as sandbox:
            sandbox.instantiate()
            sandbox.predict(ROWS)
            log = sandbox.outcome().log
        assert "written []" in log, log

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
            assert appears(marker)
        assert not runs(marker)

    def test_a_daemon_does_not_outlive_the_models_own_end(self) -> None:
        marker = f"daemon-{secrets.token_hex(8)}"
        body = (
            "import subprocess\n"
            f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', '{marker}'], "
            "start_new_session=True)\nos._exit(0)"
        )
        assert self.reason(body) == "SANDBOX_DIED"
        assert not runs(marker)

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
