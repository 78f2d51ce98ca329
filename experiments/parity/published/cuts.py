"""Where the published code cuts: names of the units that end a block, `stage.index`, the last one's left out."""


def names(text):
    return [f"{stage}.{index}" for stage, *indices in map(str.split, text.split("|")) for index in indices]


MAN = {
    32: {
        2: names("2 1"),
        3: names("1 4|2 4"),
        4: names("1 2|2 1|3 0"),
        8: names("1 0 2 4|2 1 3|3 0 2"),
    },
    110: {
        2: names("2 8"),
        3: names("1 17|2 17"),
        4: names("1 11|2 7|3 3"),
        8: names("1 4 11|2 0 7 14|3 3 10"),
        16: names("1 1 4 7 10 13 16|2 1 4 7 11 15|3 1 5 9 13"),
        32: names("1 1 2 4 5 7 9 11 13 14 16 17|2 1 2 4 5 7 9 11 13 14 16 17|3 1 3 4 6 7 9 11 13 15"),
    },
}
BALANCED = {
    "cifar10": {2: names("1 14"), 3: names("1 9|2 2"), 4: names("1 6 14|2 8")},
    "stl10": {3: names("1 8|2 1")},
}
IMAGENET = {
    "man": {34: {2: names("2 0")}, 101: {2: names("2 0"), 4: names("2 2|3 8 16")}},
    "hpff": {34: {4: names("2 0|3 0 5")}, 101: {4: names("3 0 9 17")}},
    "man-plus": {101: {2: names("2 0"), 4: names("2 2|3 8 16")}},
}


def joined_ends(run):
    """Positions of the units that end a block, the stem being part of the first block, the last unit the last of them."""
    K, layers, units = run.K, run.settings["layers"], run.net.units
    last = len(units) - 1
    if run.imagenet:
        table = IMAGENET[run.method][layers]
    elif run.options.get("balanced_memory"):
        table = BALANCED["stl10" if run.options.get("dataset") == "stl10" else "cifar10"]
    elif K == len(units):
        return list(range(1, last + 1))
    else:
        table = MAN[layers]
    positions = {unit.name: i for i, unit in enumerate(units)}
    return [positions[name] for name in table[K]] + [last]
