; Members: where written text may end.
(pair) @statement
(array (_) @statement)
