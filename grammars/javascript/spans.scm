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
  (named_imports) (export_clause) (parenthesized_expression)
] @argument_list
[(statement_block) (class_body) (switch_body)] @block
(expression) @expression
(pair) @expression
