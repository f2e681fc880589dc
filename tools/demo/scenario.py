"""Who is in the demo: twenty owners with models, and two people with a task, data and few labels.

For either task, half of the models that fit by width and outputs were trained on something else, and nothing that is
published but the distribution of the data tells. Owners standardise with their own rows only, inside the model. Rows
of the tasks are never rows of an owner. The demo's seeds are 0 … 4; what is decided here (own models, whom to trust)
was decided on seeds 100 … 104. Those draw other plant rows, but shuffle the same 797 images of the digits' task, and
the owners are the same: for the digits the two sets of seeds are not independent.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from digits import CLASSES, digit_owners, digit_task
from digits import TASK as DIGITS
from learndock.experiment import Scenario, TaskOwner
from learndock.experiment.scenario import TUNED_FROM, Array, Kind
from people import OwnerModel, describe
from plant import TASK as PLANT
from plant import plant_owners, plant_task

SEEDS = (0, 1, 2, 3, 4)
LABELS = (10, 50, 200)


def owners(seed: int = 0) -> list[OwnerModel]:
    """Twenty fitted models; the same for the same seed."""
    return [*digit_owners(seed), *plant_owners(seed), *_others()]


def scenarios(seeds: tuple[int, ...]) -> list[Scenario]:
    """The two tasks, with rows drawn by the seed; who helps is found in the dock."""
    return [
        _scenario(DIGITS, "classification", digit_task, CLASSES, seeds),
        _scenario(PLANT, "regression", plant_task, None, seeds),
    ]


def _scenario(
    name: str, kind: Kind, draw: Callable[[int], TaskOwner], classes: int | None, seeds: tuple[int, ...]
) -> Scenario:
    own = partial(own_model, kind)
    return Scenario(name, kind, lambda seed: [draw(seed)], n_classes=classes, labels=LABELS, seeds=seeds, own=own)


def own_model(kind: Kind, X: Array, y: Array) -> Any:
    """What a person with these labels alone would train: a support vector machine, tuned where labels allow it.

    Of eight kinds of models tried on other seeds it was the best or nearly so for every number of labels. Pixels share
    one unit and stay as they are; readings are standardised with the labelled rows.
    """
    grid: dict[str, list[Any]]
    if kind == "classification":
        model, grid = SVC(C=10), {"C": [1, 10], "gamma": ["scale", 0.0005]}
    else:
        inner = make_pipeline(StandardScaler(), SVR(C=10))
        model = TransformedTargetRegressor(inner, transformer=StandardScaler())
        grid = {"regressor__svr__C": [1, 10, 100], "regressor__svr__gamma": [0.01, "scale"]}
    if len(y) < TUNED_FROM:
        return model.fit(X, y)
    return GridSearchCV(model, grid, cv=KFold(4)).fit(X, y)


def _others() -> list[OwnerModel]:
    """Two owners of other tables, as any dock has."""
    wine, cancer = load_wine(), load_breast_cancer()
    return [
        _other(
            "wine-cellar", "Wine by grower", "Tells three growers apart by a chemical analysis.", "Agriculture", wine
        ),
        _other("clinic", "Breast cancer by biopsy", "Malignant or benign, from thirty measures.", "Health", cancer),
    ]


def _other(name: str, title: str, text: str, scenario: str, table: Any) -> OwnerModel:
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(table.data, table.target)
    columns, classes = [str(each) for each in table.feature_names], [str(each) for each in table.target_names]
    semantic = describe("classification", title, text, scenario, columns, classes)
    return OwnerModel(name, semantic, table.data, table.target, model, {})
