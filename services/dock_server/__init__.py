"""The composition root: every target in one process (`dock up`), or chosen ones (`dock serve`)."""
