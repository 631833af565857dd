"""``python -m lsp_server`` is the console script ``unmask``."""

from lsp_server.cli import main

raise SystemExit(main())
