; What a cursor can stand in.
(string) @string
(comment) @comment

; Brackets, for what is open at the cursor.
["[" "{"] @open
["]" "}"] @close

; What a selection can cover.
[(object) (array)] @argument_list
[(string) (number) (true) (false) (null) (pair)] @expression
