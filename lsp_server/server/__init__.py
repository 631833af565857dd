"""The language server.

A message comes through ``protocol``, which binds a request about a text to its document
(``documents``, ``requests``), to the handler that ``handlers`` names for it; ``answers`` asks the
completion service, which ``engine`` keeps ready: ``backend`` is what it loads, ``worker`` a thread,
one to run the model and one to load the next. ``server`` puts the parts together; ``messages`` has
what we add to the protocol; ``offers`` knows what was accepted, ``progress`` tells how an infill
goes, ``logs`` where the log goes; ``process`` has the standard streams and the end of the process.
Nothing outside this package speaks LSP but the demonstration, which is a client.
"""
