"""Whether a package and the semantic specification it goes by speak of the same model."""

from __future__ import annotations

from learndock.package.parts import Package
from learndock.package.refusal import refuse
from learndock.semantic import SemanticSpecification

_DATA_OF = {
    "RKMETableSpecification": "Table",
    "HeteroMapTableSpecification": "Table",
    "RKMEImageSpecification": "Image",
    "RKMETextSpecification": "Text",
    "GenerativeModelSpecification": "Text",
    "LLMGeneralCapabilitySpecification": "Text",
}


def check_agreement(package: Package, semantic: SemanticSpecification) -> None:
    """Raise InvalidInput where package and semantic specification contradict each other.

    SPECIFICATION_DATA_TYPE, SPECIFICATION_WIDTH, REQUIRED_LEARNWARES_MISSING (a PEFT model names the
    model it stands on), WEIGHTS_MISSING (a text generator brings its weights).
    """
    kinds = {_data_of(entry.class_name, package) for entry in package.specification_entries}
    if semantic.data_type and semantic.data_type not in kinds:
        refuse(
            "SPECIFICATION_DATA_TYPE",
            f"The semantic specification says {semantic.data_type}, but the statistical one describes "
            f"{' and '.join(sorted(kinds))} data.",
            hint="Make the specification from the data that the model takes.",
            declared=semantic.data_type,
            found=", ".join(sorted(kinds)),
        )
    _check_width(package, semantic)
    _check_text_model(package, semantic)


def _data_of(class_name: str, package: Package) -> str:
    if class_name in _DATA_OF or package.specification is None:
        return _DATA_OF.get(class_name, "")
    # A plug-in's type says it of itself.
    return str(getattr(package.specification, "data_type", ""))


def _check_width(package: Package, semantic: SemanticSpecification) -> None:
    specification = package.specification
    if specification is None or semantic.data_type != "Table":
        return
    if semantic.input_dimension != specification.dimension:
        refuse(
            "SPECIFICATION_WIDTH",
            f"Input.Dimension of the semantic specification is {semantic.input_dimension}, but the points of "
            f"the statistical specification have {specification.dimension} columns.",
            hint="Make the specification from the columns that the model takes, in the same order.",
            declared=semantic.input_dimension,
            found=specification.dimension,
        )


def _check_text_model(package: Package, semantic: SemanticSpecification) -> None:
    if semantic.model == "PEFT Model" and not package.model.required_learnware_ids:
        refuse(
            "REQUIRED_LEARNWARES_MISSING",
            "A PEFT model stands on another learnware, and learnware.yaml names none.",
            hint="Put the other learnware's id into model.required_learnware_ids.",
        )
    if semantic.data_type != "Text" or semantic.task_type != "Text Generation":
        return
    weights = package.model.weights_file_path
    if not any(name == weights or name.startswith(f"{weights}/") for name in package.files):
        refuse(
            "WEIGHTS_MISSING",
            f"A text generator brings its weights, and the package has no {weights!r}.",
            hint="Put them there, or name their place in model.weights_file_path.",
        )
