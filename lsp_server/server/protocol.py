"""pygls' protocol class, adapted: our documents, error handling and shutdown.

A request about a document is bound to its text at the moment it arrives. A malformed request gets
a response and never causes a pop-up in the editor. Nothing is sent after ``shutdown``.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import attrs
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.protocol import lsp_method

from lsp_server.server.documents import Documents
from lsp_server.server.messages import INLINE_COMPLETION, UnmaskProtocol
from lsp_server.server.requests import READERS


class ServerProtocol(UnmaskProtocol):
    """The server's side of the protocol."""

    def __init__(self, *arguments: Any) -> None:
        self._documents = Documents(None)
        self.was_shut_down = False  # the client has sent ``shutdown``
        super().__init__(*arguments)

    @property
    def workspace(self) -> Documents:
        """The open documents, which pygls keeps in sync with the editor."""
        return self._documents

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(
        self, params: types.InitializeParams
    ) -> Generator[Any, Any, types.InitializeResult]:
        """Answer ``initialize``; positions are UTF-16, whatever else the client offers."""
        if params.capabilities.general:
            params.capabilities.general.position_encodings = None
        return (yield from super().lsp_initialize(params))

    @lsp_method(types.SHUTDOWN)
    def lsp_shutdown(self, *args: Any) -> Generator[Any, Any, None]:
        """Cancel what is running; after this only ``exit`` is handled."""
        self.was_shut_down = True
        return (yield from super().lsp_shutdown(*args))

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: Any) -> None:  # type: ignore[override]  # pygls' is a generator
        """Leave the reading loop without the SystemExit that pygls would raise in it."""
        self._server.shutdown()  # type: ignore[no-untyped-call]
        if self.writer is not None:
            self.writer.close()

    def notify(self, method: str, params: Any | None = None) -> None:
        """Send a notification, or drop it after ``shutdown``."""
        if not self.was_shut_down:
            super().notify(method, params)

    def handle_message(self, message: Any) -> None:
        """Handle a message; a request about a document is bound to its current text first.

        Handlers are tasks that start later, when further changes may have been applied; this is
        the last method that pygls calls before that.
        """
        read = READERS.get(getattr(message, "method", ""))
        if read is not None and not self.was_shut_down:
            message = attrs.evolve(message, params=read(message.params, self.workspace))
        super().handle_message(message)

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Parse a message into its type; a request that cannot be parsed is answered here.

        A malformed completion request is answered with null: some editors show every error as a
        pop-up, which would then come with each key. pygls has no public way to respond to a
        request before a handler is called.
        """
        try:
            return super().structure_message(data)
        except JsonRpcException as error:
            identity, method = data.get("id"), data.get("method")
            if method and isinstance(identity, int | str):
                if method == INLINE_COMPLETION:
                    self._send_response(identity)
                else:
                    self._send_response(identity, error=error.to_response_error())
            raise
