"""One module per group of commands; `learndock.cli.main` says which command lies where."""
