"""An SQLite store that two users of a group share."""

import os
import stat

from fixtures.users import GROUP

FIRST, SECOND = 65531, 65532
TRAIN = ["data=digits", "trainer.epochs=1", "trainer.threads=1"]


def test_two_users_of_a_group_share_a_store(shared_folder, as_user, empty_store):
    os.chown(shared_folder, -1, GROUP)
    shared_folder.chmod(0o2775)
    as_user(TRAIN, FIRST, umask=0o002)
    database, lock = shared_folder / "mlruns" / "mlflow.db", shared_folder / "mlruns" / ".lock"
    assert stat.S_IMODE(database.stat().st_mode) == stat.S_IMODE(lock.stat().st_mode) == 0o664
    output = as_user([*TRAIN, "seed=1"], SECOND, umask=0o002)
    assert "view it with: nnexp ui" in output
    assert len(as_user(["runs", "--csv"], FIRST).splitlines()) == 3


def test_reading_needs_no_lock_and_no_right_to_write(shared_folder, as_user):
    shared_folder.chmod(0o777)
    as_user(TRAIN, FIRST)
    lock = shared_folder / "mlruns" / ".lock"
    lock.chmod(0o600)
    assert len(as_user(["runs", "--csv"], SECOND).splitlines()) == 2
    (shared_folder / "mlruns" / "mlflow.db").chmod(0o444)
    lock.unlink()
    (shared_folder / "mlruns").chmod(0o555)
    assert len(as_user(["runs", "--csv"], SECOND).splitlines()) == 2
    assert not lock.exists()
