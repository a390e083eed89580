"""Messages about folders and downloads."""

from advice.advice import Case

CASES = [
    Case("data=kmnist trainer.batch_size=32", "cannot download train-images-idx3-ubyte.gz", ("data=digits",))
]
