; Statements, which a selection can cover as a whole.
(statement_list (_) @statement)
(block (_) @statement)
(source_file (_) @statement)
