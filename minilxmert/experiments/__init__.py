"""What is asked of models: ablations, NLVR, easy-VQA, probing, verification, speed beside peers."""
