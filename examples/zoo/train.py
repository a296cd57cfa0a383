"""Train the four checkpoints: dense and MoE, base and aligned.

``python train.py dense`` and ``python train.py moe`` train a base model and align it.
Everything is drawn from fixed seeds; one thread each, so that runs are repeatable on
one machine. The base models are trained on right programs (the loss is on the answer
alone), the aligned ones by direct preference optimisation (Rafailov et al. 2023, arXiv
2305.18290) on execution feedback: of the base model's own samples, one that passes the
problem's tests is preferred to one that does not. The step that is kept is the one
that solves most problems of a validation split, greedily; the problems of
``problems.jsonl`` are drawn from another seed and are never looked at here.
"""

from __future__ import annotations

import argparse
import copy
import random
import sys
import time
from pathlib import Path

import torch
from tasks import KINDS, Task, draw
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    PreTrainedTokenizerFast,
)

from pytest_selfinvoke.extraction import extract
from pytest_selfinvoke.sandbox.base import Job, Limits
from pytest_selfinvoke.sandbox.runner import Sandbox

HERE = Path(__file__).parent
MARK = "\n\n# Solution\n"
VOCABULARY = 512
WIDTH, LAYERS, HEADS, INNER, EXPERTS, TOP_K = 96, 4, 4, 384, 8, 2
LENGTH = 256


def text_of(task: Task, rng: random.Random | None = None) -> tuple[str, str]:
    """Prompt and answer; now and then with a slip of the pen, as people write."""
    prompt = task.prompt
    if rng is not None and rng.random() < 0.15:
        place = rng.randrange(len(prompt))
        if prompt[place].isalpha() and prompt[place - 1].isalpha():
            in_words = '"""' in prompt[:place].rpartition("\n")[2]
            if in_words:
                prompt = prompt[:place] + prompt[place + 1 :]
    return f"{prompt}{MARK}", task.answer


def make_tokenizer() -> PreTrainedTokenizerFast:
    rng = random.Random(1)
    texts = ["".join(text_of(draw(rng, "seen"))) for _ in range(4000)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<pad>", "<end>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<end>"
    )


def make_model(kind: str) -> torch.nn.Module:
    torch.manual_seed(7)
    common = {
        "vocab_size": VOCABULARY,
        "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "max_position_embeddings": 1024,
        "tie_word_embeddings": True,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "bos_token_id": None,
    }
    if kind == "dense":
        return LlamaForCausalLM(LlamaConfig(intermediate_size=INNER, **common))
    config = MixtralConfig(
        intermediate_size=INNER // TOP_K,
        num_local_experts=EXPERTS,
        num_experts_per_tok=TOP_K,
        router_aux_loss_coef=0.01,
        output_router_logits=False,
        **common,
    )
    return MixtralForCausalLM(config)


def encoded(tokenizer, pairs: list[tuple[str, str]]) -> tuple[torch.Tensor, ...]:
    """Padded tokens, mask, and labels that leave the prompt out. [batch, length]"""
    rows, starts = [], []
    for prompt, answer in pairs:
        head = tokenizer(prompt)["input_ids"]
        rows.append((head + tokenizer(answer)["input_ids"] + [1])[:LENGTH])
        starts.append(len(head))
    width = max(map(len, rows))
    tokens = torch.zeros(len(rows), width, dtype=torch.long)
    labels = torch.full((len(rows), width), -100)
    for i, (row, start) in enumerate(zip(rows, starts, strict=True)):
        tokens[i, : len(row)] = torch.tensor(row)
        labels[i, start : len(row)] = torch.tensor(row[start:])
    mask = torch.zeros_like(tokens)
    for i, row in enumerate(rows):
        mask[i, : len(row)] = 1
    return tokens, mask, labels


def answers(model, tokenizer, prompts: list[str], *, temperature: float) -> list[str]:
    tokenizer.padding_side = "left"
    found = []
    for start in range(0, len(prompts), 32):
        batch = tokenizer(
            prompts[start : start + 32], return_tensors="pt", padding=True
        )
        batch.pop("token_type_ids", None)
        with torch.no_grad():
            out = model.generate(
                **batch,
                max_new_tokens=90,
                do_sample=temperature > 0,
                **({"temperature": temperature} if temperature else {}),
            )
        rest = out[:, batch["input_ids"].shape[1] :]
        found += tokenizer.batch_decode(rest, skip_special_tokens=True)
    return found


class Judge:
    """Runs programs in the project's sandbox."""

    def __init__(self) -> None:
        self.sandbox = Sandbox()
        self.sandbox.check()
        self.known: dict[tuple[str, str], bool] = {}

    def solves(self, task: Task, answer: str) -> bool:
        tests = "\n".join(task.tests(random.Random(3)))
        if (answer, tests) not in self.known:
            names = (task.base, task.target)
            found = extract(answer, entry_points=names, prompt_code=task.prompt)
            solved = False
            if found.program is not None:
                job = Job(
                    program=found.program,
                    tests=tests,
                    entry_points=names,
                    limits=Limits(cpu_s=1),
                )
                solved = self.sandbox.run(job).verdict == "solved"
            self.known[answer, tests] = solved
        return self.known[answer, tests]

    def share(self, model, tokenizer, tasks: list[Task]) -> dict[str, float]:
        """The share of solved problems of each kind, greedily."""
        model.eval()
        texts = answers(model, tokenizer, [text_of(t)[0] for t in tasks], temperature=0)
        solved = [self.solves(t, a) for t, a in zip(tasks, texts, strict=True)]
        model.train()
        return {
            kind: sum(s for t, s in zip(tasks, solved, strict=True) if t.kind == kind)
            / sum(t.kind == kind for t in tasks)
            for kind in KINDS
        }


def pretrain(model, tokenizer, judge: Judge, steps: int, say) -> None:
    rng = random.Random(11)
    validation = [draw(random.Random(1000 + i), k) for i in range(24) for k in KINDS]
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.95))
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, steps, pct_start=0.1)
    for step in range(1, steps + 1):
        pairs = [text_of(draw(rng, "seen"), rng) for _ in range(40)]
        tokens, mask, labels = encoded(tokenizer, pairs)
        loss = model(input_ids=tokens, attention_mask=mask, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        rate.step()
        optimizer.zero_grad()
        if step % 100 == 0 or step == steps:
            say(f"step {step} loss {loss.item():.4f}")
        if step % 400 == 0 or step == steps:
            say(f"  solved {judge.share(model, tokenizer, validation)}")


def preferences(
    model, tokenizer, judge: Judge, count: int
) -> list[tuple[str, str, str]]:
    """(prompt, chosen, rejected), of the model's own samples."""
    rng, found = random.Random(23), []
    model.eval()
    torch.manual_seed(23)
    tasks = [draw(rng, "seen") for _ in range(count)]
    prompts = [text_of(task, rng)[0] for task in tasks]
    samples = [answers(model, tokenizer, prompts, temperature=1.0) for _ in range(4)]
    for i, task in enumerate(tasks):
        texts = [drawn[i] for drawn in samples]
        good = [text for text in texts if judge.solves(task, text)]
        bad = [text for text in texts if not judge.solves(task, text)]
        if bad:
            # A right program is known where the model wrote none.
            found.append((prompts[i], good[0] if good else task.answer, bad[0]))
    model.train()
    return found


def log_likelihood(model, tokenizer, pairs: list[tuple[str, str]]) -> torch.Tensor:
    """Of each answer, given its prompt. [batch]"""
    tokens, mask, labels = encoded(tokenizer, pairs)
    logits = model(input_ids=tokens, attention_mask=mask).logits[:, :-1]
    wanted = labels[:, 1:]
    scores = torch.log_softmax(logits, -1).gather(2, wanted.clamp(min=0)[..., None])
    return (scores[..., 0] * (wanted >= 0)).sum(1)


def align(model, tokenizer, judge: Judge, steps: int, say) -> torch.nn.Module:
    """DPO (beta 0.1) with a term that keeps the chosen answers likely."""
    pairs = preferences(model, tokenizer, judge, 600)
    say(f"{len(pairs)} preferences")
    validation = [draw(random.Random(5000 + i), k) for i in range(64) for k in KINDS]
    reference = copy.deepcopy(model).eval()
    best, best_share = copy.deepcopy(model.state_dict()), -1.0
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    rng = random.Random(29)
    for step in range(steps + 1):
        if step % 10 == 0:
            share = judge.share(model, tokenizer, validation)
            mean = sum(share.values()) / len(share)
            say(f"dpo step {step}: {share}")
            if step and mean > best_share:
                best, best_share = copy.deepcopy(model.state_dict()), mean
        batch = rng.sample(pairs, min(16, len(pairs)))
        chosen = [(prompt, good) for prompt, good, _ in batch]
        rejected = [(prompt, bad) for prompt, _, bad in batch]
        now = [log_likelihood(model, tokenizer, side) for side in (chosen, rejected)]
        with torch.no_grad():
            then = [
                log_likelihood(reference, tokenizer, side)
                for side in (chosen, rejected)
            ]
        margin = 0.1 * ((now[0] - then[0]) - (now[1] - then[1]))
        loss = -torch.nn.functional.logsigmoid(margin).mean()
        loss = loss - 0.05 * now[0].mean() / 40
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    model.load_state_dict(best)
    return model


def save(model, name: str) -> None:
    """In half precision, with a tokenizer that no use has changed."""
    folder = HERE / "checkpoints" / name
    copy.deepcopy(model).half().save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("dense", "moe"))
    parser.add_argument("--steps", type=int, default=1300)
    parser.add_argument("--dpo-steps", type=int, default=40)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    started = time.process_time()

    def say(text: str) -> None:
        sys.stdout.write(f"{time.process_time() - started:7.0f} s  {text}\n")
        sys.stdout.flush()

    tokenizer, judge = make_tokenizer(), Judge()
    model = make_model(options.kind)
    say(f"{sum(p.numel() for p in model.parameters()):,} parameters")
    pretrain(model, tokenizer, judge, options.steps, say)
    save(model, f"{options.kind}-base")
    aligned = align(model, tokenizer, judge, options.dpo_steps, say)
    save(aligned, f"{options.kind}-aligned")


if __name__ == "__main__":
    main()
