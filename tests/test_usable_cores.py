import pytest

from nnexp.usable_cores import cpu_quota, usable_cores


@pytest.mark.parametrize(("text", "quota"), [("max 100000", None), ("50000 100000", 0.5), ("?", None)])
def test_the_quota_of_a_container_counts(tmp_path, text, quota):
    (tmp_path / "cpu.max").write_text(text + "\n")
    assert cpu_quota(tmp_path) == quota


@pytest.mark.parametrize(("quota", "cores"), [("-1", None), ("150000", 1.5)])
def test_the_quota_of_an_older_container_counts(tmp_path, quota, cores):
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert cpu_quota(tmp_path) == cores


@pytest.mark.parametrize(("quota", "cores"), [(0.2, 1), (1.0, 1), (10_000.0, None), (None, None)])
def test_less_than_a_core_counts_as_one(monkeypatch, quota, cores):
    unlimited = usable_cores()
    monkeypatch.setattr("nnexp.usable_cores.cpu_quota", lambda: quota)
    assert usable_cores() == (cores or unlimited)
