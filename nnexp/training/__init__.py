"""Training: the trainer, its optimizer step, diagnostics, the best weights. No config, tracking or plots."""
