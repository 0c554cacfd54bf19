"""secp256k1 and Ethereum's recovery of keys, by hand: from SEC 1 and SEC 2, with no library and slowly."""

from __future__ import annotations

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)

Point = tuple[int, int]


def add(left: Point | None, right: Point | None) -> Point | None:
    """The sum; None is the point at infinity."""
    if left is None or right is None:
        return right or left
    if left[0] == right[0]:
        if (left[1] + right[1]) % P == 0:
            return None
        slope = 3 * left[0] ** 2 * pow(2 * left[1], -1, P)
    else:
        slope = (right[1] - left[1]) * pow(right[0] - left[0], -1, P)
    x = (slope**2 - left[0] - right[0]) % P
    return x, (slope * (left[0] - x) - left[1]) % P


def times(point: Point | None, factor: int) -> Point | None:
    """The multiple."""
    result = None
    while factor:
        if factor & 1:
            result = add(result, point)
        point = add(point, point)
        factor >>= 1
    return result


def recovered(digest: bytes, r: int, s: int, odd: bool) -> bytes:
    """The compressed public key that a signature fits, as `ecrecover` finds it (SEC 1, section 4.1.6)."""
    root = pow(r**3 + 7, (P + 1) // 4, P)
    point = (r, root if root % 2 == odd else P - root)
    inverse = pow(r, -1, N)
    found = add(times(point, s * inverse % N), times(G, -int.from_bytes(digest) * inverse % N))
    assert found is not None
    return bytes([2 + found[1] % 2]) + found[0].to_bytes(32)
