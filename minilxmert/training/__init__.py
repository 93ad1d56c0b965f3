"""Learning: batches for the tasks of pre-training and fine-tuning, the optimizer, the loop, files of data, metrics."""
