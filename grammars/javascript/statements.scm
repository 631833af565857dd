; Statements, which a selection can cover as a whole.
(statement) @statement
(class_body (_) @statement)
[(switch_case) (switch_default)] @statement
