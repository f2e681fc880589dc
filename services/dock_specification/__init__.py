"""specification: computes what search needs from accepted specifications, and shows it."""
