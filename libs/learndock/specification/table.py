"""TableSpecification: a reduced kernel mean embedding of a table, in the peer's file format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from learndock.errors import NotFound
from learndock.specification.kernel import inner_product
from learndock.specification.rules import (
    TYPES,
    check_count,
    check_gamma,
    check_mass,
    check_points,
    numbers,
    parse_document,
    refuse,
)

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class TableSpecification:
    """What the rows of a table are like: points `z` (K, d) with weights `beta` (K,) that sum to 1.

    The distribution stands as mu = sum_i beta_i k(z_i, .), k(x, y) = exp(-gamma |x - y|^2). `num_points` is the
    number of rows it was made from, 0 where unsaid. Immutable; anything that breaks a rule of
    `learndock.specification.rules` is refused with InvalidInput SPECIFICATION_INVALID.
    Zhou and Tan, Learnware: small models do big, 2024; Wu et al., RKME, TKDE 2023.
    """

    z: Array
    beta: Array
    gamma: float = 0.1
    num_points: int = 0
    type: str = TYPES[0]
    data_type: ClassVar[str] = "Table"

    def __post_init__(self) -> None:
        z, beta = numbers(self.z, "z", 2), numbers(self.beta, "beta", 1)
        check_points(z)
        check_mass(z, beta)
        if self.type not in TYPES:
            refuse(f"The specification is of the type {str(self.type)[:60]!r}, not {TYPES[0]}.", field="type")
        values = (z, beta, check_gamma(self.gamma), check_count(self.num_points, len(z)), TYPES[0])
        for name, value in zip(("z", "beta", "gamma", "num_points", "type"), values, strict=True):
            object.__setattr__(self, name, value)

    @property
    def dimension(self) -> int:
        """The width of the table: d."""
        return int(self.z.shape[1])

    @cached_property
    def self_norm(self) -> float:
        """||mu||^2, computed here and never read from a file."""
        return inner_product(self.z, self.beta, self.z, self.beta, self.gamma)

    @property
    def effective_size(self) -> float:
        """1 / sum beta^2: how many points carry the weight, 1 to K."""
        return float(1.0 / (self.beta @ self.beta))

    @classmethod
    def from_json(cls, value: str | bytes | Mapping[str, Any]) -> TableSpecification:
        """Read the peer's form; unknown keys are dropped. InvalidInput SPECIFICATION_INVALID."""
        document = parse_document(value)
        for field in ("z", "beta"):
            if field not in document:
                refuse(f"The specification has no {field}.", field=field)
        return cls(
            z=document["z"],
            beta=_flat(document["beta"]),
            gamma=document.get("gamma", 0.1),
            num_points=document.get("num_points") or 0,
            type=document.get("type", TYPES[0]),
        )

    def to_json(self) -> dict[str, Any]:
        """Give the peer's form: numbers and lists only, in full precision."""
        return {
            "z": self.z.tolist(),
            "beta": self.beta.tolist(),
            "gamma": self.gamma,
            "num_points": self.num_points,
            "type": self.type,
        }

    @classmethod
    def load(cls, path: str | Path) -> TableSpecification:
        """Read a file. NotFound FILE_NOT_FOUND; InvalidInput SPECIFICATION_INVALID."""
        try:
            data = Path(path).read_bytes()
        except FileNotFoundError:
            raise NotFound(
                f"There is no file {path}.", reason="FILE_NOT_FOUND", hint="Look at the path's spelling."
            ) from None
        return cls.from_json(data)

    def save(self, path: str | Path) -> None:
        """Write a file that `load` and the peer read."""
        Path(path).write_text(json.dumps(self.to_json()), encoding="utf-8")

    def __repr__(self) -> str:
        rows = f" from {self.num_points} rows" if self.num_points else ""
        return f"TableSpecification({len(self.z)} points of width {self.dimension}{rows}, gamma={self.gamma:g})"

    def _repr_html_(self) -> str:
        facts = {
            "points": len(self.z),
            "columns": self.dimension,
            "rows": self.num_points or "unsaid",
            "effective points": f"{self.effective_size:.1f}",
            "gamma": f"{self.gamma:g}",
        }
        rows = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in facts.items())
        return f"<table><caption>Table specification</caption>{rows}</table>"


def _flat(beta: Any) -> Any:
    # Some tools write the weights as a column, (K, 1).
    if isinstance(beta, list) and beta and all(isinstance(each, list) and len(each) == 1 for each in beta):
        return [each[0] for each in beta]
    return beta
