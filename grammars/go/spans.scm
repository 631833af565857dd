; What a cursor can stand in. @string and @comment hold text, @code is code inside a string.
[(interpreted_string_literal) (raw_string_literal) (rune_literal)] @string
(comment) @comment

; Brackets, for what is open at the cursor.
["(" "[" "{"] @open
[")" "]" "}"] @close

; What a selection can cover.
[(argument_list) (parameter_list) (literal_value) (type_arguments) (parenthesized_expression) (import_spec_list)] @argument_list
[(block) (field_declaration_list) (interface_type)] @block
(_expression) @expression
