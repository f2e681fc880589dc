"""checking: runs each package in a sandbox and records one verdict of it."""
