"""The commands of the command line, one module each: its arguments, and what it does.

``add_arguments`` declares a command's arguments, ``run`` carries it out and returns the exit
status. Modules that are slow to import are imported by ``run``, so that ``unmask --help`` is fast.
"""
