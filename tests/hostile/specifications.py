"""Statistical specifications that are none, contradict themselves, or lie to win searches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.hostile.corpus import Case
from tests.hostile.zips import assemble, stored
from tests.packages.models import package_files, table_specification

GOOD = table_specification()
Z, BETA = GOOD["z"], GOOD["beta"]

CHANGED: dict[str, dict[str, Any]] = {
    "weights-for-other-points": {"beta": BETA[:-1]},
    "no-points": {"z": [], "beta": []},
    "points-without-columns": {"z": [[] for _ in Z]},
    "ragged-points": {"z": [*Z[:-1], [1.0]]},
    "points-of-text": {"z": [["a", "b"]] * 20},
    "points-of-nothing": {"z": [[None, None]] * 20},
    "points-three-axes": {"z": [[[1.0, 2.0]]] * 20},
    "points-a-number": {"z": 7},
    "points-an-object": {"z": {"shape": [20, 2], "data": "AAAA"}},
    "points-true": {"z": [[True, False]] * 20},
    "points-huge": {"z": [[1e308, 1e308]] * 20},
    "weights-of-nought": {"beta": [0.0] * 20},
    "weights-of-a-tenth": {"beta": [0.005] * 20},
    "weights-of-two": {"beta": [0.1] * 20},
    "weights-negative": {"beta": [1.0, *[-1.0] * 9, *[1.0] * 10]},
    "weights-just-negative": {"beta": [-0.05, 0.1, *BETA[2:]]},
    "gamma-nought": {"gamma": 0},
    "gamma-negative": {"gamma": -0.1},
    "gamma-huge": {"gamma": 1e300},
    "gamma-text": {"gamma": "0.1"},
    "gamma-true": {"gamma": True},
    "gamma-list": {"gamma": [0.1]},
    "fewer-rows-than-points": {"num_points": 3},
    "rows-a-half": {"num_points": 200.5},
    "rows-negative": {"num_points": -5},
    "rows-of-400-digits": {"num_points": int("9" * 400)},
    "type-of-another": {"type": "RKMETextSpecification"},
    "type-a-path": {"type": "../../evil"},
    "type-an-object": {"type": {"a": 1}},
    "too-many-points": {"z": [[0.0, 0.0]] * 10_001, "beta": [1 / 10_001] * 10_001, "num_points": 20_000},
}

TEXTS = {
    "no-json": "z = 1",
    "a-list": "[1, 2]",
    "a-text": '"z"',
    "empty": "",
    "cut": json.dumps(GOOD)[:-20],
    "two-documents": json.dumps(GOOD) * 2,
    "not-a-number": json.dumps(GOOD).replace(str(Z[0][0]), "NaN", 1),
    "infinity": json.dumps(GOOD).replace(str(Z[0][0]), "Infinity", 1),
    "minus-infinity": json.dumps(GOOD).replace(str(Z[0][0]), "-Infinity", 1),
    "beyond-doubles": json.dumps(GOOD).replace(str(Z[0][0]), "1e999", 1),
    "rows-beyond-doubles": json.dumps(GOOD).replace('"num_points": 200', '"num_points": 1e999', 1),
    "integer-of-400-digits": json.dumps(GOOD).replace(str(Z[0][0]), "9" * 400, 1),
    "integer-of-a-million-digits": json.dumps(GOOD).replace(str(Z[0][0]), "9" * 1_000_000, 1),
    "deep": "[" * 50_000 + "]" * 50_000,
    "deep-objects": '{"z":' * 20_000 + "1" + "}" * 20_000,
    "millions-of-empty-lists": '{"z": [' + "[]," * 3_000_000 + "[]]}",
    "python-object": "{'z': [[1, 2]]}",
    "pickle": "\x80\x04\x95",
}


def cases() -> Iterator[Case]:
    """Give the cases."""
    for name, changes in CHANGED.items():
        yield Case(f"specification-{name}", "SPECIFICATION_INVALID", lambda changes=changes: holding(GOOD | changes))
    for field in ("z", "beta"):
        rest = {key: value for key, value in GOOD.items() if key != field}
        yield Case(f"specification-without-{field}", "SPECIFICATION_INVALID", lambda rest=rest: holding(rest))
    for name, text in TEXTS.items():
        yield Case(f"specification-{name}", "SPECIFICATION_INVALID", lambda text=text: holding(text))
    yield Case("specification-not-utf-8", "TEXT_ENCODING", lambda: holding_bytes(b'{"z": "\xff"}'))
    yield Case("specification-key-twice", "SPECIFICATION_INVALID", key_twice)


def holding(specification: Any) -> bytes:
    """Give a package with that specification."""
    text = specification if isinstance(specification, str) else json.dumps(specification)
    return holding_bytes(text.encode())


def holding_bytes(data: bytes) -> bytes:
    """Give a package with those bytes for a specification, stored so that it is not refused as a bomb."""
    return assemble([stored(name, each) for name, each in (package_files() | {"stat.json": data}).items()])


def key_twice() -> bytes:
    """Give a specification that says its weights twice, for readers of which some take the first."""
    return holding(json.dumps(GOOD)[:-1] + ', "beta": ' + json.dumps([1.0, *[0.0] * 19]) + "}")
