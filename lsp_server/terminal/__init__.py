"""The command line: what each command does, how it reads its places and shows its answers.

``lsp_server.cli`` parses; this package acts.
"""
