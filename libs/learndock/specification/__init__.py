"""Statistical specifications: what a learnware's data is like, without its rows. Tables are ours."""

from __future__ import annotations

from learndock.specification.audit import Audit, audit
from learndock.specification.kinds import (
    Comparable,
    Specification,
    SpecificationType,
    SpecificationTypes,
    installed_types,
    need_table,
    read_specification,
)
from learndock.specification.privacy import PrivacyWarning
from learndock.specification.reduce import default_size, specify
from learndock.specification.table import TableSpecification

__all__ = [
    "Audit",
    "Comparable",
    "PrivacyWarning",
    "Specification",
    "SpecificationType",
    "SpecificationTypes",
    "TableSpecification",
    "audit",
    "default_size",
    "installed_types",
    "need_table",
    "read_specification",
    "specify",
]
