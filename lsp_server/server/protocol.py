"""pygls' protocol with our documents and our manners, whatever the messages mean.

A request about a text is bound to the document the moment it arrives; a malformed message gets an
answer and never a pop-up; nothing is sent after the end.
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
        self.was_shut_down = False  # the client asked for the end in order
        super().__init__(*arguments)

    @property
    def workspace(self) -> Documents:
        """The open documents; what pygls keeps in step with the editor."""
        return self._documents

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(
        self, params: types.InitializeParams
    ) -> Generator[Any, Any, types.InitializeResult]:
        """Answer ``initialize``; positions are UTF-16, whatever else the client could do."""
        if params.capabilities.general:
            params.capabilities.general.position_encodings = None
        return (yield from super().lsp_initialize(params))

    @lsp_method(types.SHUTDOWN)
    def lsp_shutdown(self, *args: Any) -> Generator[Any, Any, None]:
        """Give up what is being asked, and do nothing more but exit."""
        self.was_shut_down = True
        return (yield from super().lsp_shutdown(*args))

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: Any) -> None:  # type: ignore[override]  # pygls' is a generator
        """Leave the reading loop; pygls would raise SystemExit through it."""
        self._server.shutdown()  # type: ignore[no-untyped-call]
        if self.writer is not None:
            self.writer.close()

    def notify(self, method: str, params: Any | None = None) -> None:
        """Send a notification; none after ``shutdown``, whatever still runs."""
        if not self.was_shut_down:
            super().notify(method, params)

    def handle_message(self, message: Any) -> None:
        """Hand a message on; a request about a text as it is now, with the document.

        Handlers are tasks that start later, when further changes may have been applied already;
        here is the last place where pygls runs our code before.
        """
        read = READERS.get(getattr(message, "method", ""))
        if read is not None and not self.was_shut_down:
            message = attrs.evolve(message, params=read(message.params, self.workspace))
        super().handle_message(message)

    def structure_message(self, data: dict[str, Any]) -> Any:
        """Give a message its type; a request that cannot have one is answered here.

        A completion is answered with null: an error is a pop-up in some editors, for each key.
        pygls has no public way to answer a request that no handler can be called for.
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
