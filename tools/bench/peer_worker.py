"""Does what it is asked with the peer's package: run by the peer's own Python, spoken to by peer_link.py.

Lines of JSON come in ({"task": NAME, ...}) and go out ({"ok": ...} or {"error": ...}); arrays travel in .npz files
that the asker names. Times are of the peer's public calls alone, without reading files. The package's name is
written nowhere but here, and nothing of ours is imported.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from functools import lru_cache
from importlib import metadata
from typing import Any

import numpy as np

Answer = dict[str, Any]
TABLE = "RKMETableSpecification"
_specification = importlib.import_module("learnware.specification")
_torch = importlib.import_module("torch")
_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def main() -> None:
    # What the peer prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer: Answer = {"ok": TASKS[question.pop("task")](**question)}
        except Exception:  # noqa: BLE001 - whatever the peer raises is an answer
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def hello(threads: int) -> Answer:
    """Versions. From here on it has so many threads, and with one it stays on one core: not all libraries ask torch."""
    _torch.set_num_threads(threads)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, _CORES[-1:] if threads == 1 else _CORES)
    names = ("learnware", "torch", "numpy", "lightgbm")
    return {"python": sys.version.split()[0], **{name: metadata.version(name) for name in names}}


def specify(arrays: str, out: str, k: int, repeats: int) -> Answer:
    """Make the specification of X (n, d); the best of `repeats` times."""
    X = np.load(arrays)["X"]
    times = []
    for _ in range(repeats):
        made, spent = timed(lambda: _specification.generate_rkme_table_spec(X.copy(), reduced_set_size=k, cuda_idx=-1))
        times.append(spent)
    np.savez(out, z=made.get_z(), beta=made.get_beta())
    made.save(f"{out}.json")
    return {"time": min(times, key=lambda each: each["wall"])}


def search(island: str, arrays: str, mixture: int, only_single: bool) -> Answer:
    """Search the learnwares of `island` for a task; the order, and of a mixture its places, weights and distance."""
    searcher = importlib.import_module("learnware.market.easy.searcher").EasyStatSearcher(None)
    learnwares, data = _learnwares(island), np.load(arrays)
    task = _made(data["z"], data["b"])
    searcher.stat_spec_type = TABLE
    (distances, found), single = timed(lambda: searcher._search_by_rkme_spec_single(learnwares, task))  # noqa: SLF001
    scores = searcher._convert_dist_to_score(distances)  # noqa: SLF001
    answer = {"single": single, "order": [int(each.id) for each in found], "distances": distances, "scores": scores}
    if only_single:
        return answer
    user = importlib.import_module("learnware.market").BaseUserInfo(stat_info={TABLE: task})
    _, whole = timed(lambda: searcher(learnwares, user, max_search_num=mixture, search_method="greedy"))
    # The public answer leaves weights and distance out, so its last step is asked for once more, by itself.
    distance, weights, members = searcher._search_by_rkme_spec_mixture_greedy(  # noqa: SLF001
        found[: mixture * mixture], task, mixture
    )
    return answer | {
        "whole": whole,
        "mixture": {
            "members": [int(each.id) for each in members],
            "weights": [float(each) for each in weights],
            "distance": float(distance),
        },
    }


def select(island: str, arrays: str, out: str) -> Answer:
    """Say with the job selector which of the learnwares of `island` is to answer each row of X."""
    reuser = importlib.import_module("learnware.reuse").JobSelectorReuser
    members, X = _learnwares(island), np.load(arrays)["X"]
    chosen, spent = timed(lambda: reuser(members).job_selector(X))
    np.savez(out, chosen=chosen)
    return {"time": spent}


def compare(first: str, second: str) -> Answer:
    """Load two specification files and give the peer's numbers of them."""
    one, two = _load(first), _load(second)
    return {
        "dist": one.dist(two),
        "inner": one.inner_prod(two),
        "norm": one.inner_prod(one),
        "shape": list(one.get_z().shape),
        "num_points": one.num_points,
        "gamma": one.gamma,
    }


def load_learnware(folder: str, arrays: str, out: str) -> Answer:
    """Load an unpacked package as the peer's docks do, check it as they do, and predict."""
    learnware = importlib.import_module("learnware.learnware")
    checker = importlib.import_module("learnware.market.easy.checker")
    with open(os.path.join(folder, "semantic_specification.json"), encoding="utf-8") as file:  # noqa: PTH118, PTH123
        semantic = json.load(file)

    def load() -> Any:
        return learnware.get_learnware_from_dirpath("00000084", semantic, folder, ignore_error=False)

    loaded = load()
    answer = {
        "semantic": checker.EasySemanticChecker()(loaded),
        "stat": checker.EasyStatChecker()(loaded),
        "specifications": sorted(loaded.get_specification().stat_spec),
    }
    np.savez(out, y=np.asarray(load().predict(np.load(arrays)["X"])))
    return answer


@lru_cache(maxsize=1)
def _learnwares(island: str) -> list[Any]:
    """Learnwares of Z (N, K, d) and B (N, K), made once for all tasks."""
    with np.load(island) as data:
        return [_learnware(str(i), z, b) for i, (z, b) in enumerate(zip(data["Z"], data["B"], strict=True))]


def _load(path: str) -> Any:
    made = _specification.RKMETableSpecification(cuda_idx=-1)
    made.load(path)
    return made


def _made(z: Any, beta: Any) -> Any:
    made = _specification.RKMETableSpecification(cuda_idx=-1)
    made.z, made.beta, made.num_points = _torch.from_numpy(z), _torch.from_numpy(beta), len(z)
    return made


def _learnware(key: str, z: Any, beta: Any) -> Any:
    whole = _specification.Specification()
    whole.update_stat_spec(**{TABLE: _made(z, beta)})
    return importlib.import_module("learnware.learnware").Learnware(key, {}, whole, "")


def timed(call: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """What a call gives, with its seconds on the clock and of processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    value = call()
    return value, {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


TASKS: dict[str, Callable[..., Answer]] = {
    "hello": hello,
    "specify": specify,
    "search": search,
    "select": select,
    "compare": compare,
    "load_learnware": load_learnware,
}

if __name__ == "__main__":
    main()
