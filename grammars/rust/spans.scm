; What a cursor can stand in. @string and @comment hold text, @code is code inside a string.
[(string_literal) (raw_string_literal) (char_literal)] @string
[(line_comment) (block_comment)] @comment

; Brackets, for what is open at the cursor.
["(" "[" "{"] @open
[")" "]" "}"] @close

; What a selection can cover.
[(arguments) (parameters) (array_expression) (tuple_expression) (tuple_pattern) (use_list) (token_tree) (field_initializer_list)] @argument_list
[(block) (match_block) (declaration_list) (field_declaration_list) (enum_variant_list)] @block
(_expression) @expression
