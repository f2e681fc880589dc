"""Check and serving look alike from inside: a model that records what it can see cannot tell which it is in.

The model turns each thing it sees into a number. It prints the numbers in its check, whose log the dock keeps, and
answers with them when it is served.
"""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.e2e.conftest import RunningDock
from tests.packages.models import build_package, table_semantic

pytestmark = [pytest.mark.security, pytest.mark.e2e]

SPY = """\
import glob, hashlib, json, os, re, resource, socket, sys, threading, time

import numpy as np


def text(path):
    try:
        with open(path, "rb") as file:
            return file.read().replace(bytes(1), b" ").decode("utf-8", "replace")
    except OSError as error:
        return type(error).__name__


def lines(path, keep):
    return [line for line in text(path).splitlines() if re.match(keep, line)]


def mounts():
    # The first three fields are numbers that every mount in the machine counts on.
    return sorted(re.sub(r"(master|shared):\\d+", "", " ".join(line.split()[3:]))
                  for line in text("/proc/self/mountinfo").splitlines())


def plainly(words):
    # Descriptors are numbered by what else the dock has open, and users by what else runs.
    return re.sub(r"\\b(\\d{1,3}|2\\d{5})\\b", "N", str(words))


def frames():
    frame, names = sys._getframe(), []
    while frame is not None:
        names.append((frame.f_code.co_filename, frame.f_code.co_name))
        frame = frame.f_back
    return names


SEEN = {
    "folder": os.getcwd,
    "arguments": lambda: [plainly(each) for each in (sys.argv, sys.orig_argv, text("/proc/self/cmdline"),
                                                     text("/proc/1/cmdline"))],
    "variables": lambda: (sorted(os.environ.items()), text("/proc/self/environ"), text("/proc/1/environ")),
    "path": lambda: (sys.path, sys.executable, sys.prefix, sys.flags),
    "modules": lambda: sorted(sys.modules),
    "user": lambda: (os.getresuid(), os.getresgid(), os.getgroups(), text("/proc/self/uid_map")),
    "processes": lambda: (os.getpid(), os.getppid(), os.getpgid(0), os.getsid(0), sorted(glob.glob("/proc/[0-9]*"))),
    "limits": lambda: text("/proc/self/limits"),
    "status": lambda: lines("/proc/self/status", "(Cap|Seccomp|NoNewPrivs|Sig|Umask|Threads|NS|Cpus|Mems)"),
    "mounts": mounts,
    "groups": lambda: text("/proc/self/cgroup"),
    "descriptors": lambda: sorted((int(fd), re.sub(r"\\d+", "", os.readlink("/proc/self/fd/" + fd)))
                                  for fd in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + fd)),
    "places": lambda: [(place, sorted(os.listdir(place))) for place in ("/", "/tmp", "/package", "/runtime", "/dev")],
    "machine": lambda: (socket.gethostname(), os.uname(), time.tzname, os.getpriority(os.PRIO_PROCESS, 0),
                        sorted(os.sched_getaffinity(0)), os.sched_getscheduler(0)),
    "threads": lambda: [thread.name for thread in threading.enumerate()],
    "room": lambda: [os.statvfs(place)[:5:2] for place in ("/tmp", "/dev/shm")],
    "callers": frames,
}


def number(see):
    # Names that differ each time are what they are; that there is one is seen.
    plain = re.sub(r"-([a-z0-9_]{8}|[0-9a-f]{16})(?=[/\\s'\\"\\\\]|$)", "-*", str(see()))
    return plain, int(hashlib.sha256(plain.encode()).hexdigest()[:8], 16)


class Model:
    first = True

    def __init__(self):
        self.input_shape, self.output_shape = (2,), (len(SEEN),)
        self.early = {name: number(see) for name, see in SEEN.items() if name != "callers"}

    def predict(self, X):
        seen = {name: number(see) for name, see in SEEN.items()}
        if Model.first:
            Model.first = False
            print("SEEN", json.dumps([value for _, value in seen.values()]), flush=True)
            print("TOLD", json.dumps({name: plain for name, (plain, _) in seen.items()}), flush=True)
            print("ROWS", len(X), flush=True)
        return np.tile([float(value) for _, value in seen.values()], (len(X), 1))
"""
NAMES = [
    line.split('"')[1] for line in SPY.partition("SEEN = {")[2].partition("\n}\n")[0].splitlines() if '": ' in line
]


@pytest.fixture(scope="module")
def dock(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dock")
    running = RunningDock(folder / "data", folder / "dock.log").start()
    yield running
    assert running.stop() == 0, running.log.read_text()[-4000:]


def said(log, word):
    return [json.loads(line.removeprefix(word)) for line in log.splitlines() if line.startswith(word)]


def test_a_model_cannot_see_whether_it_is_checked_or_served(dock, tmp_path):
    client = dock.client("eve")
    rows = set()
    for n in range(3):
        semantic = table_semantic(task="Regression", outputs=len(NAMES), name=f"spy {n}")
        path = build_package(tmp_path / f"{n}.zip", model_source=SPY, semantic=semantic)
        record = client.wait(client.push(path).learnware_id, timeout=120)
        log = client.verdict(record.learnware_id).log
        assert record.state == "INDEXED", (record.reason_text, log[-2000:])
        (checked,) = said(log, "SEEN ")
        (told,) = said(log, "TOLD ")
        rows.update(said(log, "ROWS "))
        served = np.asarray(client.predict([record], np.zeros((12, 2)), method="raw")[0])[0]
        differing = [name for name, one, other in zip(NAMES, checked, served, strict=True) if one != other]
        assert differing == [], {name: told[name] for name in differing}
    assert len(rows) > 1  # batches of the check are drawn at random


def test_the_spy_sees_what_there_is_to_see(dock, tmp_path):
    """It tells one environment from another where there is a difference: two packages with other files."""
    client = dock.client("eve")
    seen = []
    for extra in ({}, {"more.txt": b"x"}):
        semantic = table_semantic(task="Regression", outputs=len(NAMES), name=f"spy with {len(extra)}")
        path = build_package(tmp_path / f"{len(extra)}.zip", model_source=SPY, semantic=semantic, extra=extra)
        record = client.wait(client.push(path).learnware_id, timeout=120)
        seen += said(client.verdict(record.learnware_id).log, "SEEN ")
    assert "places" in [name for name, one, other in zip(NAMES, *seen, strict=True) if one != other]
