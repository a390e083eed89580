"""The networks of sweep.py with PyTorch Lightning, Hydra, its joblib launcher and MLflow.

As project templates combine them: a LightningModule with torchmetrics, a DataModule with torchvision's MNIST
and transforms, the best and the last checkpoint, every epoch logged to MLflow, the test of the best.
"""

import logging
import os
import warnings
from dataclasses import dataclass, field
from typing import Any

import hydra
import lightning
import torch
from hydra.core.config_store import ConfigStore
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import MLFlowLogger
from omegaconf import MISSING, OmegaConf
from torch import nn
from torch.utils.data import DataLoader, random_split
from torchmetrics import MaxMetric, MeanMetric
from torchmetrics.classification import MulticlassAccuracy
from torchvision.datasets import MNIST
from torchvision.transforms import transforms

SPLITS = ("train", "val", "test")
SCALING = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])


@dataclass
class Config:
    data: str = MISSING  # folder that holds MNIST/raw
    store: str = MISSING  # tracking URI
    hidden: int = 128
    lr: float = 0.001
    seed: int = 0
    epochs: int = 10
    batch_size: int = 128
    defaults: list[Any] = field(default_factory=lambda: ["_self_"])


ConfigStore.instance().store("config", Config)


class Data(lightning.LightningDataModule):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config

    def setup(self, stage: str | None = None) -> None:
        generator = torch.Generator().manual_seed(self.config.seed)
        self.train, self.val = random_split(self.images(train=True), [50_000, 10_000], generator)
        self.test = self.images(train=False)

    def images(self, train: bool) -> MNIST:
        return MNIST(self.config.data, train=train, transform=SCALING)

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.train, self.config.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return DataLoader(self.val, self.config.batch_size)

    def test_dataloader(self) -> DataLoader:
        return DataLoader(self.test, self.config.batch_size)


class Classifier(lightning.LightningModule):
    def __init__(self, hidden: int, lr: float) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(784, hidden), nn.ReLU(), nn.Linear(hidden, 10))
        self.criterion = nn.CrossEntropyLoss()
        self.accuracies = nn.ModuleDict(
            {f"{split}_accuracy": MulticlassAccuracy(10, average="micro") for split in SPLITS}
        )
        self.losses = nn.ModuleDict({f"{split}_loss": MeanMetric() for split in SPLITS})
        self.best = MaxMetric()

    def evaluate(self, batch: tuple[torch.Tensor, torch.Tensor], split: str) -> torch.Tensor:
        x, y = batch
        logits = self.net(x)
        loss = self.criterion(logits, y)
        self.losses[f"{split}_loss"](loss)
        self.accuracies[f"{split}_accuracy"](logits.argmax(1), y)
        for name, metric in (("loss", self.losses), ("accuracy", self.accuracies)):
            self.log(f"{split}/{name}", metric[f"{split}_{name}"], on_step=False, on_epoch=True)
        return loss

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], index: int) -> torch.Tensor:
        return self.evaluate(batch, "train")

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], index: int) -> None:
        self.evaluate(batch, "val")

    def on_validation_epoch_end(self) -> None:
        self.best(self.accuracies["val_accuracy"].compute())
        self.log("val/best", self.best.compute(), sync_dist=True)

    def test_step(self, batch: tuple[torch.Tensor, torch.Tensor], index: int) -> None:
        self.evaluate(batch, "test")

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=self.hparams["lr"])


@hydra.main(version_base="1.3", config_path=None, config_name="config")
def main(config: Config) -> float:
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    lightning.seed_everything(config.seed, workers=True, verbose=False)
    folder = hydra.core.hydra_config.HydraConfig.get().runtime.output_dir
    logger = MLFlowLogger("sweep", tracking_uri=config.store)
    checkpoint = ModelCheckpoint(
        os.path.join(folder, "checkpoints"), monitor="val/accuracy", mode="max", save_last=True
    )
    trainer = lightning.Trainer(
        max_epochs=config.epochs,
        accelerator="cpu",
        logger=logger,
        callbacks=[checkpoint],
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
    )
    model = Classifier(config.hidden, config.lr)
    logger.log_hyperparams(OmegaConf.to_container(config))
    data = Data(config)
    trainer.fit(model, data)
    trainer.test(model, data, ckpt_path="best", verbose=False, weights_only=False)
    return float(checkpoint.best_model_score)


if __name__ == "__main__":
    main()
