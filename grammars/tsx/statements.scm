; Statements, which a selection can cover as a whole.
[
  (abstract_class_declaration) (ambient_declaration) (break_statement) (class_declaration)
  (continue_statement) (debugger_statement) (do_statement) (empty_statement) (enum_declaration)
  (export_statement) (expression_statement) (for_in_statement) (for_statement)
  (function_declaration) (function_signature) (generator_function_declaration) (if_statement)
  (import_statement) (interface_declaration) (labeled_statement) (lexical_declaration) (module)
  (return_statement) (switch_statement) (throw_statement) (try_statement)
  (type_alias_declaration) (variable_declaration) (while_statement)
] @statement
(class_body (_) @statement)
(interface_body (_) @statement)
[(switch_case) (switch_default)] @statement
