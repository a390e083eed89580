from nnexp.experiment.random_streams import RandomStreams


def draws(seed, name):
    return list(RandomStreams(seed)(name).integers(0, 1000, 5))


def test_a_stream_depends_on_seed_and_name_alone():
    streams = RandomStreams(0)
    streams("init").random(100)
    assert list(streams("shuffle").integers(0, 1000, 5)) == draws(0, "shuffle")
    assert draws(0, "shuffle") != draws(1, "shuffle")
    assert draws(0, "shuffle") != draws(0, "init")


def test_streams_are_the_same_on_every_machine():
    assert draws(0, "split") == [149, 616, 243, 980, 775]
