"""scikit-learn's manners without scikit-learn: parameters, tags, methods that depend on the task."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from learndock.reuse.errors import InvalidInput, NoSuchMethod

Result = TypeVar("Result")


class Parameters:
    """`get_params` and `set_params` by the parameters of `__init__`."""

    @classmethod
    def _parameters(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002
        """The parameters as given; `deep` is there for scikit-learn and changes nothing."""
        return {name: getattr(self, name) for name in self._parameters()}

    def set_params(self, **params: Any) -> Any:
        """Change parameters; the reuser itself. InvalidInput PARAMETER_UNKNOWN names what there is."""
        known = self._parameters()
        for name, value in params.items():
            if name not in known:
                raise InvalidInput(
                    f"{type(self).__name__} has no parameter {name!r}.",
                    reason="PARAMETER_UNKNOWN",
                    hint=f"There are: {', '.join(known)}.",
                )
            setattr(self, name, value)
        return self


class OfClassification(Generic[Result]):
    """A method that a reuser for regression does not have: InvalidInput TASK_WRONG, an AttributeError too."""

    def __init__(self, method: Callable[..., Result]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    def __get__(self, reuser: Any, owner: type | None = None) -> Callable[..., Result]:
        if reuser is None:
            return self._method
        if reuser.task == "regression":
            raise NoSuchMethod(
                "Regression has no class probabilities and no names of classes.",
                reason="TASK_WRONG",
                hint="Use predict(), or task='classification'.",
            )
        bound: Callable[..., Result] = self._method.__get__(reuser, owner)
        return bound


def tags(*, classifies: bool, needs_labels: bool, learns: bool, tables_only: bool) -> Any:
    """What scikit-learn's tools are told: `learns` is whether `fit` must come before `predict`."""
    from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags  # noqa: PLC0415

    return Tags(
        estimator_type="classifier" if classifies else "regressor",
        target_tags=TargetTags(required=needs_labels, multi_output=False),
        # How good it is depends on the members alone.
        classifier_tags=ClassifierTags(poor_score=True) if classifies else None,
        regressor_tags=None if classifies else RegressorTags(poor_score=True),
        input_tags=InputTags(allow_nan=not tables_only),
        requires_fit=learns,
        # Members may take anything: images, texts, tables with holes.
        no_validation=not tables_only,
    )
