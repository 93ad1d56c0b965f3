"""A tiny pre-training run that several tests start, stop and kill; as a script, in a process of its own:

python training_run.py FOLDER DIE_AT    # killed after step DIE_AT, or never if that is 0"""

import os
import signal
import sys

from minilxmert import LxmertForPreTraining
from minilxmert.scenes.world import SMALL
from minilxmert.training.batches import PretrainingBatches
from minilxmert.training.loop import Training
from minilxmert.training.miniature import Miniature, miniature_config
from minilxmert.training.optimizer import Adam
from minilxmert.training.recipes import miniature_tokenizer

WORLD = Miniature(SMALL, "train", scenes=8)
SIZES = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32, "l_layers": 1, "x_layers": 1}
SIZES |= {"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1}
CONFIG = miniature_config(SMALL, **SIZES)


def tokenizer():
    return miniature_tokenizer(SMALL)


BATCHES = PretrainingBatches(WORLD.pictures, WORLD.pretraining, tokenizer(), WORLD.answers)


def tiny_run(folder=None, model=None, batches=BATCHES, optimizer=None, **changes):
    """A Training of 20 steps, saved every 5, logged every 4: a checkpoint lies between two lines of the log."""
    settings = {"batch_size": 8, "save_every": 5, "log_every": 4, "folder": folder, **changes}
    return Training(model or LxmertForPreTraining(CONFIG), batches, optimizer or Adam(rate=1e-3, steps=20), **settings)


if __name__ == "__main__":
    folder, die_at = sys.argv[1], int(sys.argv[2])
    run = tiny_run(folder)
    one_step = run.one_step

    def mortal():
        if die_at and run.step == die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return one_step()

    run.one_step = mortal
    run.run()
