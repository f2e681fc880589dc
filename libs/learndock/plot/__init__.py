"""Pictures: the dock as a map. Importing this imports no matplotlib."""
