"""Fine-tuning on long rows, of every model type."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from cases import RELATIVES, TYPES, load
from transformers import AutoModelForSequenceClassification, Trainer, TrainingArguments


class Documents(torch.utils.data.Dataset):
    """Long rows of tokens; the label depends on one token far behind the first block."""

    def __init__(self, vocab_size: int, pad: int, count: int = 64):
        generator = torch.Generator().manual_seed(0)
        self.ids = torch.randint(0, vocab_size, (count, 70), generator=generator)
        self.ids[self.ids == pad] = (pad + 1) % vocab_size
        self.labels = torch.arange(count) % 2
        self.ids[:, 50:60] = torch.where(
            self.labels[:, None] == 0, (pad + 2) % vocab_size, (pad + 3) % vocab_size
        )

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        ids = self.ids[index]
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": self.labels[index]}


@pytest.mark.parametrize("model_type", [t for t in TYPES if t not in RELATIVES])
def test_the_loss_falls(model_type: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = load(model_type, AutoModelForSequenceClassification, num_labels=2)
    arguments = TrainingArguments(
        str(tmp_path),
        max_steps=40,
        per_device_train_batch_size=16,
        learning_rate=3e-3,
        logging_steps=10,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
    )
    data = Documents(model.config.vocab_size, model.config.pad_token_id)
    trainer = Trainer(model, arguments, train_dataset=data)
    trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert losses[-1] < 0.7 * losses[0], losses
