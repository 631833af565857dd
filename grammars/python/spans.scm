; What a cursor can stand in. @string and @comment hold text, @code is code inside a string.
(string) @string
(comment) @comment
(interpolation) @code

; Brackets, for what is open at the cursor. @block brackets hold statements.
["(" "[" "{"] @open
[")" "]" "}"] @close

; What a selection can cover.
[
  (argument_list) (parameters) (lambda_parameters) (list) (tuple) (dictionary) (set) (subscript)
  (parenthesized_expression)
] @argument_list
(block) @block
(expression) @expression
(pair) @expression
(keyword_argument) @expression
