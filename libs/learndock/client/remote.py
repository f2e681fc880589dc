"""Models that the dock runs: the data go there in blocks, the predictions come back."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dock_rpc.convert import array_to_tensor, tensor_to_array
from dockapi.reuse.v1 import reuse_pb2
from learndock.errors import InvalidInput
from learndock.reuse.member import DockWarning

BLOCK_BYTES = 8 << 20
BLOCK_ROWS = 20_000
PREDICT_S = 600.0
METHODS = {
    "auto": reuse_pb2.METHOD_UNSPECIFIED,
    "raw": reuse_pb2.METHOD_RAW,
    "mean": reuse_pb2.METHOD_MEAN,
    "vote_by_label": reuse_pb2.METHOD_VOTE_BY_LABEL,
    "vote_by_probability": reuse_pb2.METHOD_VOTE_BY_PROBABILITY,
    "job_selector": reuse_pb2.METHOD_JOB_SELECTOR,
}
Array = npt.NDArray[Any]


class RemoteModel:
    """One learnware, run by the dock."""

    def __init__(self, stub: Any, learnware_id: str, version: int) -> None:
        self._stub = stub
        self._member = reuse_pb2.Member(learnware_id=learnware_id, version=version, weight=1.0)

    def predict(self, X: Any) -> Array:
        """What the learnware says of the rows of `X`, shape (n, ...)."""
        return predict_blocks(self._stub, [self._member], "raw", X)[0]


def predict_blocks(stub: Any, members: Sequence[reuse_pb2.Member], method: str, X: Any) -> list[Array]:
    """Outputs for `X` (n, ...), one array, or one a member for "raw". InvalidInput METHOD_UNKNOWN."""
    if method not in METHODS:
        raise InvalidInput(
            f"{method!r} is no way to combine predictions.",
            reason="METHOD_UNKNOWN",
            hint=f"Choose one of {', '.join(METHODS)}.",
        )
    answers = [_predict(stub, members, method, block) for block in _blocks(np.asarray(X))]
    return [np.concatenate(parts) if len(parts) > 1 else parts[0] for parts in zip(*answers, strict=True)]


def _predict(stub: Any, members: Sequence[reuse_pb2.Member], method: str, block: Array) -> list[Array]:
    request = reuse_pb2.PredictRequest(members=members, method=METHODS[method], inputs=array_to_tensor(block))
    response = stub.Predict(request, timeout=PREDICT_S)
    for note in response.notes:
        warnings.warn(note, DockWarning, stacklevel=5)
    if response.isolation == "unsafe-local":
        warnings.warn("The dock ran the models without a sandbox (unsafe-local).", DockWarning, stacklevel=5)
    return [tensor_to_array(output) for output in response.outputs]


def _blocks(array: Array) -> Iterator[Array]:
    if array.ndim == 0 or len(array) == 0:
        yield array
        return
    row_bytes = max(1, array.nbytes // len(array))
    rows = max(1, min(BLOCK_ROWS, BLOCK_BYTES // row_bytes))
    for start in range(0, len(array), rows):
        yield array[start : start + rows]
