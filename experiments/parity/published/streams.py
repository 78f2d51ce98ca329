"""The numbers that golden runs start from: everything follows from a name."""
import functools
import math
import zlib

import numpy as np
import torch


def shifted(state):
    """The next state of xorshift32."""
    state = state ^ (state << np.uint32(13))
    state = state ^ (state >> np.uint32(17))
    return state ^ (state << np.uint32(5))


@functools.lru_cache(None)
def leap(exponent):
    """
    Tables of the map from a state to the one 2^exponent later. It is linear over GF(2): the image of a state is the XOR
    of the images of its bits, here by byte, so that a whole array of states leaps with four look-ups.
    """
    bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
    images = shifted(bits) if exponent == 0 else leaped(exponent - 1, leaped(exponent - 1, bits))
    tables = []
    for byte in range(4):
        table = np.zeros(1, np.uint32)
        for image in images[8 * byte : 8 * byte + 8]:
            table = np.concatenate([table, table ^ image])
        tables.append(table)
    return tables


def leaped(exponent, states):
    low, second, third, high = leap(exponent)
    return low[states & 255] ^ second[states >> 8 & 255] ^ third[states >> 16 & 255] ^ high[states >> 24]


def stream(name, count):
    """xorshift32 from the name's CRC-32, as values from -1 to 1."""
    states = shifted(np.array([zlib.crc32(name.encode()) or 1], np.uint32))
    exponent = 0
    while len(states) < count:
        states = np.concatenate([states, leaped(exponent, states)])
        exponent += 1
    return states[:count] / 2**32 * 2 - 1


def initial(name, shape):
    """A parameter's initial values."""
    u = stream(name, math.prod(shape))
    if len(shape) == 4:
        u = u * math.sqrt(6 / math.prod(shape[1:]))
    elif len(shape) == 2:
        u = u / math.sqrt(shape[1])
    elif len(shape) == 0 or name.endswith("weight"):
        u = 1 + 0.1 * u
    else:
        u = 0.1 * u
    return torch.tensor(u.astype(np.float32)).reshape(shape)
