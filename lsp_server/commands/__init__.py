"""The commands of the command line, one module each: its arguments, and what it does.

``add_arguments`` declares a command's arguments, ``run`` carries it out and returns the exit
status. Whatever is slow to import is imported by ``run``, so that ``unmask --help`` is quick.
"""
