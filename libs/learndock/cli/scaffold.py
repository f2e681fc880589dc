"""Writes the folder of a package: whatever is known goes in, and what is not is said."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from learndock.cli.model_file import ModelFile, inspect_model
from learndock.cli.templates import empty_source, estimator_source, torch_source
from learndock.errors import AlreadyExists, InvalidInput
from learndock.semantic import SemanticSpecification
from learndock.tables import DataTable

SPECIFICATION_FILE = "stat.json"
SEMANTIC_FILE = "semantic_specification.json"
_LIBRARIES = {"sklearn": "Scikit-learn", "torch": "PyTorch", "torchscript": "PyTorch"}


@dataclass(frozen=True)
class Wishes:
    """What the user said; "" / None / () where nothing was said."""

    name: str = ""
    description: str = ""
    task: str = ""
    scenarios: tuple[str, ...] = ()
    license: str = ""
    library: str = ""
    inputs: int | None = None
    outputs: int | None = None


@dataclass
class Scaffold:
    """A package to be written, and what there is to tell about it."""

    wishes: Wishes
    model: ModelFile | None = None
    source: Path | None = None
    """A folder with the model's own code and files."""
    data: DataTable | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def task(self) -> str:
        """As said, or as the model's file or the data have it."""
        if self.wishes.task:
            return self.wishes.task
        classifies = self.model.classifies if self.model else None
        if classifies is None and self.data is not None and self.data.target is not None:
            classifies = len(_labels(self.data)) <= 20
        guess = "Regression" if classifies is False else "Classification"
        self._note(f"The task is taken to be {guess}; --task says otherwise.")
        return guess

    @property
    def inputs(self) -> int:
        """Number of input columns. InvalidInput INPUTS_UNKNOWN, INPUTS_DIFFER."""
        said, told = self.wishes.inputs, self.model.inputs if self.model else None
        seen = self.data.X.shape[1] if self.data is not None else None
        known = {number for number in (said, told, seen) if number is not None}
        if len(known) > 1:
            _refuse_inputs(said, told, seen)
        if not known:
            raise InvalidInput(
                "How many columns the model takes is not known.",
                reason="INPUTS_UNKNOWN",
                hint="Say --data FILE (a table like the one it was trained on) or --inputs NUMBER.",
            )
        return known.pop()

    @property
    def outputs(self) -> int:
        """Number of classes, or of columns predicted. InvalidInput OUTPUTS_UNKNOWN."""
        if self.wishes.outputs is not None:
            return self.wishes.outputs
        if self.task != "Classification":
            return 1
        labels = len(_labels(self.data)) if self.data is not None and self.data.target is not None else 0
        count = max(labels, (self.model.classes if self.model else None) or 0)
        if count < 2:
            raise InvalidInput(
                "How many classes there are is not known.",
                reason="OUTPUTS_UNKNOWN",
                hint="Say --classes NUMBER, or --data FILE with --target COLUMN, which is counted.",
            )
        return count

    @property
    def semantic(self) -> SemanticSpecification:
        """The semantic specification, validated. InvalidInput SEMANTIC_INVALID."""
        made = SemanticSpecification(
            data_type="Table",
            task_type=self.task,
            library=self.wishes.library or _LIBRARIES.get(self.model.framework if self.model else "", "Others"),
            scenarios=self.wishes.scenarios or ("Others",),
            license=self.wishes.license or "Others",
            name=self.wishes.name,
            description=self.wishes.description or self._described(),
            input_dimension=self.inputs,
            input_description=self.data.described if self.data is not None else {},
            output_dimension=self.outputs,
            output_description=self._output_words(),
        )
        return SemanticSpecification.from_json(made.to_json())

    def write(self, folder: Path, *, specification: Any = None, force: bool = False) -> list[str]:
        """Write the package's files; give their names. AlreadyExists FOLDER_NOT_EMPTY without `force`."""
        semantic = self.semantic
        _make(folder, force=force)
        if self.source is not None:
            shutil.copytree(self.source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        if self.model is not None:
            shutil.copyfile(self.model.path, folder / self.model.path.name)
        self._write_text(folder / "__init__.py", self._model_source())
        self._write_text(folder / "requirements.txt", self._requirements(), unless="environment.yaml")
        self._write_text(folder / "learnware.yaml", _manifest(self.wishes.name))
        text = json.dumps(semantic.to_json(), ensure_ascii=False, indent=2) + "\n"
        (folder / SEMANTIC_FILE).write_text(text, encoding="utf-8")
        if specification is not None:
            specification.save(folder / SPECIFICATION_FILE)
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())

    def _write_text(self, path: Path, text: str, *, unless: str = "") -> None:
        """What the source folder brought is the user's own and stays."""
        own = self.source is not None and (self.source / path.name).exists()
        if not own and not (unless and (path.parent / unless).exists()):
            path.write_text(text, encoding="utf-8")

    def _model_source(self) -> str:
        inputs, outputs = self.inputs, self.outputs
        if self.model is None:
            if self.source is None or not (self.source / "__init__.py").exists():
                self._note("Write the model in __init__.py: predict is empty.")
            return empty_source(inputs, outputs)
        name = self.model.path.name
        if self.model.framework in ("torch", "torchscript"):
            scripted = self.model.framework == "torchscript"
            if not scripted:
                self._note(f"{name} is no TorchScript: build the network in __init__.py (or save it as TorchScript).")
            return torch_source(name, inputs, outputs, scripted=scripted)
        return estimator_source(name, inputs, outputs, classifies=self.task == "Classification")

    def _requirements(self) -> str:
        lines = ["numpy"]
        if self.model is None:
            return "numpy\n"
        if self.model.needs_numpy2:
            lines = ["numpy>=2"]
        if self.model.framework in ("torch", "torchscript"):
            lines.append(_pinned("torch", ""))
        if self.model.framework == "sklearn":
            lines.append(_pinned("scikit-learn", self.model.version))
            self._note(f"requirements.txt asks for {lines[-1]}.")
        if self.model.framework == "other":
            lines.append("joblib")
            self._note("Add what the model needs to requirements.txt.")
        return "\n".join(lines) + "\n"

    def _described(self) -> str:
        what = (self.model.class_name if self.model else "") or "A model"
        columns = ", ".join(self.data.names[:12]) if self.data is not None else ""
        over = f" of {self.inputs} columns" + (f" ({columns})" if columns else "")
        return f"{what} for {self.task.lower()}{over}."

    def _output_words(self) -> dict[int, str]:
        if self.data is None or self.data.target is None or self.task != "Classification":
            return {}
        words = _labels(self.data)
        return {i: f"class {word}" for i, word in enumerate(words)} if len(words) <= self.outputs else {}

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def look_at(model: Path | None) -> tuple[ModelFile | None, Path | None]:
    """A model's file or a folder of code, whichever the path is."""
    if model is None:
        return None, None
    return (None, model) if model.is_dir() else (inspect_model(model), None)


def _labels(data: DataTable) -> list[str]:
    if data.target is None:
        return []
    found = np.unique(data.target)
    return [f"{value:g}" if isinstance(value, float) else str(value) for value in found.tolist()]


def _refuse_inputs(said: int | None, told: int | None, seen: int | None) -> None:
    told_by = {"--inputs": said, "the model's file": told, "--data": seen}
    parts = [f"{who} says {number}" for who, number in told_by.items() if number is not None]
    raise InvalidInput(
        f"It is unclear how many columns the model takes: {', '.join(parts)}.",
        reason="INPUTS_DIFFER",
        hint="Leave out what is no input: --target COLUMN and --drop COLUMN.",
    )


def _make(folder: Path, *, force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise AlreadyExists(f"{folder} is a file.", reason="FOLDER_NOT_EMPTY", hint="Choose another name.")
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise AlreadyExists(
            f"The folder {folder} is there and not empty.",
            reason="FOLDER_NOT_EMPTY",
            hint="Choose another name, or say --force to write into it.",
        )
    folder.mkdir(parents=True, exist_ok=True)


def _pinned(name: str, version: str) -> str:
    if not version:
        try:
            version = importlib.metadata.version(name).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            return name
    return f"{name}=={version}"


def _manifest(name: str) -> str:
    import yaml  # noqa: PLC0415

    entry: Mapping[str, Any] = {
        "name": name,
        "semantic_specification": {"file_name": SEMANTIC_FILE},
        "model": {"class_name": "Model", "module_path": "__init__.py", "kwargs": {}},
        "stat_specifications": [
            {
                "module_path": "learnware.specification",
                "class_name": "RKMETableSpecification",
                "file_name": SPECIFICATION_FILE,
                "kwargs": {},
            }
        ],
    }
    text: str = yaml.safe_dump(dict(entry), sort_keys=False, allow_unicode=True)
    return text
