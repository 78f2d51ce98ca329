"""The augmenting chains of MLAAN: names of the units that they are shaped like, by the unit that ends the block."""


def chain(run, ending, last_cut):
    layers, stage, index = run.settings["layers"], ending[0], int(ending[2:])
    if run.imagenet:
        return IMAGENET[layers].get(ending, IMAGENET[layers].get(stage)).split()
    if layers == 32:
        return (RESNET32_K8 if run.K == 8 else RESNET32_K16)[ending].split()
    return resnet110(stage, index, run.K, last_cut).split()


RESNET32_K16 = {
    **dict.fromkeys(("1.1", "1.3"), "2.0 3.0 3.2 3.4"),
    **dict.fromkeys(("1.2", "1.4"), "2.0 3.0 3.3 3.4"),
    **dict.fromkeys(("2.0", "2.1", "2.2", "2.3", "2.4"), "3.0 3.2 3.3 3.4"),
    "3.0": "3.1 3.2 3.4",
    "3.1": "3.2 3.3 3.4",
    "3.2": "3.3 3.4",
    "3.3": "3.4",
}
RESNET32_K8 = {
    "1.2": "2.0 3.0 3.2 3.4",
    "1.4": "2.0 3.0 3.3 3.4",
    **dict.fromkeys(("2.1", "2.3"), "3.0 3.2 3.3 3.4"),
    "3.0": "3.2 3.3 3.4",
    "3.2": "3.3 3.4",
}
IMAGENET = {
    34: {
        "1": "2.0 2.1 3.0 4.0 4.2",
        "2": "2.1 3.0 4.0 4.2",
        "3": "3.1 4.0 4.1",
        "4.0": "4.1 4.1 4.2",
        "4.1": "4.1 4.2",
    },
    101: {"1": "2.0 3.0 4.0 4.2", "2": "3.0 4.0 4.1", "3": "4.0 4.1", "4.0": "4.1 4.2", "4.1": "4.1 4.2"},
}


def resnet110(stage, index, K, last_cut):
    if last_cut:
        return "3.17"
    if stage == "1":
        return "2.0 3.0 3.2 3.17"
    if stage == "2":
        return "3.0 3.3 3.4 3.17" if index == 17 else "3.0 3.2 3.3 3.17"
    if index <= 6:
        return "3.8 3.17"
    if index <= 10:
        return "3.14 3.17"
    return "3.15 3.17" if index <= 12 else "3.16 3.17"
