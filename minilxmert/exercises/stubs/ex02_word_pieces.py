"""Exercise 2: a word in pieces. About 30 minutes; chapter 2."""


def word_pieces(word, vocabulary):
    """Split a word into known pieces, WordPiece's way: the longest known beginning, then the same with what is left.

    word: a text of one or more characters, vocabulary: a set of pieces -> a list of pieces

    Inside a word, pieces are written with ## in front: "unaffable" -> ["una", "##ffa", "##ble"].
    When no beginning of what is left is known, the whole word is ["[UNK]"], even if some pieces were found before.
    A word of more than 100 characters is ["[UNK]"], too.

    Hints
    - Two loops: one over where a piece starts, one over where it ends, the farthest end first.
    - Python's `for … else` runs the else when the loop was not left by `break`.
    """
    raise NotImplementedError("exercise 2")
