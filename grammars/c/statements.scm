; Statements, which a selection can cover as a whole.
(statement) @statement
(compound_statement (_) @statement)
(field_declaration_list (_) @statement)
(translation_unit (_) @statement)
(declaration_list (_) @statement)
