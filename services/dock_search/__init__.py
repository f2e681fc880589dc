"""search: finds the one learnware, or the small mixture, that fits a task. Its index is a cache of the database."""
