"""The `dock` command: making packages, giving them to a dock, finding and using what is there.

Each command is a module that is imported when it is called, so that `dock --help` answers at once.
"""
