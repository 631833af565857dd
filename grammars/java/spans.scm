; What a cursor can stand in. @string and @comment hold text, @code is code inside a string.
[(string_literal) (character_literal)] @string
[(line_comment) (block_comment)] @comment

; Brackets, for what is open at the cursor.
["(" "[" "{"] @open
[")" "]" "}"] @close

; What a selection can cover.
[(argument_list) (formal_parameters) (array_initializer) (parenthesized_expression) (annotation_argument_list) (inferred_parameters)] @argument_list
[(block) (class_body) (interface_body) (enum_body) (switch_block) (constructor_body)] @block
(expression) @expression
