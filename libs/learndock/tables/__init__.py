"""Tables in files: CSV, npy and Parquet, read as arrays of numbers."""

from __future__ import annotations

from learndock.tables.read import DataTable, read_table

__all__ = ["DataTable", "read_table"]
