"""The command line: one thin module a command; the work is done by the packages that it calls."""
