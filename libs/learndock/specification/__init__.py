"""Statistical specifications of tables: what a learnware's data is like, without its rows."""

from __future__ import annotations

from learndock.specification.reduce import default_size, specify
from learndock.specification.table import TableSpecification

__all__ = ["TableSpecification", "default_size", "specify"]
