; Statements, which a selection can cover as a whole.
(block [(let_declaration) (expression_statement) (macro_invocation)] @statement)
(source_file (_) @statement)
(declaration_list (_) @statement)
