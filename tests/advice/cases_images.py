"""Advice about image files."""

import io

from advice.advice import Case
from PIL import Image


def png(grey: int) -> bytes:
    """Return the file of a small image of one colour."""
    file = io.BytesIO()
    Image.new("L", (4, 4), grey).save(file, "PNG")
    return file.getvalue()


FOLDER = "data=images data.path=pets"
PETS = {
    f"pets/{name}/{i}.png": png(i + start) for start, name in enumerate(("cat", "dog")) for i in range(20)
}
LABELS = "file,kind,size\n" + "".join(
    f"pets/{n}/{i}.png,{n},{i % 2}\n" for n in ("cat", "dog") for i in range(20)
)
LATER = {name.replace("pets", "later"): content for name, content in PETS.items()}

CASES = [
    Case(
        f"{FOLDER} data.size=[8]",
        "data.size=[8]: expected height and width, or one number for both",
        ("data.size=32",),
        PETS,
    ),
    Case(
        f"{FOLDER} data.test=0.3 data.test_path=later",
        "data.test=0.3 draws test images, and data.test_path holds others",
        ("data.test=0", "data.test_path=null"),
        PETS | LATER,
    ),
    Case(
        f"{FOLDER} data.test_path=pets",
        "data.test_path is data.path: the test images would be those of training",
        ("data.test_path=null",),
        PETS,
    ),
    Case(
        f"{FOLDER} data.broken=error",
        "1 of 41 files cannot be read as images:\n  dog/none.png: the file is empty",
        ("data.broken=skip",),
        PETS | {"pets/dog/none.png": b""},
    ),
    Case(
        "data=images data.path=three",
        "three: each class has a single image, so none can be held out",
        ("data.test=0 data.validation=0",),
        {f"three/{name}/0.png": png(i) for i, name in enumerate("abc")},
    ),
    Case(
        "data=images data.path=few data.stratify=false data.test=0.5",
        "few: no training image of dog: all are drawn for the test",
        ("data.stratify=true",),
        {f"few/cat/{i}.png": png(i) for i in range(20)} | {f"few/dog/{i}.png": png(i) for i in range(3)},
    ),
    Case(
        "data=images data.path=labels.csv",
        "labels.csv: kind, size: expected one column of classes",
        ("data.target=kind", "data.target=size"),
        PETS | {"labels.csv": LABELS},
    ),
]
