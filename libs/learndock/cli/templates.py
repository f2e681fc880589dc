"""The `__init__.py` that a scaffold writes: one for each kind of model file."""

from __future__ import annotations

_TOP = '''"""The model of this learnware, as the dock runs it.

The dock makes one `Model()` in a sandbox without network and calls `predict` with an array of shape (n, {inputs}).
"""

import os

{imports}
FOLDER = os.path.dirname(os.path.abspath(__file__))
{constants}

class Model:
    """{title}"""

    def __init__(self):
{build}
        self.input_shape = ({inputs},)
        self.output_shape = ({shape},)

    def predict(self, X):
        """{answer}"""
{predict}
'''

_CLASSIFIER_BUILD = """\
        self.estimator = joblib.load(os.path.join(FOLDER, {file!r}))
        self.columns = columns_of(self.estimator.classes_)
        self.tells_probabilities = hasattr(self.estimator, "predict_proba")"""

_CLASSIFIER_PREDICT = """\
        X = np.asarray(X, dtype=float)
        if self.tells_probabilities:
            told = self.estimator.predict_proba(X)
        else:
            told = self.estimator.predict(X)[:, None] == self.estimator.classes_[None, :]
        answer = np.zeros((len(X), CLASSES))
        answer[:, self.columns] = told
        return answer"""

_COLUMNS_OF = '''

def columns_of(labels):
    """Which column of the answer each of the estimator's labels has: label 2 column 2; other labels in their order."""
    numbers = np.asarray(labels)
    if numbers.dtype.kind in "iufb" and all(float(n).is_integer() and 0 <= n < CLASSES for n in numbers):
        return numbers.astype(int)
    return np.arange(len(numbers))
'''

_REGRESSOR_PREDICT = """\
        answer = np.asarray(self.estimator.predict(np.asarray(X, dtype=float)), dtype=float)
        return answer.reshape(len(answer), -1)"""

_TORCH_PREDICT = """\
        with torch.no_grad():
            answer = self.network(torch.as_tensor(np.asarray(X), dtype=torch.float32))
        return answer.numpy().reshape(len(X), -1)"""

_TORCH_BUILD = """\
        # {file} holds weights or a pickled module: build your network here, then load the weights into it, e.g.
        #   from .network import Network
        #   self.network = Network()
        #   self.network.load_state_dict(torch.load(os.path.join(FOLDER, {file!r}), map_location="cpu"))
        raise NotImplementedError("build the network in __init__.py")"""


def estimator_source(file: str, inputs: int, outputs: int, *, classifies: bool) -> str:
    """Loads a fitted estimator with joblib, which reads plain pickles too.

    A classifier answers with a probability for each class, a regressor with its columns.
    """
    if not classifies:
        build = f"        self.estimator = joblib.load(os.path.join(FOLDER, {file!r}))"
        title = "A fitted estimator, answering with numbers."
        return _source(inputs, outputs, title, build, _REGRESSOR_PREDICT, "One row of numbers for each row of X.")
    source = _source(
        inputs,
        outputs,
        "A fitted classifier, answering with a probability for each class.",
        _CLASSIFIER_BUILD.format(file=file),
        _CLASSIFIER_PREDICT,
        "One row of probabilities for each row of X; column i is class i.",
        constants=f"CLASSES = {outputs}\n",
    )
    return source + _COLUMNS_OF


def torch_source(file: str, inputs: int, outputs: int, *, scripted: bool) -> str:
    """Loads a TorchScript file; for any other torch file it says where to build the network."""
    script = f'        self.network = torch.jit.load(os.path.join(FOLDER, {file!r}), map_location="cpu").eval()'
    return _source(
        inputs,
        outputs,
        "A torch network on the CPU.",
        script if scripted else _TORCH_BUILD.format(file=file),
        _TORCH_PREDICT,
        "The network's outputs, one row for each row of X.",
        imports="import numpy as np\nimport torch\n",
    )


def empty_source(inputs: int, outputs: int) -> str:
    """A model to be written: it says where."""
    return _source(
        inputs,
        outputs,
        "Load what you need from FOLDER in __init__; answer in predict.",
        "        # e.g. self.weights = np.load(os.path.join(FOLDER, 'weights.npy'))",
        '        raise NotImplementedError("write predict in __init__.py")',
        f"An array of shape (n, {outputs}) for X of shape (n, {inputs}).",
        imports="import numpy as np\n",
    )


def _source(
    inputs: int,
    outputs: int,
    title: str,
    build: str,
    predict: str,
    answer: str,
    *,
    imports: str = "import joblib\nimport numpy as np\n",
    constants: str = "",
) -> str:
    return _TOP.format(
        inputs=inputs,
        shape=outputs,
        title=title,
        build=build,
        predict=predict,
        answer=answer,
        imports=imports,
        constants=constants,
    )
