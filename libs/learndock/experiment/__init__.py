"""Experiments: what owners' models are worth to people with few labels, measured as the learnware papers do.

Owners train models on their own rows, task owners search with a specification, reuse what is found, and everything is
compared on held-out rows with the model that the task owner's labels alone would give.
"""
