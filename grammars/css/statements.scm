; Statements, which a selection can cover as a whole.
(block (_) @statement)
(stylesheet (_) @statement)
