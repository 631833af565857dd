; Statements: where written text may end. Those with a body end with it.
(module (_) @statement)
(block (_) @statement)
