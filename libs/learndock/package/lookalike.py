"""Names of packages that are one slip away from a well-known one: a warning for people, no verdict."""

from __future__ import annotations

from packaging.utils import canonicalize_name

WELL_KNOWN = frozenset(
    """
    absl-py accelerate aiohttp albumentations altair anyio arrow attrs autogluon beautifulsoup4 bitsandbytes bokeh
    boto3 botocore catboost category-encoders certifi cffi charset-normalizer click cloudpickle contourpy coverage
    cryptography cupy cvxopt cvxpy cycler cython darts dask dataclasses datasets diffusers dill distributed django
    einops evaluate faiss-cpu fastai fastapi filelock flask flax fonttools fsspec gensim gluonts gpytorch graphviz
    grpcio gunicorn h5py httpx huggingface-hub hyperopt idna imageio imbalanced-learn importlib-metadata ipython jax
    jaxlib jinja2 joblib jsonschema jupyter keras kiwisolver langchain lightgbm lightning lime llvmlite loguru lxml
    mamba markdown markupsafe matplotlib mlflow mlxtend mpmath msgpack multidict mypy networkx nltk notebook numba
    numexpr numpy onnx onnxruntime openai opencv-python opencv-python-headless openpyxl optuna orjson packaging pandas
    paramiko patsy peft pillow pip plotly polars pooch pre-commit prettytable prophet protobuf psutil psycopg2 pyarrow
    pycaret pydantic pydot pygments pymongo pyod pyparsing pytest python-dateutil pytorch-lightning pytz pywavelets
    pyyaml ray redis regex requests rich river ruamel-yaml s3fs sacremoses safetensors scikit-image scikit-learn
    scikit-multiflow scipy seaborn selenium sentence-transformers sentencepiece setuptools shap simplejson six sklearn
    sktime spacy sqlalchemy stanza statsmodels streamlit sympy tables tabulate tenacity tensorboard tensorflow
    tensorflow-cpu textblob threadpoolctl thop tiktoken timm tokenizers toml torch torchaudio torchmetrics torchtext
    torchvision tornado tqdm transformers trl tslearn typing-extensions tzdata ujson umap-learn urllib3 uvicorn
    virtualenv wandb werkzeug wheel wordcloud wrapt xarray xformers xgboost xlrd yarl zipp
    """.split()  # noqa: SIM905
)
"""What models of tables, images and text ask for most, in the form that indexes compare names by."""

_SHORTEST = 5
"""Of shorter names too many honest ones are neighbours."""


def lookalike(name: str) -> str:
    """The well-known name that `name` is one slip away from, "" where there is none or it is well-known itself.

    A slip is a letter more, less, other, or two that changed places (Damerau 1964), or a hyphen at another place.
    """
    plain = canonicalize_name(name)
    if plain in WELL_KNOWN or len(plain) < _SHORTEST:
        return ""
    near = (known for known in sorted(WELL_KNOWN) if len(known) >= _SHORTEST and _one_slip(plain, known))
    return next(near, "")


def _one_slip(one: str, other: str) -> bool:
    if one.replace("-", "") == other.replace("-", ""):
        return True
    if abs(len(one) - len(other)) > 1:
        return False
    start = next((place for place, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), None)
    if start is None:
        return True
    one, other = one[start:], other[start:]
    return (
        one[1:] == other[1:]
        or one[1:] == other
        or one == other[1:]
        or (one[:2] == other[1::-1] and one[2:] == other[2:])
    )
