; Statements, which a selection can cover as a whole.
(statement) @statement
(class_body (_) @statement)
(interface_body (_) @statement)
(program (_) @statement)
(block (_) @statement)
