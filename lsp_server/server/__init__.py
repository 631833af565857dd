"""The language server.

``handlers`` says which message leads to what; ``session`` puts the parts together: ``documents``
(text and trees), ``engine`` (the model's life), ``worker`` (a thread, one to run the model and one
to load the next), ``answers`` (the latest request wins), ``offers`` (what was accepted),
``progress`` and ``logs``. ``protocol`` has the messages of our own, ``transport`` the manners on
the wire. Nothing outside this package speaks LSP but the demonstration, which is a client.
"""
