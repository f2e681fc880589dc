"""Where the runtime's files lie, for those who mount them into a sandbox."""

from __future__ import annotations

from pathlib import Path

RUNTIME_DIR = Path(__file__).resolve().parent
"""Folder with everything that the inside of a sandbox needs."""

LAUNCHER = "launcher.py"
"""First program in a sandbox: gives up privileges, sets limits, becomes the worker."""

WORKER = "worker.py"
"""The program that holds the model."""
