"""Backups of a dock: taken beside the running dock, verified, kept for a while, and restored into any kind of dock."""
