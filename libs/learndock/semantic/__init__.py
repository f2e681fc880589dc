"""The semantic specification: what a learnware is for, in the words that the peer's docks share.

Owns the schema, the allowed values, the two-way JSON form, and the filter and fuzzy match of a semantic search.
"""

from learndock.semantic.columns import describe_columns
from learndock.semantic.match import semantic_match
from learndock.semantic.specification import SemanticSpecification
from learndock.semantic.values import VALUES

__all__ = ["VALUES", "SemanticSpecification", "describe_columns", "semantic_match"]
