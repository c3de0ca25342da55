#!/usr/bin/env python3
"""Makes keys.txt: public keys that must be refused, and sound ones beside them.

Nothing here is copied from anywhere: each weak key is made by the rule that its published description gives (README). The random
numbers come from a fixed seed, so that a second run makes the same file:   python3 make_keys.py >keys.txt
"""
import math
import random

source = random.Random("chancery weak keys")


def is_prime(n, rounds=32):
    if n < 2 or n % 2 == 0:
        return n == 2
    for p in small_primes[:60]:
        if n % p == 0:
            return n == p
    d, s = n - 1, 0
    while d % 2 == 0:
        d, s = d // 2, s + 1
    for _ in range(rounds):
        x = pow(source.randrange(2, n - 1), d, n)
        if x in (1, n - 1):
            continue
        for _ in range(s - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def sieve(limit):
    composite = bytearray(limit)
    out = []
    for n in range(2, limit):
        if not composite[n]:
            out.append(n)
            composite[n * n::n] = b"\1" * len(composite[n * n::n])
    return out


small_primes = sieve(9000)


def prime(bits):
    while True:
        n = source.getrandbits(bits) | 3 << (bits - 2) | 1
        if is_prime(n):
            return n


def next_prime(n):
    n += 2 - n % 2
    while n % 2 == 0 or not is_prime(n):
        n += 1
    return n


def roca_prime(bits, count):
    """p = k * M + (65537^a mod M), M the product of the first `count` primes (Nemec et al., CCS 2017, section 2)."""
    m = math.prod(small_primes[:count])
    while True:
        residue = pow(65537, source.randrange(2 ** 64), m)
        low, high = 3 << (bits - 2), 1 << bits
        p = source.randrange(low // m + 1, high // m) * m + residue
        if p.bit_length() == bits and is_prime(p):
            return p


def damaged(bits, factor):
    """A modulus that one of its digits was damaged in: divisible by a small prime, and by no smaller one."""
    while True:
        n = prime(bits // 2) * prime(bits // 2)
        n += -n % factor
        if n % 2 == 1 and n.bit_length() == bits and all(n % p for p in small_primes if p < factor):
            return n


def rsa(want, name, n, e=65537):
    print(f"rsa {want} {name} {n:x} {e:x}")


rsa("sound", "rsa-2048", prime(1024) * prime(1024))
rsa("sound", "rsa-3072", prime(1536) * prime(1536))
rsa("sound", "rsa-4096", prime(2048) * prime(2048))
rsa("sound", "exponent-3", prime(1024) * prime(1024), 3)
rsa("key.size", "rsa-1024", prime(512) * prime(512))
rsa("key.size", "rsa-2047", prime(1023) * prime(1024))
rsa("key.size", "rsa-2052", prime(1026) * prime(1026))
n = prime(1024) * prime(1024)
rsa("key.exponent", "exponent-1", n, 1)
rsa("key.exponent", "exponent-2", n, 2)
rsa("key.exponent", "exponent-even", n, 65536)
rsa("key.exponent", "exponent-huge", n, (1 << 256) + 1)
rsa("key.modulus", "modulus-even", n + 1)
for factor in (3, 5, 751, 761, 8191):
    rsa("key.small_factor", f"factor-{factor}", damaged(2048, factor))
rsa("key.roca", "roca-2048", roca_prime(1024, 71) * roca_prime(1024, 71))
rsa("key.roca", "roca-3072", roca_prime(1536, 71) * roca_prime(1536, 71))
rsa("key.roca", "roca-4096", roca_prime(2048, 126) * roca_prime(2048, 126))
# one prime of that library and a sound one: the fingerprint is of the product, and does not fit
rsa("sound", "half-roca", roca_prime(1024, 71) * prime(1024))
for bits in (2048, 4096):
    p = prime(bits // 2)
    rsa("key.close_primes", f"square-{bits}", p * p)
    rsa("key.close_primes", f"next-{bits}", p * next_prime(p))
    # a = (p + q) / 2 lies d^2 / 8 sqrt(n) above the root: half as many bits apart are found in the first round
    rsa("key.close_primes", f"near-{bits}", p * next_prime(p + (1 << (bits // 4))))
    # and about round 72 of 100, and beyond the hundredth
    rsa("key.close_primes", f"round-72-{bits}", p * next_prime(p + math.isqrt(8 * p * 71)))
    rsa("sound", f"round-200-{bits}", p * next_prime(p + math.isqrt(8 * p * 200)))


def point(want, name, octets):
    print(f"{want[0]} {want[1]} {name} {octets.hex()}")


# Base points of SP 800-186 3.2.1, and what is wrong in one octet each.
curves = {
    256: ("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
          "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5", 2**256 - 2**224 + 2**192 + 2**96 - 1),
    384: ("aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7",
          "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f",
          2**384 - 2**128 - 2**96 + 2**32 - 1),
    521: ("00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66",
          "011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650",
          2**521 - 1),
}
for bits, (x, y, p) in curves.items():
    size = (bits + 7) // 8
    x, y = int(x, 16), int(y, 16)

    def octets(x, y, form=4):
        return bytes([form]) + x.to_bytes(size, "big") + y.to_bytes(size, "big")

    point((f"ec{bits}", "sound"), "base", octets(x, y))
    point((f"ec{bits}", "sound"), "negative", octets(x, p - y))
    point((f"ec{bits}", "key.point"), "x-changed", octets(x ^ 1, y))
    point((f"ec{bits}", "key.point"), "y-changed", octets(x, y ^ 1))
    point((f"ec{bits}", "key.point"), "zero", octets(0, 0))
    point((f"ec{bits}", "key.point"), "hybrid", octets(x, y, 6 + y % 2))
    point((f"ec{bits}", "key.point"), "compressed", bytes([2 + y % 2]) + x.to_bytes(size, "big"))
    point((f"ec{bits}", "key.point"), "infinity", b"\0")
    point((f"ec{bits}", "key.point"), "short", octets(x, y)[:-1])
    if 8 * size > bits or p + x < 1 << 8 * size:
        point((f"ec{bits}", "key.point"), "x-not-reduced", octets(p + x, y))

# Ed25519: d and the base point of RFC 8032 5.1.
p = 2**255 - 19
d = -121665 * pow(121666, -1, p) % p


def x_squared(y):
    return (y * y - 1) * pow(d * y * y + 1, -1, p) % p


def low_order():
    """The y of the points whose order divides 8: what is left of a random point times the order of the large group."""
    order = 2**252 + 27742317777372353535851937790883648493
    found = {1, p - 1, 0}
    while len(found) < 5:
        y = source.randrange(p)
        xx = x_squared(y)
        if pow(xx, (p - 1) // 2, p) != 1:
            continue
        x = pow(xx, (p + 3) // 8, p)
        if x * x % p != xx:
            x = x * pow(2, (p - 1) // 4, p) % p
        q, base, k = (0, 1), (x, y), order
        while k:
            if k & 1:
                q = add(q, base)
            base, k = add(base, base), k >> 1
        found.add(q[1])
    return sorted(found)


def add(a, b):
    (x1, y1), (x2, y2) = a, b
    t = d * x1 * x2 * y1 * y2 % p
    return ((x1 * y2 + x2 * y1) * pow(1 + t, -1, p) % p, (y1 * y2 + x1 * x2) * pow(1 - t, -1, p) % p)


base = 4 * pow(5, -1, p) % p
point(("ed25519", "sound"), "base", base.to_bytes(32, "little"))
point(("ed25519", "sound"), "negative", (base | 1 << 255).to_bytes(32, "little"))
point(("ed25519", "key.point"), "not-reduced", (p + 3).to_bytes(32, "little"))
off = next(y for y in range(2, 100) if pow(x_squared(y), (p - 1) // 2, p) != 1)
point(("ed25519", "key.point"), "off", off.to_bytes(32, "little"))
for y in low_order():
    point(("ed25519", "key.point"), "low-order", y.to_bytes(32, "little"))
    point(("ed25519", "key.point"), "low-order-signed", (y | 1 << 255).to_bytes(32, "little"))
