; What a cursor can stand in. @string and @comment hold text, @code is code inside a string.
[(string_literal) (char_literal) (raw_string_literal) (system_lib_string)] @string
(comment) @comment

; Brackets, for what is open at the cursor.
["(" "[" "{"] @open
[")" "]" "}"] @close

; What a selection can cover.
[(argument_list) (parameter_list) (initializer_list) (parenthesized_expression) (template_argument_list) (template_parameter_list) (condition_clause)] @argument_list
[(compound_statement) (field_declaration_list) (enumerator_list) (declaration_list)] @block
(expression) @expression
