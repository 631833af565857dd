; Members, which a selection can cover as a whole.
(pair) @statement
(array (_) @statement)
