"""reuse: turns learnwares into a predictor that runs in the dock's sandboxes. It knows other services as peers only."""
