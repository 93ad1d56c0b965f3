"""Relevance against an implementation of its own in torch, on transformers' model in float64."""

import numpy as np
import pytest
from test_live import SMALL, draw, make, peer, tensors  # noqa: F401 (peer is a fixture)

import minilxmert
from minilxmert import LxmertConfig, LxmertForQuestionAnswering
from minilxmert.explain.relevance import relevance

pytestmark = pytest.mark.reference


def watched(model, call, score, targets):
    """Run transformers' model and back from the chosen scores: every attention probability, in the order of the code's
    own calls, as (map, gradient), each (B, H, rows, columns)."""
    seen = []

    def keep(module, arguments):
        arguments[0].retain_grad()
        seen.append(arguments[0])

    hooks = [
        module.dropout.register_forward_pre_hook(keep)
        for module in model.modules()
        if type(module).__name__ == "LxmertAttention"
    ]
    chosen = getattr(model(**call), score)
    chosen[range(len(targets)), targets].sum().backward()
    for hook in hooks:
        hook.remove()
    return [(a.detach(), a.grad if a.grad is not None else 0 * a.detach()) for a in seen]


def torch_relevance(torch, seen, config, b):
    """Words and objects of example b, in torch and as published: the last layer's objects are left out."""

    def cam():
        a, grad = next(order)
        return (grad[b] * a[b]).clamp(min=0).mean(dim=0)

    def bar(r):
        rest = r - torch.eye(len(r), dtype=r.dtype)
        rows = torch.nan_to_num(rest / rest.sum(dim=-1, keepdim=True))  # 0/0: a hidden word, through which nothing goes
        return rows + torch.eye(len(r), dtype=r.dtype)

    order = iter(seen)
    n, m = seen[0][0].shape[-1], seen[config.l_layers][0].shape[-1]
    tt, ii = torch.eye(n, dtype=torch.float64), torch.eye(m, dtype=torch.float64)
    ti, it = torch.zeros(n, m, dtype=torch.float64), torch.zeros(m, n, dtype=torch.float64)
    for _ in range(config.l_layers):
        c = cam()
        tt, ti = tt + c @ tt, ti + c @ ti
    for _ in range(config.r_layers):
        c = cam()
        ii, it = ii + c @ ii, it + c @ it
    for layer in range(config.x_layers):
        c_ti, c_it, c_tt, c_ii = cam(), cam(), cam(), cam()
        last = layer == config.x_layers - 1
        add_ti, add_tt = bar(tt).T @ (c_ti @ bar(ii)), c_ti @ it
        add_it, add_ii = bar(ii).T @ (c_it @ bar(tt)) if not last else 0, c_it @ ti if not last else 0
        tt, ti, ii, it = tt + add_tt, ti + add_ti, ii + add_ii, it + add_it
        tt, ti = tt + c_tt @ tt, ti + c_tt @ ti
        if not last:
            ii, it = ii + c_ii @ ii, it + c_ii @ it
    tt[0, 0] = 0
    return tt[0].numpy(), ti[0].numpy()


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    ("face", "score"),
    [
        ("LxmertForQuestionAnswering", "question_answering_score"),
        ("LxmertForPreTraining", "cross_relationship_score"),
    ],
)
def test_relevance_equals_the_one_in_torch(peer, face, score, masked):  # noqa: F811
    torch, _ = peer
    theirs = make(peer, face, attn_implementation="eager").double()
    ours = getattr(minilxmert, face)(LxmertConfig(**SMALL), dtype="float64")
    ours.load_state_dict({name: value.detach().numpy() for name, value in theirs.state_dict().items()})
    call, targets = draw(theirs.config), [1, 0, 1]
    if not masked:
        call = {name: value for name, value in call.items() if not name.endswith("attention_mask")}
    call |= {name: call[name].astype(np.float64) for name in ("visual_feats", "visual_pos")}
    seen = watched(theirs, tensors(peer, call, torch.float64), score, targets)
    found = relevance(ours, targets, score, **call)
    for b in range(len(targets)):
        words, objects = torch_relevance(torch, seen, theirs.config, b)
        np.testing.assert_allclose(found.words[b], words, rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(found.objects[b], objects, rtol=1e-6, atol=1e-12)


def test_float32_is_close(peer, tmp_path):  # noqa: F811
    """The precision that people use: the same relevance to four digits of the largest."""
    theirs = make(peer, "LxmertForQuestionAnswering")
    theirs.save_pretrained(tmp_path)
    single, double = (LxmertForQuestionAnswering.from_pretrained(tmp_path, dtype=d) for d in ("float32", "float64"))
    call = draw(theirs.config)
    found, exact = relevance(single, 3, **call), relevance(double, 3, **call)
    np.testing.assert_allclose(found.objects, exact.objects, atol=1e-4 * exact.objects.max())
    np.testing.assert_allclose(found.words, exact.words, atol=1e-4 * exact.words.max())
