"""A model as the peer knows it: two shapes, predict, and perhaps fit, finetune and get_model."""

from __future__ import annotations

from typing import Any, Callable, Optional, Tuple


def _not_offered(method: Callable[..., Any]) -> Callable[..., Any]:
    method.not_offered = True  # type: ignore[attr-defined]
    return method


class BaseModel:
    """Derive from it, call its constructor with the shapes of one input and one output, and write predict."""

    def __init__(self, input_shape: Optional[Tuple[int, ...]], output_shape: Optional[Tuple[int, ...]]) -> None:
        self.input_shape = input_shape
        self.output_shape = output_shape

    def predict(self, X: Any) -> Any:
        """Predictions for a batch of inputs, an array with one row each."""
        raise NotImplementedError("predict is not written")

    @_not_offered
    def fit(self, X: Any, y: Any) -> None:
        """Train the model from nothing."""
        raise NotImplementedError("fit is not written")

    @_not_offered
    def finetune(self, X: Any, y: Any) -> None:
        """Train the model further."""
        raise NotImplementedError("finetune is not written")

    def get_model(self) -> Any:
        """The network inside, where there is one."""
        raise NotImplementedError("get_model is not written")
