"""The language server.

The path of a request: ``protocol`` binds it to its document (``documents``, ``requests``) and calls
its handler in ``handlers``; ``answers`` runs the completion service on the model's thread. The
service comes from ``engine``, which loads and replaces the model (``backend``) and uses two
``worker`` threads, one to run the model and one to load the next.

``server`` creates these parts. ``messages`` defines our additions to the protocol, ``offers``
tracks which completions were accepted, ``progress`` reports the progress of an infill, ``logs``
sets up logging, ``process`` handles the standard streams and the end of the process. Outside this
package only the demonstration speaks LSP, as a client.
"""
