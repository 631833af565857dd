; What a cursor can stand in. @string and @comment hold text, @code is code inside a string.
(string_value) @string
(comment) @comment

; Brackets, for what is open at the cursor.
["(" "[" "{"] @open
[")" "]" "}"] @close

; What a selection can cover.
(arguments) @argument_list
[(block) (keyframe_block_list)] @block
