; Statements, which a selection can cover as a whole.
(module (_) @statement)
(block (_) @statement)
