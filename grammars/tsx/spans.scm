; What a cursor can stand in. @string and @comment hold text, @code is code inside a string.
[(string) (template_string) (regex)] @string
(comment) @comment
[(template_substitution) (jsx_expression)] @code

; Brackets, for what is open at the cursor. @block brackets hold statements.
["(" "[" "{" "${"] @open
[")" "]" "}"] @close

; What a selection can cover.
[
  (arguments) (formal_parameters) (array) (object) (array_pattern) (object_pattern)
  (named_imports) (export_clause) (parenthesized_expression) (type_arguments) (type_parameters)
] @argument_list
[
  (statement_block) (class_body) (switch_body) (interface_body) (enum_body) (object_type)
] @block
[
  (arrow_function) (as_expression) (assignment_expression) (augmented_assignment_expression)
  (await_expression) (binary_expression) (call_expression) (class) (false) (function_expression)
  (generator_function) (identifier) (jsx_element) (jsx_self_closing_element) (member_expression) (new_expression) (non_null_expression)
  (null) (number) (pair) (satisfies_expression) (subscript_expression) (super)
  (ternary_expression) (this) (true) (unary_expression) (undefined) (update_expression)
  (yield_expression)
] @expression
