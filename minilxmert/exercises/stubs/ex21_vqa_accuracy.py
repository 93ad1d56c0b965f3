"""Exercise 21: VQA accuracy. About 15 minutes; chapter 10."""


def vqa_accuracy(answer, humans):
    """How right an answer is, when ten people answered the same question and did not agree.

    answer: a text, humans: a list of ten texts -> one number in 0…1

    Leave one of the ten out. Of the nine others, n gave this answer: that makes min(n / 3, 1). The accuracy is the mean
    over the ten ways to leave one out.

    Hints
    - list.count(x) counts.
    - On paper: one of ten people agrees. In how many of the ten ways is that person left out?
    - Only five different numbers can come out. Training uses them as a table.
    """
    raise NotImplementedError("exercise 21")
