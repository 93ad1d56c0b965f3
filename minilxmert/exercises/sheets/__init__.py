"""One file an exercise: what it is about, the function with its text and solution, the inputs it is tried with, and the
usual mistakes. SLIPS has a sentence for each and, below it, which words of the plain answer go wrong: old => new.

What a student gets is made of it: the head of the function, without the solution below it."""
