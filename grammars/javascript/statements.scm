; Statements: where written text may end. Those with a body end with it.
(statement) @statement
(class_body (_) @statement)
[(switch_case) (switch_default)] @statement
